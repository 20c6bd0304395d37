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
  idle_.wait(lock, [this] { return borrowed_ == 0; });
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

// Requires the lock.
bool Executor::MayBorrow(std::chrono::steady_clock::time_point now) const {
  if (stopping_) return false;
  return now >= wary_until_ || (borrowed_ == 0 && queue_.empty() && running_ < threads_.size());
}

bool Executor::SubmitOrRun(std::function<void()> task) {
  const auto begun = std::chrono::steady_clock::now();
  {
    std::unique_lock lock(mutex_);
    if (MayBorrow(begun)) {
      RunOne(std::move(task), &borrowed_, &lock);
      const auto ended = std::chrono::steady_clock::now();
      if (ended - begun > kLongTask) wary_until_ = ended + kAfterLongTask;
      if (stopping_) idle_.notify_all();  // with the lock: the executor may be gone after it
      return true;
    }
  }
  return Submit(std::move(task));
}

// Requires the lock; `counted` is one higher while the task runs.
void Executor::RunOne(std::function<void()> task, size_t* counted,
                      std::unique_lock<std::mutex>* lock) {
  ++*counted;
  lock->unlock();
  task();
  task = nullptr;  // what it owns is freed outside the lock: a destructor may submit
  lock->lock();
  --*counted;
}

void Executor::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    auto task = std::move(queue_.front());
    queue_.pop_front();
    RunOne(std::move(task), &running_, &lock);
  }
}

}  // namespace cordon
