#include "engine/view/tenant.h"

namespace cordon {

PinnedView Publisher::Pin(Clock* clock) {
  std::lock_guard lock(mutex_);
  CORDON_CHECK(current_ != nullptr);
  // Read under the lock: a later pin never has an earlier time.
  const Micros now = clock->Now();
  if (now >= current_->next_event()) current_ = current_->At(now);
  return {current_, now};
}

void Publisher::Publish(std::shared_ptr<const View> view) {
  std::lock_guard lock(mutex_);
  current_ = std::move(view);
}

}  // namespace cordon
