#include "engine/store/options_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/store/database.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

TEST(OptionsFile, IsWrittenAtEachOpening) {
  const ScratchDirectory scratch;
  const std::string store = scratch / "store";
  for (const bool create : {true, false, false}) {
    ASSERT_TRUE(Database::Open(store, create).ok());
    for (const auto& entry : fs::directory_iterator(store)) {
      EXPECT_FALSE(entry.path().filename().string().starts_with("OPTIONS")) << entry.path();
    }
  }
}

TEST(OptionsFile, OfAnEarlierOpeningShutsTheStore) {
  const ScratchDirectory scratch;
  const std::string store = scratch / "store";
  ASSERT_TRUE(Database::Open(store, /*create=*/true).ok());
  std::ofstream(store + "/OPTIONS-000007") << "max_open_files=1";
  EXPECT_TRUE(Database::Open(store, /*create=*/false).ok());
}

}  // namespace
}  // namespace cordon
