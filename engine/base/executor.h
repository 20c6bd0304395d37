// A bounded pool of worker threads: the only place where requests wait for a processor.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace cordon {

// Runs tasks on a fixed number of threads. Thread-safe.
class Executor {
 public:
  // At most `queue_max` tasks wait; a further one is turned away.
  Executor(int threads, size_t queue_max);

  // Runs what is queued, then joins.
  ~Executor();

  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // False if the queue is full or the executor is stopping; the task then never runs.
  [[nodiscard]] bool Submit(std::function<void()> task);

 private:
  void Work();

  const size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace cordon
