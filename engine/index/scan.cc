#include "engine/index/scan.h"

#include <algorithm>
#include <bit>
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

PermittedRuns::PermittedRuns(const Bitmap& classes) : classes_(classes) {
  const std::span<const uint64_t> words = classes.words();
  for (size_t w = 0; w < words.size() && few(); ++w) {
    for (uint64_t word = words[w]; word != 0; word &= word - 1) {
      if (count_ < kFewMax) {
        few_[count_] = static_cast<uint32_t>(w * 64 + static_cast<size_t>(std::countr_zero(word)));
      }
      ++count_;
    }
  }
}

// Leaves the block uninitialised.
Scan::Scan(Metric metric, std::span<const float> query, double query_norm,
           std::span<const Segment> segments, const AllowedSet& allowed,
           const std::function<bool()>& stop, Ranking& ranking)
    : metric_(metric),
      query_(query),
      query_norm_(query_norm),
      stride_(RowStride(query.size())),
      segments_(segments),
      allowed_(allowed),
      stop_(stop),
      ranking_(ranking),
      bound_(KernelBound(stride_)) {}

Status Scan::Run() {
  const PermittedRuns permitted(allowed_.classes);
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
  permitted.ForEach(segments_[number], [&](const ClassRun& run) {
    if (goes_on) goes_on = AddRun(number, run);
  });
  return goes_on;
}

// Gathers the rows that count, so that kernels see full blocks however short the runs are, and
// never read a row that does not count.
bool Scan::AddRun(uint32_t number, const ClassRun& run) {
  const Segment& segment = segments_[number];
  const SegmentRows& rows = segment.rows();
  const bool sparse = segment.Sparse();
  for (uint32_t row = run.begin; row < run.end;) {
    if (sparse && !segment.Counts(row, allowed_.now)) {
      ++row;
      continue;
    }
    if (!MakeRoom()) return false;
    const size_t room = sparse ? 1 : kBlockRows - size_;
    const uint32_t end = static_cast<uint32_t>(std::min<size_t>(run.end, row + room));
    Add(number, rows, row, end);
    row = end;
  }
  return true;
}

bool Scan::MakeRoom() {
  if (size_ < kBlockRows) return true;
  ScanBlock();
  return !(stop_ && stop_());
}

void Scan::Add(uint32_t segment, const SegmentRows& rows, uint32_t begin, uint32_t end) {
  pieces_[pieces_count_++] = {static_cast<uint32_t>(size_), segment, begin};
  const float* vector = rows.embedding(begin);
  const double* const norms = rows.norms().data() + begin;
  for (size_t i = 0; i < end - begin; ++i) {
    rows_[size_ + i] = vector + i * stride_;
    norms_[size_ + i] = norms[i];
  }
  size_ += end - begin;
}

// So few rows that nearly all of them are answers: no estimate would spare a score.
void Scan::OfferAll() {
  NormedRow rows[kStripRows];
  double scores[kStripRows];
  for (size_t begin = 0; begin < size_; begin += kStripRows) {
    const size_t n = std::min(kStripRows, size_ - begin);
    for (size_t i = 0; i < n; ++i) rows[i] = {rows_[begin + i], norms_[begin + i]};
    ScoreRows(metric_, query_.data(), query_norm_, {rows, n}, query_.size(), scores);
    for (size_t i = 0; i < n; ++i) {
      const Place place = PlaceOf(begin + i);
      ranking_.OfferExact(place.segment, place.row, scores[i]);
    }
  }
}

// Where row i of the block is from; i never falls within a block.
Scan::Place Scan::PlaceOf(size_t i) {
  while (piece_ + 1 < pieces_count_ && pieces_[piece_ + 1].begin <= i) ++piece_;
  const Piece& piece = pieces_[piece_];
  return {piece.segment, piece.row + static_cast<uint32_t>(i - piece.begin)};
}

void Scan::ScanBlock() {
  if (whole_) std::fill(std::copy(query_.begin(), query_.end(), padded_), padded_ + stride_, 0.0f);
  for (size_t begin = 0; begin < size_; begin += kStripRows) {
    const size_t end = std::min(begin + kStripRows, size_);
    Estimate(begin, end);
    switch (metric_) {
      case Metric::kCosine:
        OfferStrip<Metric::kCosine>(begin, end);
        break;
      case Metric::kInnerProduct:
        OfferStrip<Metric::kInnerProduct>(begin, end);
        break;
      case Metric::kL2:
        OfferStrip<Metric::kL2>(begin, end);
        break;
    }
  }
  size_ = pieces_count_ = piece_ = 0;
  whole_ = false;
}

void Scan::Estimate(size_t begin, size_t end) {
  const std::span<const float* const> strip(rows_ + begin, end - begin);
  if (metric_ == Metric::kL2) {
    SquaredDistanceRows(padded_, strip, stride_, estimates_, size_ - end);
  } else if (InRange(query_norm_)) {
    DotRows(padded_, strip, stride_, estimates_, size_ - end);
  }
}

template <Metric metric>
void Scan::OfferStrip(size_t begin, size_t end) {
  if (ranking_.floor() == -std::numeric_limits<double>::infinity()) RaiseFloor<metric>(begin, end);
  const size_t selected = Select<metric>(begin, end);
  for (size_t s = 0; s < selected; ++s) {
    const size_t i = selected_[s];
    const ScoreRange range = RangeOf<metric>(estimates_[i - begin], query_norm_, norms_[i], bound_);
    if (range.high < ranking_.floor()) continue;
    const Place place = PlaceOf(i);
    if (range.low == range.high) {
      ranking_.OfferExact(place.segment, place.row, range.low);
    } else {
      ranking_.Offer(place.segment, place.row, range);
    }
  }
}

template <Metric metric>
void Scan::RaiseFloor(size_t begin, size_t end) {
  double lows[kStripRows];
  for (size_t i = begin; i < end; ++i) {
    lows[i - begin] = RangeOf<metric>(estimates_[i - begin], query_norm_, norms_[i], bound_).low;
  }
  ranking_.RaiseFloor({lows, end - begin});
}

// Most rows are below the floor: they are left out without a branch or a division. What remains is
// a superset of the rows that RangeOf() does not rule out; its test, high < floor, is solved here
// for the estimate, sign * estimate + slope * norm < limit (the rounding of this is within the
// slack of the bound), and only where RangeOf() knows something of the row.
template <Metric metric>
size_t Scan::Select(size_t begin, size_t end) {
  const double floor = ranking_.floor();
  const bool all = !InRange(query_norm_) || floor == -std::numeric_limits<double>::infinity();
  double sign = 1, slope = 0, limit = 0;
  if constexpr (metric == Metric::kCosine) {
    slope = (bound_.relative - floor) * query_norm_;
  } else if constexpr (metric == Metric::kInnerProduct) {
    slope = bound_.relative * query_norm_;
    limit = floor;
  } else {
    sign = -1;
    limit = (floor - bound_.absolute) / (1 - bound_.relative);
  }
  size_t selected = 0;
  for (size_t i = begin; i < end; ++i) {
    const double norm = norms_[i];
    const bool below = sign * double{estimates_[i - begin]} + slope * norm < limit;
    const bool known = (norm >= kNormMin) & (norm <= kNormMax);
    selected_[selected] = static_cast<uint32_t>(i);
    selected += static_cast<size_t>(all | !(below & known));
  }
  return selected;
}

}  // namespace cordon
