// Tokens counted otherwise than by the definition of byte-pair encoding, or not at all.
#include "engine/text/byte_pairs.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "engine/base/random.h"
#include "engine/text/tokens.h"
#include "tests/effort.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

std::string Base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0);
    }
    for (size_t j = 0; j < 4; ++j) {
      text += i + j <= bytes.size() ? kDigits[bits >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

// The bytes, and these.
std::string Vocabulary(const std::vector<std::string>& tokens) {
  std::string lines;
  for (int byte = 0; byte < 256; ++byte) {
    lines += fmt::format("{} {}\n", Base64(std::string(1, static_cast<char>(byte))), byte);
  }
  for (size_t i = 0; i < tokens.size(); ++i) {
    lines += fmt::format("{} {}\n", Base64(tokens[i]), 256 + i);
  }
  return lines;
}

std::unique_ptr<BytePairs> Parsed(const std::vector<std::string>& tokens) {
  auto pairs = BytePairs::Parse("small", Vocabulary(tokens));
  EXPECT_TRUE(pairs.ok()) << pairs.status().ToString();
  return *std::move(pairs);
}

// The definition: merge the pair of the lowest rank, the leftmost of equal ones, until none is
// left.
size_t Naive(const std::map<std::string, size_t>& ranks, std::string_view piece) {
  if (ranks.contains(std::string(piece))) return 1;
  std::vector<std::string> parts;
  for (const char c : piece) parts.emplace_back(1, c);
  while (true) {
    size_t best = parts.size(), lowest = SIZE_MAX;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto it = ranks.find(parts[i] + parts[i + 1]);
      if (it != ranks.end() && it->second < lowest) {
        best = i;
        lowest = it->second;
      }
    }
    if (best == parts.size()) return parts.size();
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(BytePairs, TheCountIsNotThatOfTheDefinition) {
  Effort effort("byte-pairs", 3000);
  Random random(effort.seed());
  const auto word = [&](size_t length) {
    std::string text;
    while (text.size() < length) text += static_cast<char>('a' + random.Below(3));
    return text;
  };
  while (!HasFailure() && effort.More()) {
    std::map<std::string, size_t> ranks;
    std::vector<std::string> tokens;
    for (size_t n = random.Below(40); n > 0; --n) {
      const std::string token = word(2 + random.Below(4));
      if (ranks.emplace(token, 256 + tokens.size()).second) tokens.push_back(token);
    }
    for (int byte = 0; byte < 256; ++byte) {
      ranks[std::string(1, static_cast<char>(byte))] = static_cast<size_t>(byte);
    }
    const auto pairs = Parsed(tokens);
    for (int i = 0; i < 10; ++i) {
      const std::string text = word(1 + random.Below(60));
      ASSERT_EQ(pairs->Count(text), Naive(ranks, text)) << text;
    }
  }
  effort.Report("");
}

// What the expression of cl100k_base gives, by hand.
TEST(BytePairs, PiecesAreCutElsewhere) {
  using testing::ElementsAre;
  EXPECT_THAT(BytePairs::Cut("Hello, world!"), ElementsAre("Hello", ",", " world", "!"));
  EXPECT_THAT(BytePairs::Cut("I'll say 12345's"),
              ElementsAre("I", "'ll", " say", " ", "123", "45", "'s"));
  EXPECT_THAT(BytePairs::Cut("a  b\n\n  c"), ElementsAre("a", " ", " b", "\n\n", " ", " c"));
  EXPECT_THAT(BytePairs::Cut("x = f(y);\n\tz"), ElementsAre("x", " =", " f", "(y", ");\n", "\tz"));
  EXPECT_THAT(BytePairs::Cut("end  "), ElementsAre("end", "  "));
  EXPECT_THAT(BytePairs::Cut("Größe 日本語"), ElementsAre("Größe", " 日本語"));
  EXPECT_THAT(BytePairs::Cut("\xff\xfe"), ElementsAre("\xff\xfe"));
  EXPECT_TRUE(BytePairs::Cut("").empty());
}

TEST(BytePairs, AnyBytesAreCutWhole) {
  Effort effort("byte-pieces", 2000);
  Random random(effort.seed());
  const std::vector<std::string> bits = {"a",  "Z", "9", "'",  "s",    " ",    "\n",          "\r",
                                         "\t", ".", "é", "語", "\xc3", "\xff", "\xe2\x80\x83"};
  while (!HasFailure() && effort.More()) {
    std::string text, joined;
    for (size_t n = random.Below(30); n > 0; --n) text += bits[random.Below(bits.size())];
    for (const auto piece : BytePairs::Cut(text)) {
      ASSERT_FALSE(piece.empty());
      joined += piece;
    }
    ASSERT_EQ(joined, text);
  }
  effort.Report("");
}

TEST(BytePairs, ALongRunTakesForEver) {
  const auto pairs = Parsed({"aa", "aaaa", "aaaaaaaa"});
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(pairs->Count(std::string(1 << 20, 'a')), (1u << 20) / 8);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST(BytePairs, WhatIsNoVocabularyIsTaken) {
  const std::string good = Vocabulary({"ab"});
  for (const std::string& more :
       {std::string("YWI= 300\n"), std::string("Y!== 300\n"), std::string("YWJj\n"),
        std::string("YWJj x\n"), std::string("YWJj 256\n"), std::string(" 300\n"),
        std::string("YWJj 99999999999\n"), std::string("YWJ 300\n")}) {
    const auto parsed = BytePairs::Parse("v", good + more);
    ASSERT_FALSE(parsed.ok()) << more;
    EXPECT_THAT(std::string(parsed.status().message()), testing::HasSubstr("line 258")) << more;
  }
  EXPECT_FALSE(BytePairs::Parse("v", "YWJj 300\n").ok()) << "bytes are missing";
  EXPECT_FALSE(BytePairs::Parse("v", "").ok());
  EXPECT_FALSE(BytePairs::Read("/nowhere/at.all").ok());
  EXPECT_FALSE(BytePairs::Read("/tmp").ok());
}

TEST(BytePairs, AFileIsNotItsVocabulary) {
  const ScratchDirectory directory;
  const std::string path = directory / "small_base.tiktoken";
  std::ofstream(path) << Vocabulary({"ab", "abab"});
  const auto pairs = BytePairs::Read(path);
  ASSERT_TRUE(pairs.ok()) << pairs.status().ToString();
  EXPECT_EQ((*pairs)->name(), "small_base");
  EXPECT_EQ((*pairs)->Count("ababab"), 2u);
  EXPECT_EQ(ApproximateCounter().name(), "approximate");
  EXPECT_EQ(ApproximateCounter().Count("ababab"), ApproximateTokens("ababab"));
}

}  // namespace
}  // namespace cordon
