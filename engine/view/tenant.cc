#include "engine/view/tenant.h"

#include <spdlog/spdlog.h>

namespace cordon {

PinnedView Publisher::Pin(Clock* clock) {
  std::lock_guard lock(mutex_);
  CORDON_CHECK(current_ != nullptr);
  // Read under the lock: a later pin never has an earlier time.
  const Micros now = clock->Now();
  if (now >= current_->next_event()) current_ = current_->At(now);
  return {current_, now};
}

void CanaryAlerts::Raise(const std::string& journal_id) {
  count_.fetch_add(1, std::memory_order_relaxed);
  spdlog::critical("alert: a canary document was retrieved; see journal record {}", journal_id);
}

void Publisher::Publish(std::shared_ptr<const View> view) {
  std::lock_guard lock(mutex_);
  current_ = std::move(view);
}

}  // namespace cordon
