// A search for what is left of erased documents that passes over a table, or reads them all.
#include "engine/store/remains.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

class Remains : public testing::Test {
 protected:
  // Documents 0, 1 and 2, each in tables of its own.
  void SetUp() override {
    store_.Do(kDocs);
    for (const char* id : {"a", "b", "c"}) {
      store_.Do(IngestOf(id, "allow { principal: 'everyone' }", "level: 'public'"));
      ASSERT_TRUE(store_.database().Flush().ok());
    }
  }
  // The table that holds the chunks of a document.
  std::string TableOf(uint64_t number) {
    const auto files = store_.database().Files();
    for (const auto& file : *files) {
      if (file.log || file.family != Family::kChunks) continue;
      if (DocumentNumber(file.smallest) == number) return file.path;
    }
    return "";
  }
  StatusOr<Searched> Search(const std::set<uint64_t>& numbers) {
    return SearchRemains(store_.database(), 1, 1, numbers);
  }

  ScratchStore store_;
};

TEST_F(Remains, RecordsAreOverlooked) {
  for (const std::set<uint64_t>& numbers : {std::set<uint64_t>{0}, {1}, {2}, {0, 2}, {0, 1, 2}}) {
    const auto searched = Search(numbers);
    ASSERT_TRUE(searched.ok()) << searched.status().ToString();
    EXPECT_GE(searched->records_left, 2 * numbers.size());
  }
  EXPECT_EQ(Search({7, 8})->records_left, 0u);
  EXPECT_EQ(SearchRemains(store_.database(), 1, 2, {0, 1})->records_left, 0u);
}

// Numbers that lie far apart would have every table between them read.
TEST_F(Remains, ATableThatHoldsNoneOfThemIsRead) {
  const std::string table = TableOf(1);
  ASSERT_FALSE(table.empty());
  std::filesystem::resize_file(table, 10);
  EXPECT_FALSE(Search({1}).ok()) << "the test shows nothing";
  const auto searched = Search({0, 2});
  ASSERT_TRUE(searched.ok()) << searched.status().ToString();
  EXPECT_GE(searched->records_left, 4u);
}

}  // namespace
}  // namespace cordon
