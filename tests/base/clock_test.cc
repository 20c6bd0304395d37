#include "engine/base/clock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <ctime>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/random.h"

namespace cordon {
namespace {

constexpr Micros kSecond = 1'000'000;
constexpr Micros kDay = 86'400 * kSecond;

Micros Parsed(std::string_view text) {
  const auto time = ParseTime(text);
  EXPECT_TRUE(time.ok()) << text << ": " << time.status().ToString();
  return time.ok() ? *time : kNever;
}

TEST(ParseTime, KnownTimes) {
  EXPECT_EQ(Parsed("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(Parsed("2026-01-01T00:00:00Z"), 1'767'225'600 * kSecond);
  EXPECT_EQ(Parsed("1969-12-31T23:59:59.999999Z"), -1);
  EXPECT_EQ(Parsed("2000-02-29T12:34:56.5Z"), 951'827'696 * kSecond + kSecond / 2);
}

TEST(ParseTime, OffsetsPointTheRightWay) {
  EXPECT_EQ(Parsed("2026-01-01T02:00:00+02:00"), Parsed("2026-01-01T00:00:00Z"));
  EXPECT_EQ(Parsed("2025-12-31T19:30:00-04:30"), Parsed("2026-01-01T00:00:00Z"));
  EXPECT_EQ(Parsed("2026-01-01T00:00:00-00:00"), Parsed("2026-01-01T00:00:00Z"));
  EXPECT_EQ(Parsed("1970-01-01T00:00:00+23:59"), -(23 * 60 + 59) * 60 * kSecond);
}

TEST(ParseTime, FractionsCountFromTheLeft) {
  EXPECT_EQ(Parsed("1970-01-01T00:00:00.1Z"), 100'000);
  EXPECT_EQ(Parsed("1970-01-01T00:00:00.000001Z"), 1);
  EXPECT_EQ(Parsed("1970-01-01T00:00:00.100000000Z"), 100'000);
}

TEST(ParseTime, LeapDaysExistInLeapYearsOnly) {
  for (const std::string year : {"1972", "2000", "2024", "2400"}) {
    EXPECT_TRUE(ParseTime(year + "-02-29T00:00:00Z").ok()) << year;
  }
  for (const std::string year : {"1900", "2023", "2100", "2026"}) {
    EXPECT_FALSE(ParseTime(year + "-02-29T00:00:00Z").ok()) << year;
  }
  EXPECT_EQ(Parsed("2024-03-01T00:00:00Z") - Parsed("2024-02-28T00:00:00Z"), 2 * kDay);
  EXPECT_EQ(Parsed("2023-03-01T00:00:00Z") - Parsed("2023-02-28T00:00:00Z"), kDay);
}

TEST(ParseTime, WhatIsNoTimeIsRefusedNotGuessed) {
  for (const std::string_view text : {"",
                                      "now",
                                      "2026",
                                      "2026-01-01",
                                      "2026-01-01T00:00Z",
                                      "2026-01-01T00:00:00",
                                      "2026-01-01 00:00:00Z",
                                      "2026-13-01T00:00:00Z",
                                      "2026-00-01T00:00:00Z",
                                      "2026-01-00T00:00:00Z",
                                      "2026-01-32T00:00:00Z",
                                      "2026-04-31T00:00:00Z",
                                      "2026-01-01T24:00:00Z",
                                      "2026-01-01T00:60:00Z",
                                      "2026-01-01T00:00:60Z",
                                      "2026-01-01T00:00:00.Z",
                                      "2026-01-01T00:00:00.1234567Z",
                                      "2026-01-01T00:00:00,5Z",
                                      "2026-01-01T00:00:00+0200",
                                      "2026-01-01T00:00:00+24:00",
                                      "2026-01-01T00:00:00+02:60",
                                      "2026-01-01T00:00:00+2:00",
                                      "2026-01-01T00:00:00+",
                                      "2026-01-01T00:00:00Z ",
                                      " 2026-01-01T00:00:00Z",
                                      "2026-01-01T00:00:00ZZ",
                                      "2026-1-1T00:00:00Z",
                                      "+2026-01-01T00:00:00Z",
                                      "-001-01-01T00:00:00Z",
                                      "20260101T000000Z",
                                      "2026-01-01T00:00:00.999999999999999999999999Z",
                                      "2026-01-01T-1:00:00Z"}) {
    const auto time = ParseTime(text);
    ASSERT_FALSE(time.ok()) << text;
    EXPECT_EQ(time.status().code(), StatusCode::kInvalidArgument) << text;
    EXPECT_NE(time.status().message().find("2026-01-01T00:00:00Z"), std::string::npos);
  }
  EXPECT_FALSE(ParseTime(std::string_view("2026-01-01T00:00:00Z\0", 21)).ok());
}

TEST(ParseTime, ATimeThatCouldNotBeWrittenBackIsRefused) {
  EXPECT_TRUE(ParseTime("0001-01-01T01:00:00+01:00").ok());
  EXPECT_FALSE(ParseTime("0001-01-01T00:59:59.999999+01:00").ok());
  EXPECT_FALSE(ParseTime("0000-06-01T00:00:00Z").ok());
  EXPECT_TRUE(ParseTime("9999-12-31T22:59:59.999999-01:00").ok());
  EXPECT_FALSE(ParseTime("9999-12-31T23:00:00-01:00").ok());
}

TEST(ParseTime, LowerCaseIsTheSameTime) {
  // RFC 3339 §5.6: "T" and "Z" may alternatively be lower case.
  EXPECT_EQ(Parsed("2026-01-01t00:00:00z"), Parsed("2026-01-01T00:00:00Z"));
}

TEST(MicrosOf, TakesWhatItWouldHaveToRound) {
  EXPECT_EQ(*MicrosOf(1, 2000), kSecond + 2);
  EXPECT_EQ(*MicrosOf(-1, 999'999'000), -1);
  EXPECT_EQ(*MicrosOf(-62'135'596'800, 0), Parsed("0001-01-01T00:00:00Z"));
  EXPECT_EQ(*MicrosOf(253'402'300'799, 999'999'000), Parsed("9999-12-31T23:59:59.999999Z"));
  for (const auto& [seconds, nanos] : std::vector<std::pair<int64_t, int32_t>>{{0, 1},
                                                                               {0, 1999},
                                                                               {0, -1000},
                                                                               {0, 1'000'000'000},
                                                                               {-62'135'596'801, 0},
                                                                               {253'402'300'800, 0},
                                                                               {INT64_MAX, 0},
                                                                               {INT64_MIN, 0}}) {
    EXPECT_EQ(MicrosOf(seconds, nanos).status().code(), StatusCode::kInvalidArgument)
        << seconds << " " << nanos;
  }
}

TEST(FormatTime, WritesNoMoreDigitsThanNeeded) {
  EXPECT_EQ(FormatTime(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatTime(1), "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(FormatTime(100'000), "1970-01-01T00:00:00.1Z");
  EXPECT_EQ(FormatTime(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(FormatTime(-kDay), "1969-12-31T00:00:00Z");
  EXPECT_EQ(FormatTime(Parsed("9999-12-31T23:59:59.999999Z")), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(FormatTime(Parsed("0001-01-01T00:00:00Z")), "0001-01-01T00:00:00Z");
}

TEST(FormatTime, EveryTimeThatCanBeWrittenIsReadBackAndAgreesWithLibc) {
  const auto seed = static_cast<uint64_t>(std::time(nullptr));
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const Micros first = Parsed("0001-01-01T00:00:00Z");
  const auto span = static_cast<uint64_t>(Parsed("9999-12-31T23:59:59.999999Z") - first);
  for (int i = 0; i < 100'000; ++i) {
    Micros time = first + static_cast<Micros>(random.Below(span + 1));
    if (random.OneIn(3)) time -= time % kSecond;
    const std::string text = FormatTime(time);
    const auto back = ParseTime(text);
    ASSERT_TRUE(back.ok()) << text;
    ASSERT_EQ(*back, time) << text;
    std::tm parts{};
    const std::time_t seconds = (time - ((time % kSecond) + kSecond) % kSecond) / kSecond;
    ASSERT_NE(gmtime_r(&seconds, &parts), nullptr);
    char expected[32];
    std::snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d",
                  (parts.tm_year + 1900) % 10000, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                  parts.tm_min, parts.tm_sec);
    ASSERT_EQ(text.substr(0, 19), expected);
  }
}

TEST(Clock, NeverRunsBackwardsWhenTheWallDoes) {
  Micros wall = 1000;
  Clock clock([&wall] { return wall; });
  EXPECT_EQ(clock.Now(), 1000);
  wall = 500;
  EXPECT_EQ(clock.Now(), 1000);
  wall = 1001;
  EXPECT_EQ(clock.Now(), 1001);
}

TEST(Clock, KeepsTheTimeOfAnEarlierRun) {
  Micros wall = 1000;
  Clock clock([&wall] { return wall; });
  clock.AtLeast(5000);
  EXPECT_EQ(clock.Now(), 5000);
  clock.AtLeast(2000);
  EXPECT_EQ(clock.Now(), 5000);
  wall = 6000;
  EXPECT_EQ(clock.Now(), 6000);
}

TEST(Clock, ReadsTheWallByDefault) {
  Clock clock;
  EXPECT_GT(clock.Now(), Parsed("2024-01-01T00:00:00Z"));
  EXPECT_LT(clock.Now(), Parsed("2200-01-01T00:00:00Z"));
}

TEST(Clock, ManyReadersOfAJumpingWallEachSeeTimeRise) {
  std::atomic<uint64_t> ticks{0};
  Clock clock([&ticks] {
    const uint64_t tick = ticks.fetch_add(1);
    return static_cast<Micros>(tick % 7 == 0 ? tick / 2 : tick);  // falls back now and then
  });
  std::atomic<int> backwards{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      Micros last = 0;
      for (int j = 0; j < 50'000; ++j) {
        const Micros now = clock.Now();
        if (now < last) ++backwards;
        last = now;
      }
    });
  }
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(backwards, 0);
}

// A wall and a steady clock which the test moves apart.
class ClockLeap : public testing::Test {
 protected:
  static constexpr Micros kBound = limits::kClockStep_s * kSecond;
  static constexpr Micros kYears = 3650 * kDay;

  void Pass(Micros time) {
    wall_ += time;
    steady_ += time;
  }

  const Micros begin_ = Parsed("2026-01-01T00:00:00Z");
  Micros wall_ = begin_;
  Micros steady_ = 77 * kSecond;
  std::vector<Status> told_;
  Clock clock_{[this] { return wall_; }, [this] { return steady_; }};
};

TEST_F(ClockLeap, AheadIsNotBelievedAndNoAnswerIsSafeMeanwhile) {
  clock_.WhenDoubted([this](const Status& trusted) { told_.push_back(trusted); });
  EXPECT_TRUE(clock_.Trusted().ok());
  wall_ += kYears;
  EXPECT_EQ(clock_.Now(), begin_) << "years are believed";
  const Status doubt = clock_.Trusted();
  EXPECT_EQ(doubt.code(), StatusCode::kUnavailable);
  EXPECT_EQ(doubt.field(), "clock");
  EXPECT_NE(doubt.message().find("315360000 s"), std::string_view::npos) << doubt.message();
  EXPECT_NE(doubt.message().find("restart"), std::string_view::npos) << doubt.message();
  Pass(20 * 60 * kSecond);
  EXPECT_EQ(clock_.Now(), begin_ + 20 * 60 * kSecond) << "the steady clock does not count";
  EXPECT_FALSE(clock_.Trusted().ok()) << "it was long enough to be believed";
  ASSERT_EQ(told_.size(), 1u) << "told once";
  EXPECT_FALSE(told_[0].ok());
  wall_ -= kYears;
  EXPECT_TRUE(clock_.Trusted().ok());
  EXPECT_EQ(clock_.Now(), begin_ + 20 * 60 * kSecond);
  ASSERT_EQ(told_.size(), 2u);
  EXPECT_TRUE(told_[1].ok());
}

// At kClockStep_s and beyond.
TEST_F(ClockLeap, UpToTheBoundIsFollowedAndNotAMicrosecondMore) {
  wall_ += kBound;
  EXPECT_TRUE(clock_.Trusted().ok());
  EXPECT_EQ(clock_.Now(), begin_ + kBound);
  Pass(kSecond);
  wall_ += kBound + 1;
  EXPECT_FALSE(clock_.Trusted().ok());
  EXPECT_EQ(clock_.Now(), begin_ + kBound + kSecond);
  wall_ -= 1;
  EXPECT_TRUE(clock_.Trusted().ok());
  EXPECT_EQ(clock_.Now(), begin_ + 2 * kBound + kSecond);
}

TEST_F(ClockLeap, BackALittleTimeWaitsAndBackFarItGoesOnAlone) {
  wall_ -= kBound;
  EXPECT_EQ(clock_.Now(), begin_);
  EXPECT_TRUE(clock_.Trusted().ok());
  Pass(kBound - 1);
  EXPECT_EQ(clock_.Now(), begin_);
  Pass(2);
  EXPECT_EQ(clock_.Now(), begin_ + 1);
  wall_ -= kYears;
  EXPECT_EQ(clock_.Now(), begin_ + 1);
  Pass(kDay);
  EXPECT_EQ(clock_.Now(), begin_ + 1 + kDay) << "what ends does not end";
  EXPECT_TRUE(clock_.Trusted().ok());
  wall_ += kYears;
  EXPECT_EQ(clock_.Now(), begin_ + 1 + kDay);
  EXPECT_TRUE(clock_.Trusted().ok());
}

TEST_F(ClockLeap, ASuspendedMachineIsNoLeap) {
  Pass(30 * kDay);  // nobody has asked meanwhile, and both have counted
  EXPECT_TRUE(clock_.Trusted().ok());
  EXPECT_EQ(clock_.Now(), begin_ + 30 * kDay);
}

TEST_F(ClockLeap, AStartTrustsTheWallUnlessItIsBehind) {
  clock_.AtLeast(begin_ - kYears);
  EXPECT_TRUE(clock_.Trusted().ok());
  EXPECT_EQ(clock_.Now(), begin_);
  clock_.AtLeast(begin_ + kDay);  // the wall was slow at the start, and is set right
  EXPECT_EQ(clock_.Now(), begin_ + kDay);
  wall_ += kDay + kBound;
  EXPECT_TRUE(clock_.Trusted().ok());
  EXPECT_EQ(clock_.Now(), begin_ + kDay + kBound);
}

TEST_F(ClockLeap, AStartFarBehindGoesOnFromTheStoredTime) {
  const Micros stored = begin_ + kYears;
  clock_.AtLeast(stored);
  EXPECT_EQ(clock_.Now(), stored);
  Pass(kDay);
  EXPECT_EQ(clock_.Now(), stored + kDay) << "what ends does not end";
  EXPECT_TRUE(clock_.Trusted().ok());
  wall_ += kYears - kBound;  // set right, but for a step: followed again
  EXPECT_EQ(clock_.Now(), stored + kDay);
  Pass(kBound);
  EXPECT_EQ(clock_.Now(), stored + kDay);
  Pass(1);
  EXPECT_EQ(clock_.Now(), stored + kDay + 1);
  wall_ += kBound + 1;
  EXPECT_FALSE(clock_.Trusted().ok());
}

// The store has the one time and the journal another.
TEST_F(ClockLeap, AStartFarBehindGoesOnFromTheLatestOfTheStoredTimes) {
  const Micros stored = begin_ + kYears;
  for (const Micros time : {stored, stored + kSecond, stored - kDay}) clock_.AtLeast(time);
  Pass(1);
  EXPECT_EQ(clock_.Now(), stored + kSecond + 1);
}

// At kClockStep_s and beyond.
TEST_F(ClockLeap, AStartStandsStillForNoLongerThanAStep) {
  clock_.AtLeast(begin_ + kBound);
  Pass(kBound);
  EXPECT_EQ(clock_.Now(), begin_ + kBound);
  Pass(1);
  EXPECT_EQ(clock_.Now(), begin_ + kBound + 1);
  clock_.AtLeast(wall_ + kBound + 1);
  Pass(1);
  EXPECT_EQ(clock_.Now(), wall_ + kBound + 1);
}

// At kClockStep_s and beyond.
TEST_F(ClockLeap, AWallFarBehindIsNotTold) {
  EXPECT_EQ(clock_.Behind(), 0);
  clock_.AtLeast(begin_ + kBound);
  EXPECT_EQ(clock_.Behind(), 0);
  clock_.AtLeast(begin_ + kBound + 1);
  EXPECT_EQ(clock_.Behind(), kBound + 1);
  Pass(kDay);
  EXPECT_EQ(clock_.Behind(), kBound + 1);
  wall_ += 1;
  EXPECT_EQ(clock_.Behind(), 0);
  wall_ += kYears;
  EXPECT_EQ(clock_.Behind(), 0) << "it is ahead";
}

TEST_F(ClockLeap, AStartFarBehindIsAsAWallSetBackUnderARunningServer) {
  const Micros stored = clock_.Now();
  wall_ -= kYears;
  Clock started([this] { return wall_; }, [this] { return steady_; });
  started.AtLeast(stored);
  const auto expect_alike = [&](const char* when) {
    EXPECT_EQ(started.Now(), clock_.Now()) << when;
    EXPECT_EQ(started.Trusted().ok(), clock_.Trusted().ok()) << when;
  };
  expect_alike("set back");
  Pass(kDay);
  expect_alike("a day later");
  wall_ += kYears - kBound - 1;
  expect_alike("not yet followed");
  wall_ += 1;
  expect_alike("followed again");
  Pass(kBound + 1);
  wall_ += kBound + 1;
  expect_alike("ahead");
  EXPECT_FALSE(started.Trusted().ok());
  wall_ -= kDay;
  Pass(kSecond);
  expect_alike("set back again");
  EXPECT_EQ(started.Now(), stored + kDay + kSecond + 1);
}

}  // namespace
}  // namespace cordon
