// Fears about work on several threads: that an item is done twice or never, that an end is not
// heard or a failure is lost, or that a thread goes on when its work is over.
#include "engine/base/in_slices.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/stand_back.h"

namespace cordon {
namespace {

using Stop = std::function<bool()>;

// Until as many threads have come here.
class Meeting {
 public:
  explicit Meeting(size_t threads) : missing_(threads) {}
  void Come() {
    --missing_;
    while (missing_ > 0) std::this_thread::yield();
  }

 private:
  std::atomic<int64_t> missing_;
};

TEST(InSlices, DoesEachItemOnce) {
  for (const size_t n : {0, 1, 7, 8, 9, 100}) {
    for (const size_t of_slice : {1, 8, 1000}) {
      for (const size_t threads : {0, 1, 2, 3, 8}) {
        std::vector<std::atomic<int>> done(n);
        std::mutex mutex;
        std::set<std::pair<size_t, size_t>> slices;
        EXPECT_TRUE(InSlices(n, of_slice, threads, {}, [&](size_t begin, size_t end, const Stop&) {
          for (size_t i = begin; i < end; ++i) ++done[i];
          const std::lock_guard lock(mutex);
          slices.emplace(begin, end);
        }));
        for (size_t i = 0; i < n; ++i) EXPECT_EQ(done[i].load(), 1) << i << " of " << n;
        EXPECT_EQ(slices.size(), (n + of_slice - 1) / of_slice);
        for (const auto& [begin, end] : slices) {
          EXPECT_EQ(begin % of_slice, 0u);
          EXPECT_EQ(end, std::min(n, begin + of_slice));
        }
      }
    }
  }
}

TEST(InSlices, IsDoneByAsManyThreads) {
  for (const size_t threads : {1, 2, 5}) {
    Meeting all(threads);
    std::mutex mutex;
    std::set<std::thread::id> ids;
    InSlices(threads, 1, threads, {}, [&](size_t, size_t, const Stop&) {
      all.Come();
      const std::lock_guard lock(mutex);
      ids.insert(std::this_thread::get_id());
    });
    EXPECT_EQ(ids.size(), threads);
    EXPECT_TRUE(ids.contains(std::this_thread::get_id()));
  }
}

TEST(InSlices, OthersStandWhereTheCallerDoes) {
  std::thread([] {
    StandBack(Behind::kWriters);
    const int own = getpriority(PRIO_PROCESS, 0);
    Meeting both(2);
    InSlices(2, 1, 2, {}, [&](size_t, size_t, const Stop&) {
      both.Come();
      EXPECT_EQ(getpriority(PRIO_PROCESS, 0), own);
    });
  }).join();
}

TEST(InSlices, EndsWhenItIsToldTo) {
  const auto caller = std::this_thread::get_id();
  for (const size_t threads : {1, 2, 8}) {
    for (const int last : {1, 2, 5}) {
      int asked = 0;
      std::atomic<size_t> done = 0;
      const auto stop = [&] {
        EXPECT_EQ(std::this_thread::get_id(), caller);
        return ++asked >= last;
      };
      const bool whole =
          InSlices(1'000'000, 1, threads, stop, [&](size_t, size_t, const Stop& stopped) {
            ++done;
            while (!stopped()) std::this_thread::yield();
          });
      EXPECT_FALSE(whole);
      EXPECT_EQ(asked, last) << "it was asked again";
      EXPECT_LE(done.load(), threads) << "it went on";
    }
  }
}

// Which has nothing to do itself any more.
TEST(InSlices, EndsWhenOthersAreStillAtWork) {
  const auto caller = std::this_thread::get_id();
  Meeting both(2);
  std::atomic<bool> alone = false;
  int asked = 0;
  const auto stop = [&] { return alone && ++asked > 2; };
  EXPECT_FALSE(InSlices(2, 1, 2, stop, [&](size_t, size_t, const Stop& stopped) {
    both.Come();
    if (std::this_thread::get_id() == caller) {
      alone = true;
      return;
    }
    while (!stopped()) std::this_thread::yield();
  }));
}

TEST(InSlices, ThrowsWhatASliceThrows) {
  const auto caller = std::this_thread::get_id();
  for (const bool by_caller : {true, false}) {
    Meeting all(3);
    std::atomic<int> working = 0, begun = 0;
    const auto work = [&](size_t, size_t, const Stop& stopped) {
      ++working;
      ++begun;
      all.Come();
      if (by_caller == (std::this_thread::get_id() == caller)) {
        --working;
        throw std::runtime_error("a slice");
      }
      while (!stopped()) std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      --working;
      throw std::logic_error("because it was over");
    };
    try {
      InSlices(1000, 1, 3, {}, work);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "a slice");
    }
    EXPECT_EQ(working.load(), 0) << "a thread was still at work";
    EXPECT_EQ(begun.load(), 3);
  }
}

TEST(InSlices, WhatIsStoppedDoesNotFail) {
  bool stopped = false;
  const auto work = [&](size_t, size_t, const Stop& stop) {
    stopped = true;
    if (stop()) throw std::runtime_error("stopped");
  };
  EXPECT_FALSE(InSlices(
      10, 1, 1, [&] { return stopped; }, work));
}

}  // namespace
}  // namespace cordon
