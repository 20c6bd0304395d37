// A bounded pool of worker threads: the only place where requests wait for a processor.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace cordon {

// Runs as many tasks at once as it has threads, and short ones besides on threads that bring them.
// Thread-safe.
class Executor {
 public:
  // At most `queue_max` tasks wait; a further one is turned away. `begin`, if any, is what each
  // thread does first, before its tasks.
  Executor(int threads, size_t queue_max, const std::function<void()>& begin = nullptr);

  // Runs what is queued, then joins; also waits for tasks that run on threads of others.
  ~Executor();

  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // False if the queue is full or the executor is stopping; the task then never runs.
  [[nodiscard]] bool Submit(std::function<void()> task);

  // Whether a task that comes now finds room; if not, counts it as turned away.
  [[nodiscard]] bool HasRoom();

  // The same as Submit() for a task that is short as a rule: it runs at once on the calling thread,
  // and need not wait for another one to wake up, which takes as long as a small task (a sixth of
  // the processor of a server that is busy with them). While one of them is long after all, and for
  // a while behind it, only a task that nothing waits before does so, one at a time: of the
  // callers' threads all but one stay free, but for a tenth of the time at most.
  [[nodiscard]] bool SubmitOrRun(std::function<void()> task);

  // What waits now, and how many tasks have been turned away so far.
  struct Load {
    size_t waiting;
    uint64_t turned_away;
  };
  Load load() const;

  // A task that takes longer than this is a long one. On a busy machine a short one may well be
  // interrupted for some milliseconds.
  static constexpr std::chrono::milliseconds kLongTask{10};
  // For how long that is remembered: so long, or ten times as long as it took if that is longer.
  static constexpr std::chrono::milliseconds kAfterLongTask{100};
  static constexpr int kAfterItself = 10;

 private:
  using Time = std::chrono::steady_clock::time_point;

  void Work();
  void Borrow(std::function<void()> task, Time begun, std::unique_lock<std::mutex>* lock);
  bool MayBorrow(Time now) const;

  const size_t queue_max_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
  size_t running_ = 0;                       // tasks on own threads; guarded by mutex_
  uint64_t turned_away_ = 0;                 // guarded by mutex_
  std::multiset<Time> borrowed_;  // when those on callers' threads began; guarded by mutex_
  Time wary_until_;               // of long ones; guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace cordon
