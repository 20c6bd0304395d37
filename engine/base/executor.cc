#include "engine/base/executor.h"

#include "engine/base/check.h"

namespace cordon {

Executor::Executor(int threads, size_t queue_max) : queue_max_(queue_max) {
  CORDON_CHECK(threads > 0);
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

Executor::~Executor() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return running_ == 0; });
}

bool Executor::Submit(std::function<void()> task) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= queue_max_) return false;
    queue_.push_back(std::move(task));
  }
  wake_.notify_one();
  return true;
}

// Requires the lock. A caller's thread counts as one of ours: no more tasks run at once than those.
bool Executor::MayBorrow(std::chrono::steady_clock::time_point now) const {
  return !stopping_ && queue_.empty() && running_ < threads_.size() &&
         (borrowed_ == 0 || now >= wary_until_);
}

bool Executor::SubmitOrRun(std::function<void()> task) {
  const auto begun = std::chrono::steady_clock::now();
  {
    std::unique_lock lock(mutex_);
    if (MayBorrow(begun)) {
      ++borrowed_;
      RunOne(std::move(task), &lock);
      --borrowed_;
      const auto ended = std::chrono::steady_clock::now();
      if (ended - begun > kLongTask) wary_until_ = ended + kAfterLongTask;
      return true;
    }
  }
  return Submit(std::move(task));
}

// Requires the lock, and a place among the running ones. The last thing it does with the executor
// is to give the lock back: it may be gone then.
void Executor::RunOne(std::function<void()> task, std::unique_lock<std::mutex>* lock) {
  ++running_;
  lock->unlock();
  task();
  task = nullptr;  // what it owns is freed outside the lock: a destructor may submit
  lock->lock();
  --running_;
  if (stopping_) {
    wake_.notify_all();
    idle_.notify_all();
  } else if (!queue_.empty()) {
    wake_.notify_one();
  }
}

void Executor::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] {
      return (stopping_ && queue_.empty()) || (!queue_.empty() && running_ < threads_.size());
    });
    if (queue_.empty()) return;
    auto task = std::move(queue_.front());
    queue_.pop_front();
    RunOne(std::move(task), &lock);
  }
}

}  // namespace cordon
