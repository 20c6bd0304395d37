// Fears about files that are replaced: that half of one is there, that others may read it, that
// what it held before stays on the disk, or that one which is there is taken for removed.
#include "engine/base/replace_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

class ReplaceFileTest : public testing::Test {
 protected:
  static std::string Content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  const ScratchDirectory scratch_;
  const fs::path dir_ = scratch_ / "";
};

TEST_F(ReplaceFileTest, HoldsTheNewContentAndNobodyElseMayReadIt) {
  const fs::path path = dir_ / "file";
  ASSERT_TRUE(ReplaceFile(path, "one", "dir").ok());
  EXPECT_EQ(Content(path), "one");
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  std::ofstream(path.string() + ".tmp") << "what a crash left, which is longer";
  ASSERT_TRUE(ReplaceFile(path, "", "dir").ok());
  EXPECT_EQ(Content(path), "");
  EXPECT_FALSE(fs::exists(path.string() + ".tmp"));
}

// By another name of the same file: what lay there is gone, not only its name.
TEST_F(ReplaceFileTest, WhatAFileHeldIsOverwritten) {
  const fs::path path = dir_ / "file", other = dir_ / "other";
  const std::string secret(100'000, 's');
  ASSERT_TRUE(ReplaceFile(path, secret, "dir").ok());
  fs::create_hard_link(path, other);
  ASSERT_TRUE(ReplaceFile(path, "new", "dir").ok());
  EXPECT_EQ(Content(path), "new");
  EXPECT_EQ(Content(other), std::string(secret.size(), '\0'));
  fs::remove(other);
  fs::create_hard_link(path, other);
  ASSERT_TRUE(RemoveFile(path, "dir").ok());
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(Content(other), std::string(3, '\0'));
  EXPECT_TRUE(RemoveFile(path, "dir").ok()) << "there is none any more";
}

// What a crash left is overwritten too: by another name of the same file.
TEST_F(ReplaceFileTest, WhatACrashLeftIsOnlyUnlinked) {
  const fs::path path = dir_ / "file", draft = path.string() + ".tmp", other = dir_ / "other";
  std::ofstream(draft) << "secret";
  fs::create_hard_link(draft, other);
  ASSERT_TRUE(ReplaceFile(path, "new", "dir").ok());
  EXPECT_EQ(Content(path), "new");
  EXPECT_EQ(Content(other), std::string(6, '\0'));
  EXPECT_FALSE(fs::exists(draft));
}

// A key in it would be taken for destroyed.
TEST_F(ReplaceFileTest, WhatCannotBeLookedForIsRemoved) {
  fs::create_symlink("loop", dir_ / "loop");
  const Status status = RemoveFile(dir_ / "loop" / "file", "dir");
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.field(), "dir");
}

TEST_F(ReplaceFileTest, WhatCannotBeOverwrittenIsRemoved) {
  const fs::path path = dir_ / "file";
  ASSERT_TRUE(ReplaceFile(path, "secret", "dir").ok());
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit no_more{0, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &no_more), 0);
  const Status status = RemoveFile(path, "dir");
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(Content(path), "secret");
}

TEST_F(ReplaceFileTest, AFailureLeavesTheOldContentAndNamesTheField) {
  const fs::path path = dir_ / "file";
  fs::create_directories(path / "not empty");
  const Status status = ReplaceFile(path, "new", "dir");
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.field(), "dir");
  EXPECT_TRUE(fs::is_directory(path));
  EXPECT_FALSE(fs::exists(path.string() + ".tmp"));
  EXPECT_FALSE(ReplaceFile(dir_ / "nowhere" / "file", "new", "dir").ok());
}

}  // namespace
}  // namespace cordon
