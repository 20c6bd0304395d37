// What was opened at one snapshot, for those who read it again at the same one.
#pragma once

#include <google/protobuf/message.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace cordon {

// What all snapshots of a database keep, in bytes: old ones live as long as a request holds them.
struct KeptBytes {
  static constexpr size_t kMax = 32 << 20;
  std::atomic<size_t> used{0};
};

// Records by name, as they are in a snapshot, which never changes: nothing that is kept can be
// stale, and all of it goes with the snapshot. Thread-safe.
template <typename Record>
class KeptRecords {
 public:
  using Shared = std::shared_ptr<const Record>;

  explicit KeptRecords(std::shared_ptr<KeptBytes> bytes) : all_(std::move(bytes)) {}
  ~KeptRecords() { Drop(); }
  KeptRecords(const KeptRecords&) = delete;
  KeptRecords& operator=(const KeptRecords&) = delete;

  // Those that are kept; null where there is none.
  std::vector<Shared> Find(std::span<const std::string> names) {
    std::vector<Shared> found(names.size());
    std::lock_guard lock(mutex_);
    ++finds_;
    for (size_t i = 0; i < names.size() && !records_.empty(); ++i) {
      const auto it = records_.find(names[i]);
      if (it != records_.end()) found[i] = it->second;
    }
    return found;
  }

  // Keeps a copy of what the snapshot has under this name, unless that is not worth it.
  void Keep(const std::string& name, const Record& record) {
    std::lock_guard lock(mutex_);
    if (finds_ < kFindsBefore) return;
    const size_t bytes = record.SpaceUsedLong() + name.size();
    if (bytes > kRecordBytesMax) return;
    if (all_->used + bytes > KeptBytes::kMax) Drop();
    if (all_->used + bytes > KeptBytes::kMax) return;  // others keep it all
    if (!records_.emplace(name, std::make_shared<const Record>(record)).second) return;
    bytes_ += bytes;
    all_->used += bytes;
  }

 private:
  // While documents are written a snapshot is read a few times, and nothing of it again.
  static constexpr size_t kFindsBefore = 64;
  static constexpr size_t kRecordBytesMax = 64 << 10;  // one must not take the place of thousands

  // Requires mutex_, or that nobody else has this.
  void Drop() {
    records_.clear();
    all_->used -= bytes_;
    bytes_ = 0;
  }

  const std::shared_ptr<KeptBytes> all_;
  std::mutex mutex_;
  std::unordered_map<std::string, Shared> records_;  // guarded by mutex_
  size_t bytes_ = 0;                                 // of them; guarded by mutex_
  size_t finds_ = 0;                                 // guarded by mutex_
};

}  // namespace cordon
