#include "tools/cordon/walk.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/cordon/test_files.h"

namespace cordon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Walk = FilesTest;

std::vector<std::string> Skipped(const FileList& list) {
  std::vector<std::string> skipped;
  for (const auto& entry : list.skipped) skipped.push_back(entry.path + ": " + entry.reason);
  return skipped;
}

TEST_F(Walk, FilesComeInBytewiseOrder) {
  for (const char* name :
       {"b.txt", "a/z.md", "a/b/c.html.gz", "a.txt", "B.rst", "é.txt", "a0.htm"}) {
    Write(name, "x");
  }
  const auto list = ListFiles(folder_.native() + "/");
  ASSERT_TRUE(list.ok());
  EXPECT_THAT(list->files,
              ElementsAre("B.rst", "a.txt", "a/b/c.html.gz", "a/z.md", "a0.htm", "b.txt", "é.txt"));
  EXPECT_THAT(list->skipped, IsEmpty());
}

TEST_F(Walk, WhatIsLeftOutIsNamed) {
  Write("a.txt", "x");
  Write("b.pdf", "x");
  Write(".secret.txt", "x");
  Write(".git/x.txt", "x");
  ASSERT_EQ(mkfifo((folder_ / "pipe.txt").c_str(), 0600), 0);
  const auto list = ListFiles(folder_.native());
  ASSERT_TRUE(list.ok());
  EXPECT_THAT(list->files, ElementsAre("a.txt"));
  EXPECT_THAT(Skipped(*list), ElementsAre(".git: hidden", ".secret.txt: hidden",
                                          "b.pdf: unknown format", "pipe.txt: not a regular file"));
}

// The fear: a link in the directory takes a file of another owner into the collection.
TEST_F(Walk, LinksDoNotLeadOut) {
  Write("outside.txt", "x");
  Write("dirx/a.txt", "x");
  Write("dir/sub/a.txt", "x");
  const auto link = [&](const char* target, const char* name) {
    std::filesystem::create_symlink(target, folder_ / "dir" / name);
  };
  link("sub/a.txt", "in.txt");
  link("../outside.txt", "out.txt");
  link("../dirx/a.txt", "prefix.txt");
  link("/etc/passwd", "passwd.txt");
  link("..", "up");
  link("sub", "folder");
  link("missing", "broken.txt");
  link("loop.txt", "loop.txt");
  link("sub/a.txt", "noformat");
  const auto list = ListFiles((folder_ / "dir").native());
  ASSERT_TRUE(list.ok());
  EXPECT_THAT(list->files, ElementsAre("in.txt", "sub/a.txt"));
  EXPECT_THAT(
      Skipped(*list),
      ElementsAre("broken.txt: a link to nothing", "folder: a linked folder",
                  "loop.txt: a link to nothing", "noformat: unknown format",
                  "out.txt: a link out of the directory", "passwd.txt: a link out of the directory",
                  "prefix.txt: a link out of the directory", "up: a link out of the directory"));
}

TEST_F(Walk, NoDirectoryIsRefused) {
  for (const std::string& path :
       {(folder_ / "missing").native(), Write("file.txt", "x"), std::string()}) {
    const auto list = ListFiles(path);
    ASSERT_FALSE(list.ok()) << path;
    EXPECT_EQ(list.status().field(), "file");
  }
}

}  // namespace
}  // namespace cordon
