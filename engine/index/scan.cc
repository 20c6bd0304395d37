#include "engine/index/scan.h"

#include <algorithm>
#include <limits>

namespace cordon {
namespace {

constexpr ScoreRange kUnknown = {-std::numeric_limits<double>::infinity(),
                                 std::numeric_limits<double>::infinity()};

bool InRange(double norm) { return kNormMin <= norm && norm <= kNormMax; }

// Where the score of a row lies, given its kernel's estimate (kernels.h). The dot product of a zero
// vector is exactly zero, as is its cosine by definition.
template <Metric metric>
ScoreRange RangeOf(float estimate, double query_norm, double row_norm, RoundingBound bound) {
  if constexpr (metric == Metric::kL2) {
    if (!(query_norm <= kNormMax && row_norm <= kNormMax)) return kUnknown;
    const double error = bound.relative * double{estimate} + bound.absolute;
    return {-double{estimate} - error, -double{estimate} + error};
  } else {
    if (query_norm == 0 || row_norm == 0) return {0, 0};
    if (!InRange(query_norm) || !InRange(row_norm)) return kUnknown;
    const double norms = query_norm * row_norm;
    const double error = bound.relative * (metric == Metric::kCosine ? 1 : norms);
    const double score = metric == Metric::kCosine ? double{estimate} / norms : double{estimate};
    return {score - error, score + error};
  }
}

}  // namespace

PermittedRuns::PermittedRuns(const Bitmap& classes, size_t runs_max)
    : classes_(classes), count_(classes.Count()) {
  if (!FewFor(runs_max)) return;
  few_.reserve(count_);
  classes.ForEach([&](size_t class_id) { few_.push_back(static_cast<uint32_t>(class_id)); });
}

// A search among runs takes up to 20 steps, each dearer than the test of one run. What is few for
// one segment is few for the one with the most runs.
bool PermittedRuns::FewFor(size_t runs) const { return count_ * 32 < runs; }

size_t PermittedRuns::FirstRunFrom(std::span<const ClassRun> runs, size_t from, uint32_t class_id) {
  const auto first =
      std::lower_bound(runs.begin() + static_cast<std::ptrdiff_t>(from), runs.end(), class_id,
                       [](const ClassRun& run, uint32_t wanted) { return run.class_id < wanted; });
  return static_cast<size_t>(first - runs.begin());
}

size_t RunsMax(std::span<const Segment> segments) {
  size_t runs = 0;
  for (const Segment& segment : segments) runs = std::max(runs, segment.rows().runs().size());
  return runs;
}

Scan::Scan(Metric metric, std::span<const float> query, std::span<const Segment> segments,
           const AllowedSet& allowed, Ranking& ranking)
    : metric_(metric),
      segments_(segments),
      allowed_(allowed),
      ranking_(ranking),
      query_(1, query.size()),
      query_norm_(Norm(query.data(), query.size())),
      bound_(KernelBound(RowStride(query.size()))),
      estimates_(kBlockRows) {
  std::copy(query.begin(), query.end(), query_.row(0));
  block_.reserve(kBlockRows);
  places_.reserve(kBlockRows);
}

Status Scan::Run(const std::function<bool()>& stop) {
  const PermittedRuns permitted(allowed_.classes, RunsMax(segments_));
  for (uint32_t segment = 0; segment < segments_.size(); ++segment) {
    if ((stop && stop()) || !ScanSegment(segment, permitted, stop)) {
      return Status(StatusCode::kDeadlineExceeded, "",
                    "the search was stopped before it was complete; allow it more time");
    }
  }
  ScanBlock();
  return OkStatus();
}

// Gathers the rows that count, so that kernels see full blocks however short the runs are, and
// never read a row that does not count.
bool Scan::ScanSegment(uint32_t number, const PermittedRuns& permitted,
                       const std::function<bool()>& stop) {
  const Segment& segment = segments_[number];
  const bool sparse = segment.Sparse();
  bool stopped = false;
  permitted.ForEach(segment.rows(), [&](const ClassRun& run) {
    for (uint32_t row = run.begin; row < run.end && !stopped; ++row) {
      if (sparse && !segment.Counts(row, allowed_.now)) continue;
      Add(number, row);
      if (block_.size() < kBlockRows) continue;
      ScanBlock();
      stopped = stop && stop();
    }
  });
  return !stopped;
}

void Scan::Add(uint32_t segment, uint32_t row) {
  const SegmentRows& rows = segments_[segment].rows();
  block_.push_back(rows.embedding(row));
  places_.push_back({segment, row, rows.norm(row)});
}

void Scan::ScanBlock() {
  if (block_.empty()) return;
  if (metric_ == Metric::kL2) {
    SquaredDistanceRows(query_.row(0), block_, query_.stride(), estimates_.data());
  } else if (InRange(query_norm_)) {
    DotRows(query_.row(0), block_, query_.stride(), estimates_.data());
  }
  switch (metric_) {
    case Metric::kCosine:
      OfferBlock<Metric::kCosine>();
      break;
    case Metric::kInnerProduct:
      OfferBlock<Metric::kInnerProduct>();
      break;
    case Metric::kL2:
      OfferBlock<Metric::kL2>();
      break;
  }
  block_.clear();
  places_.clear();
}

template <Metric metric>
void Scan::OfferBlock() {
  for (size_t i = 0; i < places_.size(); ++i) {
    const Place& place = places_[i];
    const ScoreRange range = RangeOf<metric>(estimates_[i], query_norm_, place.norm, bound_);
    if (range.high < ranking_.floor()) continue;
    if (range.low == range.high) {
      ranking_.OfferExact(place.segment, place.row, range.low);
    } else {
      ranking_.Offer(place.segment, place.row, range);
    }
  }
}

}  // namespace cordon
