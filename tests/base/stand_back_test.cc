#include "engine/base/stand_back.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "engine/base/executor.h"

namespace cordon {
namespace {

int Nice() { return getpriority(PRIO_PROCESS, 0); }

// Of a thread that stood back, and of one that it started then.
std::pair<int, int> NiceBehind(Behind whom) {
  std::pair<int, int> nice;
  std::thread([&] {
    StandBack(whom);
    nice.first = Nice();
    std::thread([&] { nice.second = Nice(); }).join();
  }).join();
  return nice;
}

// What it was started with, the user's own, counts.
TEST(StandBack, ReadersThenWritersThenTheRest) {
  const int own = Nice();
  const auto [writer, of_writer] = NiceBehind(Behind::kReaders);
  const auto [upkeep, of_upkeep] = NiceBehind(Behind::kWriters);
  EXPECT_EQ(writer, std::min(own + 5, 19));
  EXPECT_EQ(upkeep, std::min(own + 10, 19));
  EXPECT_EQ(of_writer, writer);
  EXPECT_EQ(of_upkeep, upkeep);
  EXPECT_EQ(Nice(), own);
}

TEST(StandBack, TheLastPlaceIsTheEnd) {
  std::thread([] {
    for (int i = 0; i < 3; ++i) StandBack(Behind::kWriters);
    EXPECT_EQ(Nice(), 19);
  }).join();
}

TEST(StandBack, KeepsThePolicyThatTheServerWasStartedWith) {
  std::thread([] {
    sched_param none{};
    ASSERT_EQ(sched_setscheduler(0, SCHED_BATCH, &none), 0);
    const int own = Nice();
    StandBack(Behind::kReaders);
    EXPECT_EQ(sched_getscheduler(0), SCHED_BATCH);
    EXPECT_EQ(Nice(), std::min(own + 5, 19));
  }).join();
}

TEST(StandBack, AnExecutorBeginsWithIt) {
  const int own = Nice();
  int nice = own;
  {
    Executor executor(1, 1, [] { StandBack(Behind::kReaders); });
    ASSERT_TRUE(executor.Submit([&] { nice = Nice(); }));
  }
  EXPECT_EQ(nice, std::min(own + 5, 19));
}

}  // namespace
}  // namespace cordon
