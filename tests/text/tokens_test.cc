#include "engine/text/tokens.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/base/random.h"
#include "tests/seed.h"

namespace cordon {
namespace {

TEST(ApproximateTokens, CountsWhatItSays) {
  EXPECT_EQ(ApproximateTokens(""), 0u);
  EXPECT_EQ(ApproximateTokens("the cat sat"), 3u);
  EXPECT_EQ(ApproximateTokens("replication"), 2u);
  EXPECT_EQ(ApproximateTokens("123456"), 2u);
  EXPECT_EQ(ApproximateTokens("pg_dump -j 4"), 6u - 0u);
  EXPECT_EQ(ApproximateTokens("a\n\nb"), 4u);
  EXPECT_EQ(ApproximateTokens("漢字"), 3u);
}

// As tokens.h says it, byte by byte.
size_t CountedByBytes(std::string_view text) {
  const auto kind_of = [](unsigned char c) {
    if (c >= 0x80) return 'x';
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return 'a';
    if (c >= '0' && c <= '9') return '1';
    return c == ' ' || c == '\t' || c == '\r' ? ' ' : '!';
  };
  size_t tokens = 0;
  for (size_t i = 0, in_run = 0; i < text.size(); ++i) {
    const char kind = kind_of(static_cast<unsigned char>(text[i]));
    const bool goes_on = i > 0 && kind == kind_of(static_cast<unsigned char>(text[i - 1]));
    in_run = goes_on ? in_run + 1 : 0;
    tokens += kind == 'a'   ? in_run % 8 == 0
              : kind == '1' ? in_run % 3 == 0
              : kind == 'x' ? in_run % 2 == 0
              : kind == ' ' ? in_run == 1
                            : 1;
  }
  return tokens;
}

TEST(ApproximateTokens, CountsBlocksAsItCountsBytes) {
  Random random(TestSeed());
  for (int i = 0; i < 2000; ++i) {
    const size_t size = random.Below(400);
    const size_t run_max = 1 + random.Below(i % 10 == 0 ? 200 : 12);
    std::string text;
    while (text.size() < size) {
      const char c = i % 3 == 0 ? static_cast<char>(random.Below(256))
                                : "aZ09 \t\n!/:@[`{\x7f\x80\xff"[random.Below(17)];
      text.append(1 + random.Below(run_max), c);
    }
    ASSERT_EQ(ApproximateTokens(text), CountedByBytes(text)) << text;
  }
}

// A budget must not be beaten by text that the count calls small.
TEST(ApproximateTokens, NoTextIsNearlyFree) {
  for (std::string_view unit : {"a", "1", "!", "é", "漢", "🙂", "\n", "a b ", "<>"}) {
    std::string text;
    while (text.size() < 8000) text += unit;
    EXPECT_GE(ApproximateTokens(text), text.size() / 8) << unit;
  }
}

TEST(ApproximateTokens, LongerTextIsNeverLess) {
  Random random(TestSeed());
  for (int i = 0; i < 200; ++i) {
    std::string text;
    size_t before = 0;
    for (int n = 0; n < 100; ++n) {
      text += "aB9 \n\t!\xc3\xa9"[random.Below(9)];
      const size_t now = ApproximateTokens(text);
      EXPECT_GE(now, before);
      before = now;
    }
  }
}

}  // namespace
}  // namespace cordon
