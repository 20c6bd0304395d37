#include "tools/cordon/extract.h"

#include <gmock/gmock.h>

#include "engine/base/limits.h"
#include "tests/cordon/test_files.h"

namespace cordon {
namespace {

using ::testing::HasSubstr;

using Extract = FilesTest;

TEST_F(Extract, EveryFormatPlainAndGzipped) {
  for (std::string_view name : {"a.txt", "a.md", "a.rst", "a.html", "a.htm", "A.HTML", "a.b.txt"}) {
    EXPECT_TRUE(FormatOf(name).has_value()) << name;
    EXPECT_TRUE(FormatOf("dir.x/" + std::string(name) + ".gz").has_value()) << name;
  }
  for (std::string_view name :
       {"a", "a.pdf", "a.gz", ".txt", ".html.gz", "a.txt.bz2", "txt", "d.txt/"}) {
    EXPECT_FALSE(FormatOf(name).has_value()) << name;
  }
  EXPECT_EQ(ExtractFile(Write("a.html.gz", Gzip("<h1>T</h1>x")))->text, "# T\n\nx");
  EXPECT_EQ(ExtractFile(Write("a.md.gz", Gzip("text")))->text, "text");
}

TEST_F(Extract, TitleIsTheHeadingOrTheName) {
  EXPECT_EQ(ExtractFile(Write("a.md", "\n# The title\n\ntext"))->title, "The title");
  EXPECT_EQ(ExtractFile(Write("b.md", "\xef\xbb\xbfTitle\n=====\ntext"))->title, "Title");
  EXPECT_EQ(ExtractFile(Write("c.rst", "=====\nTitle\n=====\ntext"))->title, "Title");
  EXPECT_EQ(ExtractFile(Write("d.txt.gz", Gzip("just text")))->title, "d");
  EXPECT_EQ(ExtractFile(Write("e.f.txt", "#hashtag\n"))->title, "e.f");
  EXPECT_EQ(ExtractFile(Write("g.html", "<p>x"))->title, "g");
  EXPECT_EQ(ExtractFile(Write("h.txt", std::string(5000, 'x') + "\n====\n"))->title, "h");
}

TEST_F(Extract, BadFilesAreRefusedWithFieldAndRemedy) {
  struct {
    std::string name;
    std::string bytes;
    std::string field;
  } cases[] = {
      {"a.pdf", "x", "file"},
      {"a.txt.gz", Gzip("long enough to be cut").substr(0, 20), "file"},
      {"b.txt.gz", "plain", "file"},
      {"c.txt", "caf\xe9", "text"},
      {"d.txt", std::string("a\0b", 3), "text"},
      {"e.txt", " \n", "text"},
      {"f.txt", "", "text"},
      {"g.html", "<title>only a title</title>", "text"},
      {"h.html", "<title>" + std::string(5000, 'x') + "</title>y", "title"},
      {"i.txt", std::string(limits::kDocumentTextBytes + 1, 'x'), "file"},
      {"j.html.gz", Gzip(std::string(64 << 20, ' ')), "file"},
      {"k.html", "<meta charset=koi8-r>x", "text"},
      {"l.txt", "\xff\xfe\x01", "text"},
  };
  const std::string most(limits::kDocumentTextBytes, 'x');
  EXPECT_TRUE(ExtractFile(Write("most.txt", most)).ok());
  for (const auto& bad : cases) {
    const auto document = ExtractFile(Write(bad.name, bad.bytes));
    ASSERT_FALSE(document.ok()) << bad.name;
    EXPECT_EQ(document.status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(document.status().field(), bad.field) << bad.name;
    EXPECT_THAT(std::string(document.status().message()), HasSubstr("; ")) << bad.name;
  }
  EXPECT_EQ(ExtractFile((folder_ / "missing.txt").native()).status().field(), "file");
}

TEST_F(Extract, NameThatIsNoUtf8CannotBeATitle) {
  EXPECT_EQ(ExtractFile(Write("\xff.txt", "text")).status().field(), "title");
}

}  // namespace
}  // namespace cordon
