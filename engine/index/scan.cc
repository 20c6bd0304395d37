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

// The search for a class among the runs of a segment is as dear as the test of some runs.
PermittedRuns::PermittedRuns(const Bitmap& classes, std::span<const Segment> segments)
    : classes_(classes) {
  constexpr size_t kSearchCost = 8;
  size_t runs = 0;
  for (const Segment& segment : segments) runs += segment.rows().runs().size();
  const size_t count = classes.Count();
  by_class_ = count * segments.size() * kSearchCost < runs;
  if (!by_class_) return;
  few_.reserve(count);
  classes.ForEach([&](size_t class_id) { few_.push_back(static_cast<uint32_t>(class_id)); });
}

// Leaves the block uninitialised.
Scan::Scan(Metric metric, std::span<const float> query, double query_norm,
           std::span<const Segment> segments, const AllowedSet& allowed,
           const std::function<bool()>& stop, Ranking& ranking)
    : metric_(metric),
      query_norm_(query_norm),
      stride_(RowStride(query.size())),
      segments_(segments),
      allowed_(allowed),
      stop_(stop),
      ranking_(ranking),
      bound_(KernelBound(stride_)) {
  std::fill(std::copy(query.begin(), query.end(), query_), query_ + stride_, 0.0f);
}

Status Scan::Run() {
  const PermittedRuns permitted(allowed_.classes, segments_);
  for (uint32_t segment = 0; segment < segments_.size(); ++segment) {
    if ((stop_ && stop_()) || !ScanSegment(segment, permitted)) {
      return Status(StatusCode::kDeadlineExceeded, "",
                    "the search was stopped before it was complete; allow it more time");
    }
  }
  if (whole_ && ranking_.ScoresMostOf(size_)) {
    OfferAll();
  } else {
    ScanBlock();
  }
  return OkStatus();
}

bool Scan::ScanSegment(uint32_t number, const PermittedRuns& permitted) {
  bool goes_on = true;
  permitted.ForEach(segments_[number].rows(), [&](const ClassRun& run) {
    if (goes_on) goes_on = AddRun(number, run);
  });
  return goes_on;
}

// Gathers the rows that count, so that kernels see full blocks however short the runs are, and
// never read a row that does not count.
bool Scan::AddRun(uint32_t number, const ClassRun& run) {
  const Segment& segment = segments_[number];
  const SegmentRows& rows = segment.rows();
  if (segment.Sparse()) {
    for (uint32_t row = run.begin; row < run.end; ++row) {
      if (!segment.Counts(row, allowed_.now)) continue;
      if (!MakeRoom()) return false;
      Add(number, rows, row);
    }
    return true;
  }
  for (uint32_t row = run.begin; row < run.end;) {
    if (!MakeRoom()) return false;
    const uint32_t end = static_cast<uint32_t>(std::min<size_t>(run.end, row + kBlockRows - size_));
    for (; row < end; ++row) Add(number, rows, row);
  }
  return true;
}

bool Scan::MakeRoom() {
  if (size_ < kBlockRows) return true;
  ScanBlock();
  return !(stop_ && stop_());
}

void Scan::Add(uint32_t segment, const SegmentRows& rows, uint32_t row) {
  rows_[size_] = rows.embedding(row);
  places_[size_] = {segment, row, rows.norm(row)};
  ++size_;
}

// So few rows that nearly all of them are answers: no estimate would spare a score.
void Scan::OfferAll() {
  for (size_t i = 0; i < size_; ++i) {
    ranking_.Offer(places_[i].segment, places_[i].row, kUnknown);
  }
  size_ = 0;
}

void Scan::ScanBlock() {
  if (size_ == 0) return;
  const std::span<const float* const> rows(rows_, size_);
  if (metric_ == Metric::kL2) {
    SquaredDistanceRows(query_, rows, stride_, estimates_);
  } else if (InRange(query_norm_)) {
    DotRows(query_, rows, stride_, estimates_);
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
  size_ = 0;
  whole_ = false;
}

template <Metric metric>
void Scan::OfferBlock() {
  for (size_t i = 0; i < size_; ++i) {
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
