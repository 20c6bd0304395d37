#include "engine/base/executor.h"

#include <algorithm>

#include "engine/base/check.h"

namespace cordon {

Executor::Executor(int threads, size_t queue_max, const std::function<void()>& begin)
    : queue_max_(queue_max) {
  CORDON_CHECK(threads > 0);
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, begin] {
      if (begin) begin();
      Work();
    });
  }
}

Executor::~Executor() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return borrowed_.empty(); });
}

bool Executor::Submit(std::function<void()> task) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= queue_max_) {
      ++turned_away_;
      return false;
    }
    queue_.push_back(std::move(task));
  }
  wake_.notify_one();
  return true;
}

bool Executor::HasRoom() {
  std::lock_guard lock(mutex_);
  const bool room = !stopping_ && queue_.size() < queue_max_;
  turned_away_ += room ? 0 : 1;
  return room;
}

// Requires the lock.
bool Executor::MayBorrow(Time now) const {
  if (stopping_) return false;
  if (borrowed_.empty()) {
    return now >= wary_until_ || (queue_.empty() && running_ < threads_.size());
  }
  return now >= wary_until_ && now - *borrowed_.begin() <= kLongTask;
}

bool Executor::SubmitOrRun(std::function<void()> task) {
  const auto begun = std::chrono::steady_clock::now();
  {
    std::unique_lock lock(mutex_);
    if (MayBorrow(begun)) {
      Borrow(std::move(task), begun, &lock);
      return true;
    }
  }
  return Submit(std::move(task));
}

Executor::Load Executor::load() const {
  std::lock_guard lock(mutex_);
  return {queue_.size(), turned_away_};
}

namespace {

// What the task owns is freed when it returns, which is before the lock is taken again.
void RunAndFree(std::function<void()> task) { task(); }

}  // namespace

// Requires the lock, and gives it back to run the task and to free what it owns: a destructor may
// submit.
void Executor::Borrow(std::function<void()> task, Time begun, std::unique_lock<std::mutex>* lock) {
  const auto place = borrowed_.insert(begun);
  lock->unlock();
  RunAndFree(std::move(task));
  const auto ended = std::chrono::steady_clock::now();
  lock->lock();
  borrowed_.erase(place);
  const auto took = ended - begun;
  if (took > kLongTask) {
    wary_until_ = std::max({wary_until_, ended + kAfterLongTask, ended + kAfterItself * took});
  }
  if (stopping_) idle_.notify_all();  // with the lock: the executor may be gone after it
}

void Executor::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    auto task = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    lock.unlock();
    RunAndFree(std::move(task));
    lock.lock();
    --running_;
  }
}

}  // namespace cordon
