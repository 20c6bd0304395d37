#include "engine/base/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace cordon {
namespace {

TEST(Executor, RunsEverythingItAccepted) {
  std::atomic<int> ran{0};
  int accepted = 0;
  {
    Executor executor(4, 64);
    for (int i = 0; i < 10'000; ++i) {
      if (executor.Submit([&ran] { ++ran; })) ++accepted;
    }
  }
  EXPECT_GE(accepted, 64);
  EXPECT_EQ(ran, accepted);
}

TEST(Executor, TurnsAwayWhatDoesNotFitAndNeverRunsIt) {
  std::promise<void> gate;
  const std::shared_future<void> open = gate.get_future().share();
  std::atomic<int> ran{0};
  {
    Executor executor(1, 3);
    std::promise<void> begun;
    ASSERT_TRUE(executor.Submit([&] {
      begun.set_value();
      open.wait();
    }));
    begun.get_future().wait();  // the only thread is busy: from now on tasks queue
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(executor.Submit([&ran] { ++ran; }));
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(executor.Submit([&ran] { ran += 100; }));
    EXPECT_EQ(executor.load().waiting, 3u);
    EXPECT_EQ(executor.load().turned_away, 5u);
    gate.set_value();
  }
  EXPECT_EQ(ran, 3);
}

TEST(Executor, AcceptsAgainOnceThereIsRoom) {
  Executor executor(1, 1);
  for (int i = 0; i < 100; ++i) {
    std::promise<void> done;
    // The worker may still be about to take the task before; then there is no room yet.
    while (!executor.Submit([&done] { done.set_value(); })) std::this_thread::yield();
    done.get_future().wait();
  }
}

TEST(Executor, RunsAsManyAtOnceAsItHasThreadsAndNoMore) {
  std::atomic<int> running{0};
  std::atomic<int> running_max{0};
  std::promise<void> gate;
  const std::shared_future<void> open = gate.get_future().share();
  {
    Executor executor(3, 100);
    for (int i = 0; i < 30; ++i) {
      ASSERT_TRUE(executor.Submit([&] {
        const int now = ++running;
        int seen = running_max;
        while (seen < now && !running_max.compare_exchange_weak(seen, now)) {
        }
        open.wait();
        --running;
      }));
    }
    while (running < 3) std::this_thread::yield();
    gate.set_value();
  }
  EXPECT_EQ(running_max, 3);
}

TEST(Executor, RunsInTheOrderOfArrivalOnOneThread) {
  std::vector<int> order;
  {
    Executor executor(1, 100);
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(executor.Submit([&order, i] { order.push_back(i); }));
    }
  }
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(Executor, ATaskMaySubmitAnother) {
  std::promise<void> second;
  Executor executor(1, 10);
  ASSERT_TRUE(executor.Submit([&] { EXPECT_TRUE(executor.Submit([&] { second.set_value(); })); }));
  second.get_future().wait();
}

TEST(Executor, ATasksDestructorMaySubmitAnother) {
  // A finished call frees its stream, and that may start the next.
  std::promise<void> second;
  Executor executor(1, 10);
  auto last = std::shared_ptr<int>(new int(1), [&](const int* value) {
    delete value;
    EXPECT_TRUE(executor.Submit([&] { second.set_value(); }));
  });
  ASSERT_TRUE(executor.Submit([last = std::move(last)] {}));
  EXPECT_EQ(second.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(Executor, LetsGoOfATasksMemoryBeforeItWaitsForTheNext) {
  // A task owns its request; an idle worker must not keep the last one alive.
  Executor executor(1, 10);
  auto request = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = request;
  ASSERT_TRUE(executor.Submit([request] {}));
  request.reset();
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!watch.expired() && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  EXPECT_TRUE(watch.expired());
}

TEST(Executor, AfterALongTaskNoMoreRunAtOnceThanThreadsAndOneCaller) {
  constexpr int kThreads = 2;
  std::atomic<int> running{0}, running_max{0}, ran{0};
  int accepted = 0;
  {
    Executor executor(kThreads, 1000);
    ASSERT_TRUE(
        executor.SubmitOrRun([] { std::this_thread::sleep_for(Executor::kAfterLongTask); }));
    const auto wary_until = std::chrono::steady_clock::now() + Executor::kAfterLongTask / 4;
    std::vector<std::thread> callers;
    std::atomic<int> taken{0};
    for (int c = 0; c < 6; ++c) {
      callers.emplace_back([&] {
        for (int i = 0; std::chrono::steady_clock::now() < wary_until; ++i) {
          const auto task = [&] {
            const int now = ++running;
            for (int most = running_max;
                 now > most && !running_max.compare_exchange_weak(most, now);) {
            }
            std::this_thread::yield();
            --running;
            ++ran;
          };
          if (i % 3 == 0 ? executor.Submit(task) : executor.SubmitOrRun(task)) ++taken;
        }
      });
    }
    for (auto& caller : callers) caller.join();
    accepted = taken;
  }
  EXPECT_EQ(ran, accepted);
  EXPECT_LE(running_max, kThreads + 1);
}

TEST(Executor, ATaskThatNothingWaitsBeforeWaitsForAThread) {
  Executor executor(1, 1);
  std::thread::id ran_by;
  ASSERT_TRUE(executor.SubmitOrRun([&] { ran_by = std::this_thread::get_id(); }));
  EXPECT_EQ(ran_by, std::this_thread::get_id());
}

// Whether a task that is brought while another one runs on its caller's thread does so as well.
bool SecondIsBorrowedToo(Executor* executor) {
  std::promise<std::thread::id> second;
  bool borrowed = false;
  EXPECT_TRUE(executor->SubmitOrRun([&] {
    std::thread caller([&] {
      EXPECT_TRUE(executor->SubmitOrRun([&] { second.set_value(std::this_thread::get_id()); }));
    });
    borrowed = second.get_future().get() == caller.get_id();
    caller.join();
  }));
  return borrowed;
}

// Whether it is so at least once: a busy machine may interrupt the first until it counts as long.
bool SecondIsBorrowedOnce(Executor* executor) {
  for (int tries = 0; tries < 50; ++tries) {
    if (SecondIsBorrowedToo(executor)) return true;
    std::this_thread::sleep_for(2 * Executor::kAfterLongTask);
  }
  return false;
}

TEST(Executor, ShortTasksRunOnAllThreadsThatBringThem) {
  for (const int threads : {1, 4}) {
    Executor executor(threads, 4);
    EXPECT_TRUE(SecondIsBorrowedOnce(&executor));
  }
}

TEST(Executor, ShortTasksOfCallersDoNotHoldUpWhatIsQueued) {
  Executor executor(1, 4);
  std::promise<void> queued;
  ASSERT_TRUE(executor.SubmitOrRun([&] {
    EXPECT_TRUE(executor.Submit([&] { queued.set_value(); }));
    EXPECT_EQ(queued.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  }));
}

TEST(Executor, AfterALongTaskOneThreadAtATimeIsBorrowed) {
  Executor executor(4, 4);
  ASSERT_TRUE(executor.SubmitOrRun([] { std::this_thread::sleep_for(Executor::kAfterLongTask); }));
  EXPECT_FALSE(SecondIsBorrowedToo(&executor));
}

TEST(Executor, WhileATaskIsLongNoOtherThreadIsBorrowed) {
  Executor executor(4, 4);
  std::promise<std::thread::id> second;
  ASSERT_TRUE(executor.SubmitOrRun([&] {
    std::this_thread::sleep_for(2 * Executor::kLongTask);
    std::thread caller([&] {
      EXPECT_TRUE(executor.SubmitOrRun([&] { second.set_value(std::this_thread::get_id()); }));
    });
    EXPECT_NE(second.get_future().get(), caller.get_id());
    caller.join();
  }));
}

TEST(Executor, AVeryLongTaskIsRememberedForLonger) {
  Executor executor(4, 4);
  const auto took = Executor::kAfterLongTask / 2;
  ASSERT_TRUE(executor.SubmitOrRun([&] { std::this_thread::sleep_for(took); }));
  std::this_thread::sleep_for(Executor::kAfterLongTask);
  EXPECT_FALSE(SecondIsBorrowedToo(&executor));
}

TEST(Executor, ALongTaskIsForgottenAfterAWhile) {
  Executor executor(4, 4);
  ASSERT_TRUE(executor.SubmitOrRun([] { std::this_thread::sleep_for(2 * Executor::kLongTask); }));
  std::this_thread::sleep_for(2 * Executor::kAfterLongTask);
  EXPECT_TRUE(SecondIsBorrowedOnce(&executor));
}

TEST(Executor, IsGoneBeforeATaskOnAnothersThreadHasEnded) {
  for (int i = 0; i < 200; ++i) {
    auto executor = std::make_unique<Executor>(1, 1);
    std::promise<void> begun;
    std::atomic<bool> ended{false};
    Executor* const raw = executor.get();
    std::thread caller([&] {
      EXPECT_TRUE(raw->SubmitOrRun([&] {
        begun.set_value();
        std::this_thread::yield();
        ended = true;
      }));
    });
    begun.get_future().wait();
    executor.reset();
    EXPECT_TRUE(ended);
    caller.join();
  }
}

}  // namespace
}  // namespace cordon
