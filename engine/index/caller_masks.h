// Which entries of each list a caller may see: one bit an entry, made when a search first looks at
// the list and kept for the next one.
//
// An entry of the cache is found by all that it was made from: the permitted classes, as far as the
// lists have any, and how many starts and ends of documents have passed. Callers with equal
// entitlements thus share; whoever loses a class has another key at once. Callers share, too, who
// differ only in classes that the lists have no rows of: so nothing may be kept here that is not of
// the covered rows alone. Deleted rows are no business of masks (lists.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/index/bitmap.h"
#include "engine/index/list_part.h"

namespace cordon {

// Of one list: a mask for each of its blocks, bit i for entry i of the block.
struct ListMask {
  uint32_t count = 0;  // of all bits
  std::vector<uint32_t> masks;
};

// Thread-safe.
class CallerMasks {
 public:
  // Bytes of all masks of a cache.
  using Total = std::shared_ptr<std::atomic<size_t>>;

  // `part` must outlive this. `rows`: those that count, by their ids in the part. Its bytes count
  // in `total`, which may be null, for as long as it lives.
  CallerMasks(const ListPart& part, size_t lists, Bitmap rows, Total total = nullptr);
  ~CallerMasks();
  CallerMasks(const CallerMasks&) = delete;
  CallerMasks& operator=(const CallerMasks&) = delete;

  const ListMask& Of(uint32_t list);
  // Whatever became of them since they were listed.
  const Bitmap& rows() const { return rows_; }

  // How many covered rows the caller may see at a version of the index, the last one of which it
  // was told; rows beside the lists, which may be of classes that are not in the key, are not among
  // them.
  struct CoveredRows {
    uint64_t version;
    uint64_t rows;
  };
  std::optional<CoveredRows> covered_rows() const;
  void SetCoveredRows(CoveredRows rows);

 private:
  const ListMask* Make(uint32_t list) const;
  void Hold(size_t bytes);

  const ListPart& part_;
  const Bitmap rows_;
  const Total total_;
  std::vector<std::atomic<const ListMask*>> lists_;
  std::atomic<size_t> bytes_ = 0;
  mutable std::mutex covered_mutex_;
  std::optional<CoveredRows> covered_;  // guarded by covered_mutex_
};

// The least recently used go when all together pass the limit, which masks may do until the next
// Find(). Those that a search still reads count until it ends. Thread-safe.
class MaskCache {
 public:
  explicit MaskCache(size_t bytes_max) : bytes_max_(bytes_max) {}

  // What the masks of this cache are to count in.
  const CallerMasks::Total& total() const { return total_; }
  // What is held now.
  size_t bytes() const { return total_->load(std::memory_order_relaxed); }

  // The masks of whoever may see `classes` after `events` starts and ends, made by `make` if there
  // are none; of several threads that make them at once, all get the first one's. Null if `make`
  // gave up, and nothing is kept of it.
  std::shared_ptr<CallerMasks> Find(std::span<const uint64_t> classes, uint64_t events,
                                    const std::function<std::shared_ptr<CallerMasks>()>& make);

 private:
  struct Entry {
    std::vector<uint64_t> key;  // the classes, then the events
    std::shared_ptr<CallerMasks> masks;
  };
  using Entries = std::list<Entry>;  // the most recently used first

  std::shared_ptr<CallerMasks> Known(uint64_t hash, std::span<const uint64_t> classes,
                                     uint64_t events);
  void Evict();

  const size_t bytes_max_;
  const CallerMasks::Total total_ = std::make_shared<std::atomic<size_t>>(0);
  std::mutex mutex_;
  Entries entries_;                                               // guarded by mutex_
  std::unordered_multimap<uint64_t, Entries::iterator> by_hash_;  // guarded by mutex_
};

}  // namespace cordon
