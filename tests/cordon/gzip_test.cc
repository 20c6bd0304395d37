#include "tools/cordon/gzip.h"

#include <gmock/gmock.h>

#include "engine/base/random.h"
#include "tests/cordon/test_files.h"

namespace cordon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kMax = 1 << 20;

using ReadFile = FilesTest;
using Lines = FilesTest;

std::string SomeText() {
  std::string text;
  Random random(5);
  for (int i = 0; i < 2000; ++i) text += "line " + std::to_string(random.Next()) + "\n";
  return text;
}

// "number:text" of each line, "number!field" of each refused one; last the status if not OK.
std::vector<std::string> ReadLines(const std::string& path, size_t line_max = kLineBytesMax) {
  auto reader = LineReader::Open(path, line_max);
  if (!reader.ok()) return {reader.status().ToString()};
  std::vector<std::string> lines;
  Line line;
  while (true) {
    const StatusOr<bool> more = reader->Next(line);
    if (!more.ok()) {
      lines.push_back(more.status().ToString());
      return lines;
    }
    if (!*more) return lines;
    lines.push_back(std::to_string(line.number) +
                    (line.status.ok() ? ":" + line.text : "!" + std::string(line.status.field())));
  }
}

TEST_F(ReadFile, PlainAndGzippedAreTheSame) {
  const std::string text = SomeText();
  EXPECT_EQ(*ReadFileUnpacked(Write("a.txt", text), kMax), text);
  EXPECT_EQ(*ReadFileUnpacked(Write("a.txt.gz", Gzip(text)), kMax), text);
  EXPECT_EQ(*ReadFileUnpacked(Write("b.txt.gz", Gzip(text) + Gzip("more")), kMax), text + "more");
  EXPECT_EQ(*ReadFileUnpacked(Write("empty", ""), kMax), "");
  EXPECT_EQ(*ReadFileUnpacked(Write("empty.gz", Gzip("")), kMax), "");
  EXPECT_EQ(*ReadFileUnpacked(Write("one", "x"), kMax), "x");
}

TEST_F(ReadFile, AsItIsUnpacksAndTrimsNothing) {
  const std::string bytes = " \r\n\xef\xbb\xbf\xff" + std::string(1, '\0') + "x\n\n";
  EXPECT_EQ(*ReadFileAsIs(Write("needle", bytes), kMax), bytes);
  EXPECT_EQ(*ReadFileAsIs(Write("packed", Gzip(bytes)), kMax), Gzip(bytes));
  EXPECT_EQ(*ReadFileAsIs(Write("named.gz", bytes), kMax), bytes);
  EXPECT_EQ(*ReadFileAsIs(Write("empty", ""), kMax), "");
  EXPECT_EQ(*ReadFileAsIs(Write("full", "1234"), 4), "1234");
  EXPECT_FALSE(ReadFileAsIs(Write("long", "12345"), 4).ok());
  EXPECT_FALSE(ReadFileAsIs("/dev/zero", kMax).ok());
}

TEST_F(ReadFile, MissingFolderAndPipeAreRefused) {
  for (const std::string& path :
       {(folder_ / "missing").native(), folder_.native(), std::string("/dev/zero")}) {
    const auto read = ReadFileUnpacked(path, kMax);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.status().field(), "file");
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(path));
  }
}

// The fear: half a file passes for the whole.
TEST_F(ReadFile, EveryCutOfAGzipFileIsRefused) {
  const std::string packed = Gzip("some text that is long enough to be cut in many places");
  for (size_t size = 0; size < packed.size(); ++size) {
    const auto read = ReadFileUnpacked(Write("cut.gz", packed.substr(0, size)), kMax);
    ASSERT_FALSE(read.ok()) << size;
    EXPECT_EQ(read.status().field(), "file");
  }
}

TEST_F(ReadFile, EveryFlippedBitIsRefusedOrHarmless) {
  const std::string text = "some text that is long enough to be damaged in many places";
  const std::string packed = Gzip(text);
  for (size_t bit = 0; bit < packed.size() * 8; ++bit) {
    std::string damaged = packed;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const auto read = ReadFileUnpacked(Write("damaged.gz", damaged), kMax);
    // The time or the system in the header may change.
    EXPECT_TRUE(!read.ok() || *read == text) << bit;
  }
}

TEST_F(ReadFile, WhatFollowsAGzipStreamIsRefused) {
  for (std::string_view tail :
       {"\n", "x", "garbage", "\x1f", "\x1f\x8b", "\x1f\x8bgarbage......"}) {
    EXPECT_FALSE(ReadFileUnpacked(Write("a.gz", Gzip("text") + std::string(tail)), kMax).ok());
  }
  EXPECT_FALSE(ReadFileUnpacked(Write("a.gz", Gzip("text") + std::string(8, '\0')), kMax).ok());
}

TEST_F(ReadFile, NamedGzButPlainIsRefused) {
  EXPECT_FALSE(ReadFileUnpacked(Write("a.txt.gz", "plain"), kMax).ok());
  EXPECT_FALSE(ReadFileUnpacked(Write("b.txt.gz", ""), kMax).ok());
}

TEST_F(ReadFile, BombIsStoppedAtTheLimit) {
  const std::string bomb = Gzip(std::string(64 << 20, '\0'));
  const auto read = ReadFileUnpacked(Write("bomb.gz", bomb), kMax);
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("1048576"));
  EXPECT_TRUE(ReadFileUnpacked(Write("fits", std::string(kMax, 'x')), kMax).ok());
  EXPECT_FALSE(ReadFileUnpacked(Write("over", std::string(kMax + 1, 'x')), kMax).ok());
}

TEST_F(Lines, TellHowFarTheyAre) {
  auto reader =
      LineReader::Open(Write("a", "12\n\n456\n" + std::string(8, 'x')), /*line_bytes_max=*/4);
  ASSERT_TRUE(reader.ok());
  Line line;
  std::vector<double> fractions = {reader->Fraction()};
  while (*reader->Next(line)) fractions.push_back(reader->Fraction());
  EXPECT_THAT(fractions, ElementsAre(0, 3 / 16.0, 4 / 16.0, 8 / 16.0, 1));
}

TEST_F(Lines, EveryLineHasItsNumber) {
  EXPECT_THAT(ReadLines(Write("a", "one\n\nthree\n")), ElementsAre("1:one", "2:", "3:three"));
  EXPECT_THAT(ReadLines(Write("b", "one\nlast")), ElementsAre("1:one", "2:last"));
  EXPECT_THAT(ReadLines(Write("c", "")), ElementsAre());
  EXPECT_THAT(ReadLines(Write("d", "\xef\xbb\xbf{}\n\xef\xbb\xbf")),
              ElementsAre("1:{}", "2:\xef\xbb\xbf"));
  EXPECT_THAT(ReadLines(Write("e.gz", Gzip("a\nb"))), ElementsAre("1:a", "2:b"));
}

TEST_F(Lines, TooLongIsRefusedAloneAndTheNextIsRead) {
  const std::string text = "1234\n12345\n\n" + std::string(700000, 'x') + "\nend";
  EXPECT_THAT(ReadLines(Write("a", text), 4),
              ElementsAre("1:1234", "2!line", "3:", "4!line", "5:end"));
  EXPECT_THAT(ReadLines(Write("a.gz", Gzip(text)), 4),
              ElementsAre("1:1234", "2!line", "3:", "4!line", "5:end"));
}

TEST_F(Lines, LinesAcrossBuffersAreWhole) {
  std::string text;
  std::vector<std::string> expected;
  Random random(9);
  for (int i = 1; i < 400; ++i) {
    const std::string line(random.Below(5000), static_cast<char>('a' + i % 26));
    text += line + "\n";
    expected.push_back(std::to_string(i) + ":" + line);
  }
  EXPECT_EQ(ReadLines(Write("a", text)), expected);
  EXPECT_EQ(ReadLines(Write("a.gz", Gzip(text))), expected);
}

TEST_F(Lines, CutOffGzipIsAnErrorAtTheEnd) {
  const std::string packed = Gzip(SomeText());
  const auto lines = ReadLines(Write("a.gz", packed.substr(0, packed.size() / 2)));
  ASSERT_GT(lines.size(), 10u);
  EXPECT_EQ(lines[0].substr(0, 7), "1:line ");
  EXPECT_THAT(lines.back(), HasSubstr("cut off"));
  // The piece of a line before the cut is no line.
  const std::string& last = lines[lines.size() - 2];
  EXPECT_THAT(SomeText(), HasSubstr(last.substr(last.find(':') + 1) + "\n"));
}

TEST_F(Lines, MissingFileIsRefused) {
  EXPECT_THAT(ReadLines((folder_ / "missing").native()),
              ElementsAre(HasSubstr("INVALID_ARGUMENT: file: ")));
  EXPECT_THAT(ReadLines(folder_.native()), ElementsAre(HasSubstr("INVALID_ARGUMENT: file: ")));
}

}  // namespace
}  // namespace cordon
