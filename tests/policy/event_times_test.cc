// A start or an end that is passed over: whoever waits for it waits for ever.
#include "engine/policy/event_times.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/base/random.h"
#include "tests/seed.h"

namespace cordon {
namespace {

TEST(EventTimesTest, WhatNeverComesIsNoEvent) {
  EventTimes times;
  EXPECT_EQ(times.Next(kAlways), kNever);
  times.Add({kAlways, kNever});
  EXPECT_EQ(times.Next(kAlways), kNever);
  times.Add({kNever, 7, kAlways, 7});
  EXPECT_EQ(times.Next(kAlways), 7);
  EXPECT_EQ(times.Next(6), 7);
  EXPECT_EQ(times.Next(7), kNever) << "later than the time asked about";
}

TEST(EventTimesTest, NoneIsLostAmongMany) {
  Random random(TestSeed());
  EventTimes times;
  std::set<Micros> all;
  for (int round = 0; round < 500; ++round) {
    std::vector<Micros> some;
    for (uint64_t n = random.Below(random.Below(10) == 0 ? 200 : 4); n > 0; --n) {
      some.push_back(static_cast<Micros>(random.Below(100'000)) - 50'000);
    }
    all.insert(some.begin(), some.end());
    const EventTimes before = times;
    const Micros next = before.Next(0);
    times.Add(some);
    EXPECT_EQ(before.Next(0), next) << "a copy changed";
    for (int i = 0; i < 20; ++i) {
      const Micros after = static_cast<Micros>(random.Below(102'000)) - 51'000;
      const auto expected = all.upper_bound(after);
      ASSERT_EQ(times.Next(after), expected == all.end() ? kNever : *expected);
    }
  }
}

}  // namespace
}  // namespace cordon
