// Characters that nobody sees come through, or such as a script needs go.
#include "engine/text/hidden_characters.h"

#include <gtest/gtest.h>

#include <string>

namespace cordon {
namespace {

TEST(HiddenCharacters, AreNotSeenHereEither) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"plain text,\n\twith lines\r\n", "plain text,\n\twith lines\r\n"},
      {"a\u200bb", "ab"},        // zero width space
      {"a\u202eb\u202c", "ab"},  // right to left, and its end
      {"a\u2066b\u2069", "ab"},  // isolates
      {"\ufeff"
       "a",
       "a"},  // byte order mark
      {"a\u00ad"
       "b",
       "ab"},                            // soft hyphen
      {"hi\U000e0068\U000e0069", "hi"},  // tags
      {"a\ufe0f", "a"},                  // a style of an ASCII letter
      {std::string("a\0b", 3), "ab"},    // NUL
      {"a\x1b[31m", "a[31m"},            // escape
      {"a\u0085"
       "b",
       "ab"},  // C1
      {"a\u200d"
       "b",
       "ab"},                // a joiner that joins nothing
      {"x\U000e0100", "x"},  // variation selector supplement
      {"\xff"
       "a",
       "a"}};
  for (const auto& [text, seen] : table) {
    EXPECT_EQ(WithoutHiddenCharacters(text), seen) << text;
    EXPECT_EQ(CountHiddenCharacters(text) > 0, text != seen) << text;
    EXPECT_EQ(CountHiddenCharacters(seen), 0u);
  }
}

TEST(HiddenCharacters, ThatAScriptNeedsAreTaken) {
  for (const std::string text :
       {"\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  // Persian, with a non-joiner
        "\u0915\u094d\u200d\u0937",                          // Devanagari, with a joiner
        "\u2764\ufe0f",                                      // a heart in colour
        "\U0001f469\u200d\U0001f4bb",                        // a woman at a computer
        "\u2764\ufe0f\u200d\U0001f525"}) {                   // a heart on fire
    EXPECT_EQ(WithoutHiddenCharacters(text), text);
    EXPECT_EQ(CountHiddenCharacters(text), 0u) << text;
  }
}

// Long texts are looked at in blocks.
TEST(HiddenCharacters, AreFoundWhereverTheyStand) {
  for (size_t size = 0; size < 200; ++size) {
    const std::string plain(size, size % 3 == 0 ? '~' : ' ');
    EXPECT_EQ(CountHiddenCharacters(plain), 0u) << size;
    for (size_t at = 0; at <= size; ++at) {
      for (const char c : {'\x01', '\x1f', '\x7f', '\x0b'}) {
        std::string text = plain;
        text.insert(at, 1, c);
        EXPECT_EQ(CountHiddenCharacters(text), 1u) << size << " " << at;
        EXPECT_EQ(WithoutHiddenCharacters(text), plain) << size << " " << at;
      }
      std::string text = plain;
      text.insert(at, "\u200b");
      EXPECT_EQ(CountHiddenCharacters(text), 1u) << size << " " << at;
      text = plain;
      text.insert(at, "\r\n\t\u00e9");
      EXPECT_EQ(CountHiddenCharacters(text), 0u) << size << " " << at;
    }
  }
}

}  // namespace
}  // namespace cordon
