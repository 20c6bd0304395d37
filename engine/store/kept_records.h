// What was opened at one snapshot, for those who read it again at the same one.
#pragma once

#include <google/protobuf/message.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace cordon {

// What all snapshots of a database keep, in bytes: old ones live as long as a request holds them,
// and that of a tenant who changes nothing, for days. Thread-safe.
struct KeptBytes {
  static constexpr size_t kMax = 32 << 20;

  // Keeps some of them.
  struct Keeper {
    virtual ~Keeper() = default;
    // Lets go of all; what is returned frees it.
    virtual std::shared_ptr<void> Drop() = 0;
    std::atomic<size_t> bytes{0};
  };

  // Where there is no room for so many bytes more, whoever keeps the most drops it: a tenant that
  // reads much, or did, takes no room from others.
  void MakeRoom(size_t wanted) {
    if (used + wanted <= kMax) return;  // mostly, and then without a lock that all tenants share
    std::shared_ptr<void> dropped;      // freed without the lock: it may be tens of thousands
    std::lock_guard lock(mutex);
    if (used + wanted <= kMax || keepers.empty()) return;
    dropped = (*std::max_element(keepers.begin(), keepers.end(), [](Keeper* a, Keeper* b) {
                return a->bytes < b->bytes;
              }))->Drop();
  }

  std::atomic<size_t> used{0};
  std::mutex mutex;                     // taken before that of a keeper
  std::unordered_set<Keeper*> keepers;  // guarded by mutex
};

// Records by name, as they are in a snapshot, which never changes: nothing that is kept can be
// stale, and all of it goes with the snapshot. Thread-safe.
template <typename Record>
class KeptRecords final : private KeptBytes::Keeper {
 public:
  using Shared = std::shared_ptr<const Record>;

  explicit KeptRecords(std::shared_ptr<KeptBytes> all) : all_(std::move(all)) {
    std::lock_guard lock(all_->mutex);
    all_->keepers.insert(this);
  }
  ~KeptRecords() override {
    {
      std::lock_guard lock(all_->mutex);
      all_->keepers.erase(this);
    }
    all_->used -= bytes;
  }
  KeptRecords(const KeptRecords&) = delete;
  KeptRecords& operator=(const KeptRecords&) = delete;

  // Those that are kept; null where there is none.
  std::vector<Shared> Find(std::span<const std::string> names) {
    std::vector<Shared> found(names.size());
    ++finds_;
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < names.size() && !records_.empty(); ++i) {
      const auto it = records_.find(names[i]);
      if (it != records_.end()) found[i] = it->second;
    }
    return found;
  }

  // Keeps a copy of what the snapshot has under this name, unless that is not worth it.
  void Keep(const std::string& name, const Record& record) {
    if (finds_ < kFindsBefore || record.ByteSizeLong() > kRecordBytesMax) return;
    const auto copy = std::make_shared<const Record>(record);  // what takes time, without the lock
    // Of the copy: `record` has the room of the largest one that was read into it.
    const size_t size = copy->SpaceUsedLong() + name.size() + kEntryBytes;
    if (size > kRecordBytesMax) return;
    all_->MakeRoom(size);
    std::lock_guard lock(mutex_);
    if ((all_->used += size) > KeptBytes::kMax || !records_.emplace(name, copy).second) {
      all_->used -= size;
      return;
    }
    bytes += size;
  }

 private:
  // While documents are written a snapshot is read a few times, and nothing of it again.
  static constexpr size_t kFindsBefore = 64;
  static constexpr size_t kRecordBytesMax = 64 << 10;  // one must not take the place of thousands
  static constexpr size_t kEntryBytes = 96;            // of the map, beside the record and its name

  using Records = std::unordered_map<std::string, Shared>;

  std::shared_ptr<void> Drop() override {
    const auto dropped = std::make_shared<Records>();
    std::lock_guard lock(mutex_);
    dropped->swap(records_);
    all_->used -= bytes.exchange(0);
    return dropped;
  }

  const std::shared_ptr<KeptBytes> all_;
  std::atomic<size_t> finds_{0};
  std::mutex mutex_;
  Records records_;  // guarded by mutex_, as is what changes `bytes`
};

}  // namespace cordon
