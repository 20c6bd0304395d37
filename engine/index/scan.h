// The scan: offers rankings the rows that an AllowedSet permits, but those that their codes rule
// out.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/index/bitmap.h"
#include "engine/index/codes.h"
#include "engine/index/padded_query.h"
#include "engine/index/ranking.h"
#include "engine/index/segment.h"

namespace cordon {

// What a search may see. A row counts iff its class is set and, at `now`, its document is valid and
// the filter admits it.
struct AllowedSet {
  Bitmap classes;  // by class id; a class beyond the size is not allowed
  Micros now = 0;
  DocumentFilter* filter = nullptr;  // borrowed; null admits all
};

// Where the score of a row lies (codes.h), given the sum of its codes with the query's. The cosine
// of a zero vector is 0.
ScoreRange CodeRange(const PaddedQuery& query, const QueryCodes& codes, const RowFacts& row,
                     int32_t sum);

// What the codes alone say of the score.
double CodeScore(const PaddedQuery& query, const QueryCodes& codes, const RowFacts& row,
                 int32_t sum);

// Rows that are looked at, and not read, between two looks at whether a search goes on: some ten
// microseconds, or a hundred with a filter.
inline constexpr uint32_t kLooksBetweenStops = 4096;

// Walks the permitted class runs of segments: by all runs of a segment or by all permitted classes,
// whichever is less work. Borrows the classes. For one thread.
class PermittedRuns {
 public:
  explicit PermittedRuns(const Bitmap& classes);

  // Calls visit(const ClassRun&) for each permitted run of `segment`, by class, until it says
  // false; then false.
  template <typename Visit>
  bool ForEach(const Segment& segment, Visit visit) const {
    if (!Meets(segment.first_class(), segment.last_class())) return true;
    return ForEachOf(segment.rows().runs(), visit);
  }

  // The same for runs of any kind, of which there is at least one, by class.
  template <typename Run, typename Visit>
  bool ForEachOf(std::span<const Run> runs, Visit visit) const {
    if (count_ == 0) return true;
    if (few()) {
      const uint32_t* const end = few_ + count_;
      const uint32_t* const first = std::lower_bound(few_, end, runs.front().class_id);
      const uint32_t* const last = std::upper_bound(first, end, runs.back().class_id);
      if (first == last) return true;
      if (static_cast<size_t>(last - first) * kSearchCost < runs.size()) {
        return Find({first, last}, runs, visit);
      }
    }
    for (const Run& run : runs) {
      if (classes_.Test(run.class_id) && !visit(run)) return false;
    }
    return true;
  }

 private:
  // With more classes than this it pays rarely to look for each.
  static constexpr size_t kFewMax = 2048;
  // The search for a class among the runs of a segment is as dear as the test of some runs.
  static constexpr size_t kSearchCost = 8;

  bool few() const { return count_ <= kFewMax; }

  // False only if no permitted class is in [first, last].
  bool Meets(uint32_t first, uint32_t last) const {
    return count_ > 0 && (!few() || (few_[0] <= last && first <= few_[count_ - 1]));
  }

  // Requires all `classes`, ascending, to be at least that of the first run.
  template <typename Run, typename Visit>
  static bool Find(std::span<const uint32_t> classes, std::span<const Run> runs, Visit visit) {
    auto run = runs.begin();
    for (const uint32_t class_id : classes) {
      // Classes differ from run to run, so the run lies no farther than this, and exactly there if
      // no class is missing.
      const auto farthest =
          runs.begin() + std::min<std::ptrdiff_t>(class_id - runs.front().class_id,
                                                  static_cast<std::ptrdiff_t>(runs.size()) - 1);
      run = farthest->class_id == class_id
                ? farthest
                : std::lower_bound(run, farthest, class_id,
                                   [](const Run& r, uint32_t id) { return r.class_id < id; });
      if (run->class_id == class_id && !visit(*run)) return false;
    }
    return true;
  }

  const Bitmap& classes_;
  size_t count_ = 0;       // of the permitted classes, or more than kFewMax
  uint32_t few_[kFewMax];  // they, ascending, if few()
};

// Rows that are gathered at once, across segments, so that kernels see full blocks however short
// the runs are, and never read a row that does not count. In place and not cleared: a caller who
// may see ten rows pays for ten.
struct ScanBlock {
  static constexpr size_t kRows = 512;

  struct Place {
    uint32_t segment;
    uint32_t row;
  };

  size_t size = 0;
  Place places[kRows];
  const int8_t* rows[kRows];  // their codes
  RowFacts facts[kRows];
};

// One query of a scan: offers its ranking what of each block may be among the best; the floor rises
// between two. 10 KiB.
class ScannedQuery {
 public:
  // Borrows both.
  ScannedQuery(const PaddedQuery& query, Ranking& ranking) : query_(query), ranking_(ranking) {}
  ScannedQuery(const ScannedQuery&) = delete;
  ScannedQuery& operator=(const ScannedQuery&) = delete;

  // Rows whose codes were read for it so far.
  size_t rows_read() const { return rows_read_; }

 private:
  friend class Scan;

  // Rows of which most are answers, or nearly: codes would spare hardly any floats.
  bool NeedsNoCodes(size_t rows) const { return !codes_ && ranking_.HasRoomFor(rows); }
  const int16_t* Codes() {
    if (!codes_) codes_.emplace(query_);
    return codes_->codes();
  }
  void OfferAll(const ScanBlock& block);
  // By sums_, which are of this block.
  void OfferBest(const ScanBlock& block);
  void RaiseFloor(const ScanBlock& block);
  size_t Select(const ScanBlock& block, uint32_t* selected) const;
  ScoreRange RangeOf(const ScanBlock& block, size_t i) const;

  const PaddedQuery& query_;
  Ranking& ranking_;
  std::optional<QueryCodes> codes_;  // from the first block on
  size_t rows_read_ = 0;
  int32_t sums_[ScanBlock::kRows];  // not cleared
};

// One scan by one thread, for one query or for several of one caller: each block is read from
// memory once, and each ranking is offered what it would be alone. Some 30 KiB: of the stack, where
// they cost nothing.
class Scan {
 public:
  static constexpr size_t kQueriesMax = 32;

  // All arguments are borrowed. 1 to kQueriesMax queries, all of the segments' dimension; each is
  // scanned once. `stop` may be empty.
  Scan(std::span<ScannedQuery* const> queries, std::span<const Segment> segments,
       const AllowedSet& allowed, const std::function<bool()>& stop);

  // Offers all permitted rows that may be among the best. Asks `stop` every ScanBlock::kRows rows
  // that it reads, every kLooksBetweenStops that it only looks at since they do not count, or more
  // often, however many queries there are; DEADLINE_EXCEEDED when it says true.
  Status Run();

 private:
  // These return false to stop.
  bool ScanSegment(uint32_t segment, const PermittedRuns& permitted);
  bool AddRun(uint32_t segment, const ClassRun& run);
  bool PassOver();
  bool MakeRoom();

  void Add(uint32_t segment, const SegmentRows& rows, uint32_t begin, uint32_t end);
  void ScanGathered(std::span<ScannedQuery* const> queries);
  void ScanLast();

  const std::span<ScannedQuery* const> queries_;
  const std::span<const Segment> segments_;
  const AllowedSet& allowed_;
  const std::function<bool()>& stop_;
  const size_t stride_;
  uint32_t passed_over_ = 0;  // since `stop` was asked because of them
  ScanBlock block_;
};

}  // namespace cordon
