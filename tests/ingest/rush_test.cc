// What waits for the end of a rush waits for nothing, or never gets its turn.
#include "engine/ingest/rush.h"

#include <gtest/gtest.h>

namespace cordon {
namespace {

using std::chrono::seconds;

TEST(Rush, OfManyBytesWithinASecondAndUntilAPause) {
  Rush rush;
  Rush::Clock::time_point now{seconds(100)};
  rush.Add(Rush::kBytes - 1, now);
  EXPECT_FALSE(rush.on());
  rush.Add(1, now);
  EXPECT_TRUE(rush.on()) << "known before the second is over";
  for (seconds t(1); t < Rush::kPause; ++t) {
    rush.Look(now + t);
    EXPECT_TRUE(rush.on()) << t.count();
  }
  rush.Look(now + Rush::kPause);
  EXPECT_FALSE(rush.on());
}

TEST(Rush, NotOfTheSameBytesOverManySeconds) {
  Rush rush;
  Rush::Clock::time_point now{seconds(100)};
  for (int i = 0; i < 20; ++i) {
    rush.Add(Rush::kBytes / 2, now);
    now += seconds(1);
    rush.Look(now);
    EXPECT_FALSE(rush.on());
  }
}

TEST(Rush, LastsAsLongAsBytesCome) {
  Rush rush;
  const Rush::Clock::time_point start{seconds(100)};
  for (auto now = start; now < start + Rush::kLong; now += Rush::kPause - seconds(1)) {
    rush.Add(Rush::kBytes, now);
    EXPECT_FALSE(rush.HasLasted(Rush::kLong, now));
    rush.Look(now);
    EXPECT_TRUE(rush.on());
  }
  EXPECT_TRUE(rush.HasLasted(Rush::kLong, start + Rush::kLong));
}

}  // namespace
}  // namespace cordon
