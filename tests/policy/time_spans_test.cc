// Sets of times that are told wrongly apart, or alike: a raise would pass, or an honest change not.
#include "engine/policy/time_spans.h"

#include <gtest/gtest.h>

#include <bitset>

#include "engine/base/random.h"
#include "tests/seed.h"

namespace cordon {
namespace {

using Spans = std::vector<TimeSpan>;

TEST(TimeSpansTest, SpansThatMeetAreOne) {
  const TimeSpans spans({{30, 40}, {10, 20}, {20, 25}, {24, 24}, {50, 45}});
  EXPECT_EQ(spans.spans(), (Spans{{10, 25}, {30, 40}}));
  EXPECT_EQ(spans, TimeSpans({{10, 12}, {11, 25}, {30, 35}, {35, 40}}));
  EXPECT_TRUE(TimeSpans({{5, 5}, {7, 6}}).empty());
  EXPECT_EQ(TimeSpans({{kAlways, 3}, {3, kNever}}), TimeSpans::Always());
}

TEST(TimeSpansTest, AStartIsHeldAndAnEndIsNot) {
  const TimeSpans spans({{10, 25}, {30, kNever}});
  EXPECT_EQ(spans.At(9), std::nullopt);
  EXPECT_EQ(spans.At(10), (TimeSpan{10, 25}));
  EXPECT_EQ(spans.At(24), (TimeSpan{10, 25}));
  EXPECT_EQ(spans.At(25), std::nullopt);
  EXPECT_EQ(spans.At(30), (TimeSpan{30, kNever}));
  EXPECT_EQ(spans.At(kNever - 1), (TimeSpan{30, kNever}));
  EXPECT_EQ(TimeSpans().At(0), std::nullopt);
  EXPECT_EQ(TimeSpans::Always().At(kAlways), TimeSpan{});
}

// Beside bits, one for each time from 0 to 31.
TEST(TimeSpansTest, AnswersAreThoseOfBits) {
  using Bits = std::bitset<32>;
  Random random(TestSeed());
  const auto draw = [&](Bits* bits) {
    Spans spans;
    for (uint64_t n = random.Below(5); n > 0; --n) {
      const auto from = static_cast<Micros>(random.Below(32));
      const auto until = static_cast<Micros>(random.Below(33));
      spans.push_back({from, until});
      for (Micros time = from; time < until; ++time) bits->set(static_cast<size_t>(time));
    }
    return TimeSpans(spans);
  };
  const auto bits_of = [](const TimeSpans& spans) {
    Bits bits;
    for (size_t time = 0; time < 32; ++time) {
      bits[time] = spans.At(static_cast<Micros>(time)).has_value();
    }
    return bits;
  };
  for (int round = 0; round < 20'000; ++round) {
    Bits in_a, in_b;
    const TimeSpans a = draw(&in_a), b = draw(&in_b);
    ASSERT_EQ(bits_of(a), in_a);
    ASSERT_EQ(bits_of(Both(a, b)), in_a & in_b);
    ASSERT_EQ(a.Within(b), (in_a & ~in_b).none());
    ASSERT_EQ(a == b, in_a == in_b);
    TimeSpans sum = a;
    ASSERT_EQ(sum.Add(b), (in_b & ~in_a).any());
    ASSERT_EQ(bits_of(sum), in_a | in_b);
  }
}

}  // namespace
}  // namespace cordon
