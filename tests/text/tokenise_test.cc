#include "engine/text/tokenise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unicode/brkiter.h>
#include <unicode/unistr.h>

#include <memory>
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

// The words that ICU cuts of a text that is folded already, one after the other.
std::vector<std::string> CutByIcu(const std::string& text) {
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<icu::BreakIterator> iterator(
      icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), error));
  const icu::UnicodeString whole = icu::UnicodeString::fromUTF8(text);
  iterator->setText(whole);
  std::vector<std::string> words;
  int32_t begin = iterator->first();
  for (int32_t end = iterator->next(); end != icu::BreakIterator::DONE; end = iterator->next()) {
    const icu::UnicodeString word = whole.tempSubStringBetween(begin, end);
    bool holds = false;
    for (int32_t i = 0; i < word.length(); i = word.moveIndex32(i, 1)) {
      holds |= u_isalnum(word.char32At(i)) != 0;
    }
    if (holds) word.toUTF8String(words.emplace_back());
    begin = end;
  }
  return words;
}

TEST(Tokenise, AsciiIsCutAsIcuCutsIt) {
  constexpr std::string_view kAlphabet[] = {"a",
                                            "b",
                                            "z",
                                            "0",
                                            "7",
                                            "_",
                                            ":",
                                            ".",
                                            "'",
                                            ",",
                                            ";",
                                            " ",
                                            "  ",
                                            "\n",
                                            "\r\n",
                                            "\t",
                                            "-",
                                            "/",
                                            "@",
                                            "\"",
                                            "(",
                                            "\xC3\xA9",
                                            "\xE2\x80\x99",
                                            "\xCC\x81",
                                            "\xE6\x9D\xB1",
                                            "\xE3\x82\xAB",
                                            "\xE2\x80\x8D",
                                            "\xF0\x9F\x99\x82",
                                            "\xD7\x90",
                                            "\xC2\xA0"};
  Random random(12);
  for (int i = 0; i < 20000; ++i) {
    const size_t among = random.OneIn(2) ? std::size(kAlphabet) : 21;  // ASCII alone
    std::string text;
    for (size_t n = 1 + random.Below(12); n > 0; --n) text += kAlphabet[random.Below(among)];
    ASSERT_EQ(List(text), CutByIcu(std::string(Tokenise(text).folded()))) << text;
  }
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
