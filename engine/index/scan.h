// The scan: offers a ranking every row that an AllowedSet permits, by estimates from the kernels.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/index/bitmap.h"
#include "engine/index/float_rows.h"
#include "engine/index/kernels.h"
#include "engine/index/ranking.h"
#include "engine/index/score.h"
#include "engine/index/segment.h"

namespace cordon {

// What a search may see. A row counts iff its class is set and, at `now`, its document is valid.
struct AllowedSet {
  Bitmap classes;  // by class id; a class beyond the size is not allowed
  Micros now = 0;
};

// Walks the permitted class runs of segments: by all runs of a segment or by all permitted classes,
// whichever is less work. Borrows the classes. For one thread.
class PermittedRuns {
 public:
  explicit PermittedRuns(const Bitmap& classes);

  // Calls visit(const ClassRun&) for each permitted run of `segment`, by class.
  template <typename Visit>
  void ForEach(const Segment& segment, Visit visit) const {
    if (count_ == 0) return;
    if (few()) {
      if (few_[count_ - 1] < segment.first_class() || segment.last_class() < few_[0]) return;
      const uint32_t* const end = few_ + count_;
      const uint32_t* const first = std::lower_bound(few_, end, segment.first_class());
      const uint32_t* const last = std::upper_bound(first, end, segment.last_class());
      if (first == last) return;
      const std::span<const ClassRun> runs = segment.rows().runs();
      if (static_cast<size_t>(last - first) * kSearchCost < runs.size()) {
        return Find({first, last}, runs, visit);
      }
    }
    for (const ClassRun& run : segment.rows().runs()) {
      if (classes_.Test(run.class_id)) visit(run);
    }
  }

 private:
  // With more classes than this it pays rarely to look for each.
  static constexpr size_t kFewMax = 2048;
  // The search for a class among the runs of a segment is as dear as the test of some runs.
  static constexpr size_t kSearchCost = 8;

  bool few() const { return count_ <= kFewMax; }

  // Requires all `classes`, ascending, to be at least that of the first run.
  template <typename Visit>
  static void Find(std::span<const uint32_t> classes, std::span<const ClassRun> runs, Visit visit) {
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
                                   [](const ClassRun& r, uint32_t id) { return r.class_id < id; });
      if (run->class_id == class_id) visit(*run);
    }
  }

  const Bitmap& classes_;
  size_t count_ = 0;       // of the permitted classes, or more than kFewMax
  uint32_t few_[kFewMax];  // they, ascending, if few()
};

// One scan by one thread. Some 80 KiB: of the stack, where they cost nothing.
class Scan {
 public:
  // All arguments are borrowed. `query` holds finite floats and has this Norm(). `stop` may be
  // empty.
  Scan(Metric metric, std::span<const float> query, double query_norm,
       std::span<const Segment> segments, const AllowedSet& allowed,
       const std::function<bool()>& stop, Ranking& ranking);

  // Offers all permitted rows. Asks `stop` every kBlockRows rows or fewer; DEADLINE_EXCEEDED when
  // it says true.
  Status Run();

 private:
  // Rows that are gathered at once; some 200 µs at 768 floats.
  static constexpr size_t kBlockRows = 2048;
  // Rows of one kernel call: their estimates stay in L1, and the floor rises between two.
  static constexpr size_t kStripRows = 256;

  // Rows of the block that follow each other in a segment.
  struct Piece {
    uint32_t begin;  // in the block
    uint32_t segment;
    uint32_t row;  // the first, in the segment
  };

  struct Place {
    uint32_t segment;
    uint32_t row;
  };

  // These three return false to stop.
  bool ScanSegment(uint32_t segment, const PermittedRuns& permitted);
  bool AddRun(uint32_t segment, const ClassRun& run);
  bool MakeRoom();
  void Add(uint32_t segment, const SegmentRows& rows, uint32_t begin, uint32_t end);

  void ScanBlock();
  void Estimate(size_t begin, size_t end);
  template <Metric metric>
  void OfferStrip(size_t begin, size_t end);
  template <Metric metric>
  void RaiseFloor(size_t begin, size_t end);
  template <Metric metric>
  size_t Select(size_t begin, size_t end);
  void OfferAll();
  Place PlaceOf(size_t i);

  const Metric metric_;
  const std::span<const float> query_;
  const double query_norm_;
  const size_t stride_;
  const std::span<const Segment> segments_;
  const AllowedSet& allowed_;
  const std::function<bool()>& stop_;
  Ranking& ranking_;
  const RoundingBound bound_;
  bool whole_ = true;  // nothing was offered yet

  // The block that is being gathered, across segments. In place and not cleared: a caller who may
  // see ten rows pays for ten.
  size_t size_ = 0;
  size_t pieces_count_ = 0;
  size_t piece_ = 0;  // where offering has come to
  Piece pieces_[kBlockRows];
  const float* rows_[kBlockRows];
  double norms_[kBlockRows];
  float estimates_[kStripRows];    // of the strip
  uint32_t selected_[kStripRows];  // rows of the block that are worth a closer look
  alignas(kRowUnitFloats * sizeof(float)) float padded_[RowStride(limits::kDimensionMax)];
};

}  // namespace cordon
