// Fears about the work of streams of documents, which goes from one executor to another: that it
// piles up there, since of streams there is no end, or that what was let in is dropped on the way.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include "engine/server/calls.h"

namespace cordon {
namespace {

// Keeps the only thread of an executor busy until Free().
class Held {
 public:
  explicit Held(Executor* executor) {
    const auto begun = std::make_shared<std::promise<void>>();
    EXPECT_TRUE(executor->Submit([begun, free = free_.get_future().share()] {
      begun->set_value();
      free.wait();
    }));
    begun->get_future().wait();
  }
  void Free() { free_.set_value(); }

 private:
  std::promise<void> free_;
};

// Until the only thread of an executor has done what waits for it.
void Settle(Executor* executor) {
  const auto done = std::make_shared<std::promise<void>>();
  while (!executor->Submit([done] { done->set_value(); })) std::this_thread::yield();
  done->get_future().wait();
}

TEST(Bulk, PilesUp) {
  constexpr size_t kQueue = 3;
  Front front;
  std::atomic<size_t> ran{0};
  size_t admitted = 0;
  {
    Executor bulk(1, kQueue), executor(1, kQueue);
    front.bulk = &bulk;
    front.executor = &executor;
    Held held(&bulk);
    for (int i = 0; i < 100; ++i) {
      admitted += front.SubmitBulk([&ran] { ++ran; });
      Settle(&executor);
    }
    EXPECT_EQ(admitted, kQueue);
    EXPECT_EQ(bulk.load().waiting, kQueue);
    EXPECT_EQ(bulk.load().turned_away, 100 - kQueue);
    EXPECT_EQ(ran, 0u);
    held.Free();
  }
  EXPECT_EQ(ran, admitted);
}

TEST(Bulk, IsDroppedAfterItWasLetIn) {
  constexpr size_t kQueue = 5;
  Front front;
  std::atomic<size_t> ran{0};
  {
    Executor bulk(1, 1), executor(1, kQueue);
    front.bulk = &bulk;
    front.executor = &executor;
    Held writing(&bulk), asking(&executor);
    for (size_t i = 0; i < kQueue; ++i) EXPECT_TRUE(front.SubmitBulk([&ran] { ++ran; }));
    asking.Free();
    Settle(&executor);
    EXPECT_EQ(bulk.load().waiting, 1u);
    EXPECT_EQ(ran, kQueue - 1) << "what finds no room is not run where it is";
    writing.Free();
  }
  EXPECT_EQ(ran, kQueue);
}

}  // namespace
}  // namespace cordon
