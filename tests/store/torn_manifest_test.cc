// A MANIFEST whose last record was being written when the power went, and one that is damaged.
#include "engine/store/torn_manifest.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/store/database.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

std::string ReadAll(const fs::path& path) {
  std::stringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

void WriteAll(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

class TornManifest : public testing::Test {
 protected:
  TornManifest() {
    EXPECT_TRUE(Database::Open(store_, /*create=*/true).ok());
    for (const auto& entry : fs::directory_iterator(store_)) {
      if (entry.path().filename().string().starts_with("MANIFEST-")) manifest_ = entry.path();
    }
    whole_ = ReadAll(manifest_);
    last_ = BytesBeforeTornRecord(std::string_view(whole_).substr(0, whole_.size() - 1));
  }

  // Whether the store opens with these bytes in its MANIFEST. It is as before afterwards.
  bool Opens(const std::string& bytes) {
    const fs::path copy = scratch_ / "copy";
    fs::remove_all(copy);
    fs::copy(store_, copy, fs::copy_options::recursive);
    WriteAll(copy / manifest_.filename(), bytes);
    return Database::Open(copy, /*create=*/false).ok();
  }

  ScratchDirectory scratch_;
  const std::string store_ = scratch_ / "store";
  fs::path manifest_;
  std::string whole_;
  size_t last_ = 0;  // where the last record begins
};

TEST_F(TornManifest, ARecordThatWasBeingWrittenShutsTheStore) {
  const std::string record = whole_.substr(last_);
  ASSERT_GT(record.size(), 10u);
  EXPECT_TRUE(Opens(whole_));
  for (size_t bytes = 1; bytes < record.size(); bytes += 3) {
    EXPECT_TRUE(Opens(whole_ + record.substr(0, bytes))) << "cut off after " << bytes;
  }
  for (size_t at = 0; at < record.size(); at += 3) {
    std::string garbled = record;
    garbled[at] = static_cast<char>(garbled[at] ^ 0x55);
    EXPECT_TRUE(Opens(whole_ + garbled)) << "garbled at " << at;
    EXPECT_EQ(BytesBeforeTornRecord(whole_ + garbled), whole_.size()) << "garbled at " << at;
  }
  EXPECT_TRUE(Opens(whole_ + std::string(600, '\0')));
}

TEST_F(TornManifest, DamageBeforeOtherRecordsIsCutOff) {
  for (size_t at = 8; at < last_; at += 7) {
    std::string damaged = whole_;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    EXPECT_EQ(BytesBeforeTornRecord(damaged), damaged.size()) << at;
    EXPECT_FALSE(Opens(damaged)) << at;
  }
}

TEST_F(TornManifest, TheFileAsItWasIsGone) {
  std::string garbled = whole_.substr(last_);
  garbled.back() = static_cast<char>(garbled.back() ^ 0x55);
  WriteAll(manifest_, whole_ + garbled);
  ASSERT_TRUE(Database::Open(store_, /*create=*/false).ok());
  EXPECT_EQ(ReadAll(fs::path(store_) / ("torn-" + manifest_.filename().string())),
            whole_ + garbled);
}

}  // namespace
}  // namespace cordon
