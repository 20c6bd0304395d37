#include "engine/view/tenant.h"

#include <fmt/format.h>

#include "engine/base/limits.h"

namespace cordon {

PinnedView Publisher::Pin(Clock* clock) {
  std::lock_guard lock(mutex_);
  CORDON_CHECK(current_ != nullptr);
  // Read under the lock: a later pin never has an earlier time.
  const Micros now = clock->Now();
  if (now >= current_->next_event()) current_ = current_->At(now);
  return {current_, now};
}

Status Publisher::WaitFor(uint64_t revision) {
  std::unique_lock lock(mutex_);
  const auto reached = [&] { return current_ != nullptr && current_->revision() >= revision; };
  if (reached()) return OkStatus();
  if (waiters_ >= kWaitersMax) {
    return Status(StatusCode::kResourceExhausted, "at_least_revision",
                  "too many calls wait for a revision; try again");
  }
  ++waiters_;
  const bool in_time =
      published_.wait_for(lock, std::chrono::milliseconds(limits::kRevisionWait_ms), reached);
  --waiters_;
  if (in_time) return OkStatus();
  return Status(StatusCode::kFailedPrecondition, "at_least_revision",
                fmt::format("revision {} is not reached; the newest is {}", revision,
                            current_ == nullptr ? 0 : current_->revision()));
}

void Publisher::Publish(std::shared_ptr<const View> view) {
  {
    std::lock_guard lock(mutex_);
    current_ = std::move(view);
  }
  published_.notify_all();
}

}  // namespace cordon
