// A tenant at work: its current View, its journal, its pseudonyms.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "engine/base/clock.h"
#include "engine/journal/journal.h"
#include "engine/journal/pseudonyms.h"
#include "engine/view/meters.h"
#include "engine/view/view.h"

namespace cordon {

// A View that a request holds, and the clock when it took it.
struct PinnedView {
  std::shared_ptr<const View> view;
  Micros as_of;

  const View* operator->() const { return view.get(); }
};

// Holds the current View. Thread-safe.
class Publisher {
 public:
  // The current View at the clock's time: past its next event, a later one is made first.
  PinnedView Pin(Clock* clock);

  // Makes `view` current; the one writer calls it.
  void Publish(std::shared_ptr<const View> view);

 private:
  std::mutex mutex_;
  std::shared_ptr<const View> current_;  // guarded by mutex_
};

// Canary documents that have left since the server started. Thread-safe.
class CanaryAlerts {
 public:
  // By the call with this record: whoever operates the server must know.
  void Raise(const std::string& journal_id);

  uint64_t count() const { return count_; }

 private:
  std::atomic<uint64_t> count_{0};
};

// Lives as long as the engine: what the journal calls back must not hold it.
struct Tenant {
  Tenant(std::string tenant_name, std::unique_ptr<Journal> tenant_journal, const SecretKey& key)
      : name(std::move(tenant_name)), journal(std::move(tenant_journal)), pseudonyms(key, name) {}

  const std::string name;
  Publisher publisher;
  const std::unique_ptr<Journal> journal;
  const Pseudonyms pseudonyms;
  Meters meters;
  const std::shared_ptr<CanaryAlerts> canary_alerts = std::make_shared<CanaryAlerts>();
};

}  // namespace cordon
