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
// whichever is less work. Borrows both arguments. For one thread.
class PermittedRuns {
 public:
  PermittedRuns(const Bitmap& classes, std::span<const Segment> segments);

  // Calls visit(const ClassRun&) for each permitted run of `rows`, one of the segments, by class.
  template <typename Visit>
  void ForEach(const SegmentRows& rows, Visit visit) const {
    const std::span<const ClassRun> runs = rows.runs();
    if (!by_class_) {
      for (const ClassRun& run : runs) {
        if (classes_.Test(run.class_id)) visit(run);
      }
      return;
    }
    auto run = runs.begin();
    auto class_id = std::lower_bound(few_.begin(), few_.end(), run->class_id);
    for (; class_id != few_.end() && *class_id <= runs.back().class_id; ++class_id) {
      run = std::lower_bound(run, runs.end(), *class_id, [](const ClassRun& r, uint32_t wanted) {
        return r.class_id < wanted;
      });
      if (run->class_id == *class_id) visit(*run);
    }
  }

 private:
  const Bitmap& classes_;
  bool by_class_;
  std::vector<uint32_t> few_;  // the permitted classes, if by_class_
};

// One scan by one thread. 72 KiB: of the stack, where they cost nothing.
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
  // Rows of one kernel call; some 200 µs at 768 floats.
  static constexpr size_t kBlockRows = 2048;

  // Where a row of the block is from.
  struct Place {
    uint32_t segment;
    uint32_t row;
    double norm;
  };

  // These three return false to stop.
  bool ScanSegment(uint32_t segment, const PermittedRuns& permitted);
  bool AddRun(uint32_t segment, const ClassRun& run);
  bool MakeRoom();
  void Add(uint32_t segment, const SegmentRows& rows, uint32_t row);

  void ScanBlock();
  template <Metric metric>
  void OfferBlock();
  void OfferAll();

  const Metric metric_;
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
  const float* rows_[kBlockRows];
  Place places_[kBlockRows];
  float estimates_[kBlockRows];
  alignas(kRowUnitFloats * sizeof(float)) float query_[RowStride(limits::kDimensionMax)];
};

}  // namespace cordon
