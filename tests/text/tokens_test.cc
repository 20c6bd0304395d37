#include "engine/text/tokens.h"

#include <gtest/gtest.h>

#include <iostream>
#include <random>
#include <string>

#include "engine/base/random.h"

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

// A budget must not be beaten by text that the count calls small.
TEST(ApproximateTokens, NoTextIsNearlyFree) {
  for (std::string_view unit : {"a", "1", "!", "é", "漢", "🙂", "\n", "a b ", "<>"}) {
    std::string text;
    while (text.size() < 8000) text += unit;
    EXPECT_GE(ApproximateTokens(text), text.size() / 8) << unit;
  }
}

TEST(ApproximateTokens, LongerTextIsNeverLess) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  Random random(seed);
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
