#include "engine/text/chunker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "engine/base/limits.h"
#include "engine/base/random.h"
#include "engine/base/text_check.h"
#include "tests/seed.h"

namespace cordon {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::string Repeat(std::string_view text, size_t times) {
  std::string repeated;
  for (size_t i = 0; i < times; ++i) repeated += text;
  return repeated;
}

bool IsAsciiSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string WithoutSpace(std::string_view text) {
  std::string kept;
  std::copy_if(text.begin(), text.end(), std::back_inserter(kept),
               [](char c) { return !IsAsciiSpace(c); });
  return kept;
}

std::string Join(const std::vector<std::string>& chunks) {
  std::string joined;
  for (const std::string& chunk : chunks) joined += chunk + "\n";
  return joined;
}

void ExpectSound(const std::vector<std::string>& chunks) {
  for (const std::string& chunk : chunks) {
    EXPECT_LE(chunk.size(), kChunkTargetBytes);
    EXPECT_TRUE(CheckText("chunk", chunk, kChunkTargetBytes).ok()) << chunk;
    EXPECT_FALSE(WithoutSpace(chunk).empty());
  }
}

// True if the words of `text` (runs between white space) stand in `chunks` in their order.
bool HoldsWordsInOrder(std::string_view text, const std::vector<std::string>& chunks) {
  const std::string joined = Join(chunks);
  size_t at = 0;
  while (!text.empty()) {
    const size_t begin = std::find_if_not(text.begin(), text.end(), IsAsciiSpace) - text.begin();
    text.remove_prefix(begin);
    const size_t end = std::find_if(text.begin(), text.end(), IsAsciiSpace) - text.begin();
    const size_t found = joined.find(text.substr(0, end), at);
    if (found == joined.npos) return false;
    at = found + end;
    text.remove_prefix(end);
  }
  return true;
}

TEST(Chunker, BlankTextHasNoChunks) {
  for (std::string_view blank :
       {"", " ", "\n\n\t \r\n", "\u00a0\u3000\n", "\ufeff", "#", "##\n\n"}) {
    EXPECT_THAT(ChunkText(blank), IsEmpty()) << "'" << blank << "'";
  }
}

TEST(Chunker, ShortTextIsOneChunkAsItIs) {
  EXPECT_THAT(ChunkText("Hello, world.\n"), ElementsAre("Hello, world."));
  EXPECT_THAT(ChunkText("\ufeffone\r\ntwo\rthree"), ElementsAre("one\ntwo\nthree"));
}

TEST(Chunker, ChunkBeginsWithItsPathOfHeadings) {
  const std::string long_text = Repeat("A sentence of some length stands here. ", 20);
  const auto chunks = ChunkText("# Manual\n\n## Setup ##\n" + long_text + "\n\n### Linux\n" +
                                long_text + "\n\n## Use\n" + long_text);
  ASSERT_THAT(chunks, SizeIs(3));
  EXPECT_THAT(chunks[0], StartsWith("Manual › Setup\nA sentence"));
  EXPECT_THAT(chunks[1], StartsWith("Manual › Setup › Linux\nA sentence"));
  EXPECT_THAT(chunks[2], StartsWith("Manual › Use\nA sentence"));
}

TEST(Chunker, EveryChunkOfALongSectionHasThePath) {
  const auto chunks = ChunkText("# T\n\n" + Repeat("Some words that end here. ", 200));
  EXPECT_GT(chunks.size(), 4u);
  for (const auto& chunk : chunks) EXPECT_THAT(chunk, AllOf(StartsWith("T\n"), EndsWith("here.")));
}

TEST(Chunker, UnderlinedTitlesOfMarkdownAndOfRst) {
  const std::string body = Repeat("Words that fill the section. ", 20);
  const auto markdown = ChunkText("Top\n===\n\nSub\n---\n" + body + "\n\n### Deep\n" + body);
  ASSERT_THAT(markdown, SizeIs(2));
  EXPECT_THAT(markdown[0], StartsWith("Top › Sub\nWords"));
  EXPECT_THAT(markdown[1], StartsWith("Top › Sub › Deep\nWords"));
  const auto rst = ChunkText("=====\nTitle\n=====\n\nOne\n~~~~\n" + body + "\n\nTwo\n~~~~\n" +
                             body + "\n\nInner\n^^^^^\n" + body);
  ASSERT_THAT(rst, SizeIs(3));
  EXPECT_THAT(rst[0], StartsWith("Title › One\nWords"));
  EXPECT_THAT(rst[1], StartsWith("Title › Two\nWords"));
  EXPECT_THAT(rst[2], StartsWith("Title › Two › Inner\nWords"));
}

TEST(Chunker, WhatOnlyLooksLikeAHeadingStaysText) {
  for (std::string_view text :
       {"#hashtag is no heading", "####### seven", "```\n# comment in code\n```",
        "    # indented code", "- item\n---", "a | b\n--- | ---", "two\nlines\n====="}) {
    EXPECT_THAT(ChunkText(text), ElementsAre(text));
  }
  const std::string too_long = "# " + std::string(300, 'x');
  EXPECT_THAT(ChunkText(too_long), ElementsAre(too_long));
}

TEST(Chunker, HeadingsWithoutTextAreNotLost) {
  EXPECT_THAT(ChunkText("# A\n## B\n# C\n"), ElementsAre("A › B", "C"));
  EXPECT_THAT(Join(ChunkText("# A\n\ntext\n\n## B\n\n## C\n\nmore")),
              AllOf(HasSubstr("A\ntext"), HasSubstr("A › B"), HasSubstr("A › C\nmore")));
}

TEST(Chunker, DeepPathsLeaveOutTheOutermostAndLoseNothing) {
  std::string text;
  for (int level = 1; level <= 6; ++level) {
    text += std::string(level, '#') + " " + std::string(150, static_cast<char>('a' + level)) + "\n";
  }
  text += "body\n";
  const auto chunks = ChunkText(text);
  ExpectSound(chunks);
  for (int level = 1; level <= 6; ++level) {
    EXPECT_THAT(Join(chunks), HasSubstr(std::string(150, static_cast<char>('a' + level))));
  }
  EXPECT_THAT(chunks.back(), EndsWith("\nbody"));
  EXPECT_THAT(chunks.back(), Not(HasSubstr("bbbb")));
}

TEST(Chunker, SmallParagraphsAndSectionsAreJoined) {
  EXPECT_THAT(ChunkText("one\n\n\n\ntwo\n\nthree"), ElementsAre("one\n\ntwo\n\nthree"));
  EXPECT_THAT(ChunkText("# T\n\none\n\n## S\n\ntwo"), ElementsAre("T\none\n\nT › S\ntwo"));
  EXPECT_THAT(ChunkText("# T\n\none\n\n# U\n\ntwo"), ElementsAre("T\none", "U\ntwo"));
}

TEST(Chunker, LongParagraphsAreCutAtSentences) {
  std::string text;
  for (int i = 0; i < 200; ++i)
    text += "This is e.g. the sentence\nnumber " + std::to_string(i) + ". ";
  const auto chunks = ChunkText(text);
  EXPECT_GT(chunks.size(), 5u);
  for (const auto& chunk : chunks) EXPECT_THAT(chunk, AllOf(StartsWith("This is"), EndsWith(".")));
  EXPECT_EQ(WithoutSpace(Join(chunks)), WithoutSpace(text));
}

TEST(Chunker, CodeStaysTogetherAndIsCutAtLines) {
  const std::string filler = Repeat("Words before the code. ", 25);
  const std::string code = "```\n" + Repeat("  call(argument. Other);\n", 25) + "```";
  const auto kept = ChunkText(filler + "\n\n" + code);
  ASSERT_THAT(kept, SizeIs(2));
  EXPECT_EQ(kept[1], code);
  const auto cut = ChunkText("```\n" + Repeat("  call(argument. Other);\n", 100) + "```\n");
  for (size_t i = 1; i < cut.size(); ++i) EXPECT_THAT(cut[i], StartsWith("  call"));
}

TEST(Chunker, BlankLinesDoNotEndIndentedCode) {
  const std::string code = "    first();\n\n\n    second();";
  EXPECT_THAT(ChunkText("text\n\n" + code), ElementsAre("text\n\n" + code));
}

TEST(Chunker, UnclosedFenceRunsToTheEnd) {
  EXPECT_THAT(ChunkText("text\n\n```\n# code\nmore"), ElementsAre("text\n\n```\n# code\nmore"));
}

TEST(Chunker, TextWithoutWhiteSpaceIsCutBetweenCodePoints) {
  for (std::string_view point : {"x", "é", "漢", "🙂", "\u0301"}) {
    const std::string text = Repeat(point, 5000);
    const auto chunks = ChunkText(text);
    ExpectSound(chunks);
    EXPECT_EQ(WithoutSpace(Join(chunks)), text);
    EXPECT_LE(chunks.size(), text.size() / (kChunkTargetBytes / 2) + 1);
  }
}

std::string Fill(std::string_view unit, size_t size) { return Repeat(unit, size / unit.size()); }

// The fear: some text makes more chunks than a document may have, or costs memory without end.
TEST(Chunker, LongestTextsStayWithinTheChunksOfADocument) {
  const size_t size = limits::kDocumentTextBytes;
  const std::string deep = "# " + std::string(199, 'a') + "\n## " + std::string(199, 'b') + "\n";
  for (const std::string& text :
       {Fill("a", size), Fill("# a\nb\n", size), Fill("# a\n\n# b\n", size),
        deep + Fill("### c\nd\n", size - deep.size()),
        Fill("x\n\n" + std::string(kChunkTargetBytes + 1, 'y') + "\n\n", size)}) {
    const auto chunks = ChunkText(text);
    EXPECT_LE(chunks.size(), limits::kChunksPerDocument) << text.substr(0, 20);
    for (const std::string& chunk : chunks) ASSERT_LE(chunk.size(), kChunkTargetBytes);
  }
}

TEST(Chunker, HostileTextsTakeLinearTime) {  // a quadratic one would hang the test
  for (std::string_view unit :
       {" ", "\n", "# a\n", "a\n\n", "a\n=\n", "a\n===\n", "```\n", "~~~\nx\n~~~\n", "    a\n\n",
        "- a\n", "\u00a0", "漢", ". A", "ก", "a \n", "=\n", "===\n", "\u0301"}) {
    for (const std::string& chunk : ChunkText(Fill(unit, 1 << 20))) {
      ASSERT_LE(chunk.size(), kChunkTargetBytes);
    }
  }
}

// Random texts of pieces that mean something to the parser.
std::string RandomText(Random& random, bool with_headings) {
  static constexpr std::string_view kPieces[] = {
      "word", "Two words. ", "\n", "\n\n",     " ",    "\t",     "    ", "ß漢🙂", "e\u0301",
      "- ",   "1. ",         "> ", "Dr. No? ", "\r\n", "\u00a0", "a|b",  "\\"};
  static constexpr std::string_view kMarkup[] = {
      "\n# ", "\n### ",  "\n===\n", "\n---\n", "\n~~~~~~~~\n",
      "```",  "\n```\n", "#",       "*",       "\n***\nT\n***\n"};
  std::string text;
  for (size_t i = random.Below(400); i > 0; --i) {
    if (with_headings && random.OneIn(4)) {
      text += kMarkup[random.Below(std::size(kMarkup))];
    } else if (random.OneIn(50)) {
      text += std::string(random.Below(3000), 'w');
    } else {
      text += kPieces[random.Below(std::size(kPieces))];
    }
  }
  return text;
}

TEST(Chunker, NoTextIsLost) {
  Random random(TestSeed());
  for (int i = 0; i < 2000; ++i) {
    const std::string text = RandomText(random, /*with_headings=*/false);
    const auto chunks = ChunkText(text);
    ExpectSound(chunks);
    std::string expected = WithoutSpace(text);
    std::string found = WithoutSpace(Join(chunks));
    // A chunk of no-break spaces only is no chunk.
    for (std::string* side : {&expected, &found}) {
      for (size_t at; (at = side->find("\u00a0")) != side->npos;) side->erase(at, 2);
    }
    ASSERT_EQ(found, expected) << text;
  }
}

TEST(Chunker, NoWordIsLostAroundHeadings) {
  Random random(TestSeed());
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    std::string words;
    for (size_t n = random.Below(60); n > 0; --n) {
      const std::string word = "w" + std::to_string(random.Next());
      words += word + " ";
      switch (random.Below(5)) {
        case 0:
          text += "\n" + std::string(1 + random.Below(6), '#') + " " + word + "\n";
          break;
        case 1:
          text += "\n\n" + word + "\n" + std::string(30, "=-~^"[random.Below(4)]) + "\n";
          break;
        case 2:
          text += "\n\n" + word + Repeat(" x", random.Below(700)) + "\n";
          break;
        default:
          text += word + ". ";
      }
    }
    const auto chunks = ChunkText(text);
    ExpectSound(chunks);
    ASSERT_TRUE(HoldsWordsInOrder(words, chunks)) << text;
  }
}

TEST(Chunker, HostileMarkupIsSound) {
  Random random(TestSeed());
  for (int i = 0; i < 2000; ++i) {
    const std::string text = RandomText(random, /*with_headings=*/true);
    const auto chunks = ChunkText(text);
    ExpectSound(chunks);
    EXPECT_EQ(chunks, ChunkText(text));
  }
}

TEST(Chunker, InvalidUtf8DoesNotCrash) {
  Random random(7);
  for (int i = 0; i < 500; ++i) {
    std::string text;
    for (size_t n = random.Below(5000); n > 0; --n) text += static_cast<char>(random.Next());
    for (const auto& chunk : ChunkText(text)) EXPECT_LE(chunk.size(), kChunkTargetBytes);
  }
}

}  // namespace
}  // namespace cordon
