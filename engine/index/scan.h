// The scan: offers a ranking every row that an AllowedSet permits, by estimates from the kernels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/base/clock.h"
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

// Walks the permitted class runs of segments: by all runs of the segment or by all permitted
// classes, whichever is less work. Borrows the set. For one thread.
class PermittedRuns {
 public:
  // `runs_max` is the largest number of runs of a segment.
  PermittedRuns(const Bitmap& classes, size_t runs_max);

  // Calls visit(const ClassRun&) for each permitted run of `rows`, by class.
  template <typename Visit>
  void ForEach(const SegmentRows& rows, Visit visit) const {
    const std::span<const ClassRun> runs = rows.runs();
    if (!FewFor(runs.size())) {
      for (const ClassRun& run : runs) {
        if (classes_.Test(run.class_id)) visit(run);
      }
      return;
    }
    size_t from = 0;
    for (const uint32_t class_id : few_) {
      from = FirstRunFrom(runs, from, class_id);
      if (from == runs.size()) return;
      if (runs[from].class_id == class_id) visit(runs[from]);
    }
  }

 private:
  bool FewFor(size_t runs) const;
  // The first run at or after `from` whose class is at least `class_id`.
  static size_t FirstRunFrom(std::span<const ClassRun> runs, size_t from, uint32_t class_id);

  const Bitmap& classes_;
  const size_t count_;
  std::vector<uint32_t> few_;  // the permitted classes, if there are few for some segment
};

// The largest number of runs of a segment.
size_t RunsMax(std::span<const Segment> segments);

// One scan by one thread.
class Scan {
 public:
  // All arguments are borrowed. `query` holds `dimension` finite floats.
  Scan(Metric metric, std::span<const float> query, std::span<const Segment> segments,
       const AllowedSet& allowed, Ranking& ranking);

  // Offers all permitted rows. Asks `stop` (if there is one) every kBlockRows rows or fewer;
  // DEADLINE_EXCEEDED when it says true.
  Status Run(const std::function<bool()>& stop);

 private:
  // Rows of one kernel call: 56 KiB of scratch, which L2 holds; some 200 µs at 768 floats.
  static constexpr size_t kBlockRows = 2048;

  // Where a row of the block is from.
  struct Place {
    uint32_t segment;
    uint32_t row;
    float norm;
  };

  void Add(uint32_t segment, uint32_t row);
  // Returns false to stop.
  bool ScanSegment(uint32_t segment, const PermittedRuns& permitted,
                   const std::function<bool()>& stop);
  void ScanBlock();
  template <Metric metric>
  void OfferBlock();

  const Metric metric_;
  const std::span<const Segment> segments_;
  const AllowedSet& allowed_;
  Ranking& ranking_;
  FloatRows query_;  // aligned and padded
  double query_norm_;
  RoundingBound bound_;
  // The block that is being gathered, across segments.
  std::vector<const float*> block_;
  std::vector<Place> places_;
  std::vector<float> estimates_;
};

}  // namespace cordon
