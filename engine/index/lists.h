// The lists of an index: the bulk of its rows by nearness, under one geometry.
//
// They cover the first segments of an index, whose rows never move while they do. What is newer
// lies in segments with lists of their own (SegmentLists), and a search treats both alike: whether
// a row is in here or there changes no answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/index/caller_masks.h"
#include "engine/index/geometry.h"
#include "engine/index/list_part.h"
#include "engine/index/scan.h"
#include "engine/index/segment.h"

namespace cordon {

// How rows are numbered across segments.
class RowNumbers {
 public:
  // Requires rows_max ≥ 1: of any segment.
  explicit RowNumbers(size_t rows_max);
  uint32_t Of(size_t segment, uint32_t row) const;
  uint32_t segment(uint32_t id) const { return shift_ == 32 ? 0 : id >> shift_; }
  uint32_t row(uint32_t id) const { return shift_ == 32 ? id : id & ((uint32_t{1} << shift_) - 1); }

 private:
  unsigned shift_;
};

// Of every block, which entries are not deleted. Null: all are.
using LiveEntries = std::shared_ptr<const std::vector<uint32_t>>;

// Immutable, its cache of masks aside; thread-safe.
class Lists {
 public:
  // Over all of `segments`, which are borrowed during the call; each has SegmentLists of this
  // geometry. Of no use if `stop` (may be empty) said true, which it then goes on saying.
  Lists(std::shared_ptr<const Geometry> geometry, std::span<const Segment> segments,
        RowNumbers numbers, const std::function<bool()>& stop = {});
  // The same, by copying the codes of `before`, which covers some of them, and of the others' own
  // lists.
  Lists(const Lists& before, std::span<const Segment> segments, RowNumbers numbers,
        const std::function<bool()>& stop = {});

  const Geometry& geometry() const { return *geometry_; }
  const ListPart& part() const { return part_; }
  // What a covered segment has beside it from now on.
  const std::shared_ptr<const SegmentLists>& of_segment(size_t i) const { return of_segments_[i]; }
  // How many segments they cover.
  size_t segments() const { return segments_.size(); }
  uint64_t rows() const { return rows_; }

  // The masks of whoever may see `allowed`, its filter aside. Null if `stop` (may be empty) said
  // true, which is asked often where there are none yet.
  std::shared_ptr<CallerMasks> MasksOf(const AllowedSet& allowed,
                                       const std::function<bool()>& stop = {}) const;

  // What is live when more rows of the covered segments are dead.
  LiveEntries Live(std::span<const Segment> segments) const;
  // The same, given what was live before the rows of `killed` died.
  LiveEntries WithDead(const LiveEntries& before, std::span<const Segment> segments,
                       std::span<const uint32_t> killed) const;

 private:
  void Cover(const Segment& segment);
  std::optional<Bitmap> RowsOf(const AllowedSet& allowed, const std::function<bool()>& stop) const;
  void Kill(const ListPair& pair, uint32_t id, std::vector<uint32_t>* live) const;

  std::shared_ptr<const Geometry> geometry_;
  RowNumbers numbers_;
  std::vector<std::shared_ptr<const SegmentRows>> segments_;
  std::vector<std::shared_ptr<const SegmentLists>> of_segments_;
  ListPart part_;
  uint64_t rows_ = 0;
  size_t classes_ = 0;  // one beyond the highest
  bool bounded_ = false;
  mutable MaskCache cache_;
};

}  // namespace cordon
