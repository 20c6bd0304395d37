#include "engine/text/tokenise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "engine/base/random.h"

namespace cordon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> List(std::string_view text) {
  const Words words = Tokenise(text);
  std::vector<std::string> list;
  for (size_t i = 0; i < words.size(); ++i) list.emplace_back(words[i]);
  return list;
}

TEST(Tokenise, WordsAreFoldedAndPunctuationIsNone) {
  EXPECT_THAT(List("Hello, World! (It's 3.14)"), ElementsAre("hello", "world", "it's", "3.14"));
  EXPECT_THAT(List("pg_dump --jobs=4"), ElementsAre("pg_dump", "jobs", "4"));
}

TEST(Tokenise, SameWordInEveryDress) {
  EXPECT_EQ(List("STRASSE"), List("Straße"));
  EXPECT_EQ(List("Ｆｕｌｌ"), List("full"));
  EXPECT_EQ(List("e\u0301te\u0301"), List("ÉTÉ"));
  EXPECT_EQ(List("soft\u00adhyphen"), List("softhyphen"));
  EXPECT_EQ(List("ΣΊΣΥΦΟΣ"), List("σίσυφος"));
}

TEST(Tokenise, TextWithoutWordsIsEmpty) {
  EXPECT_THAT(List(""), IsEmpty());
  EXPECT_THAT(List(" \n\t—…!? ___ 🙂 \u0301"), IsEmpty());
}

TEST(Tokenise, ScriptsWithoutBlanksHaveWords) {
  EXPECT_GT(List("東京都に住んでいます").size(), 2u);
  EXPECT_THAT(List("Привет мир"), ElementsAre("привет", "мир"));
}

TEST(Tokenise, WordsSurviveAMove) {
  Words words = Tokenise("short");
  const Words moved = std::move(words);
  EXPECT_EQ(moved[0], "short");
}

TEST(Tokenise, InvalidUtf8DoesNotCrash) {
  Random random(11);
  for (int i = 0; i < 1000; ++i) {
    std::string text;
    for (size_t n = random.Below(300); n > 0; --n) text += static_cast<char>(random.Next());
    const Words words = Tokenise(text);
    for (size_t word = 0; word < words.size(); ++word) EXPECT_FALSE(words[word].empty());
  }
}

}  // namespace
}  // namespace cordon
