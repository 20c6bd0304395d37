// The runs of Ingest that have an open stream: one at a time each, so that a batch which is still
// on its way to the writer is not taken for one that was not applied.
#pragma once

#include <mutex>
#include <set>
#include <string>

namespace cordon {

// Thread-safe.
class OpenRuns {
 public:
  // False if it is open.
  [[nodiscard]] bool Enter(const std::string& run) {
    std::lock_guard lock(mutex_);
    return open_.insert(run).second;
  }
  void Leave(const std::string& run) {
    std::lock_guard lock(mutex_);
    open_.erase(run);
  }

 private:
  std::mutex mutex_;
  std::set<std::string> open_;  // guarded by mutex_
};

}  // namespace cordon
