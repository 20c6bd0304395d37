#include "engine/index/scan.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "engine/base/stop.h"

namespace cordon {

ScoreRange CodeRange(const PaddedQuery& query, const QueryCodes& codes, const RowFacts& row,
                     int32_t sum) {
  const double dot = codes.Dot(sum, row.code);
  const double error = codes.of_residual() * double{row.code.residual} + codes.of_norm() * row.norm;
  const double norms = query.norm() * row.norm;
  switch (query.metric()) {
    case Metric::kCosine:
      if (norms == 0) return {0, 0};
      return {(dot - error) / norms, (dot + error) / norms};
    case Metric::kInnerProduct:
      return {dot - error, dot + error};
    case Metric::kL2: {
      const double squares = query.norm() * query.norm() + row.norm * row.norm;
      const double slack = 2 * error + 2 * kCodeSlack * squares;
      return {2 * dot - squares - slack, 2 * dot - squares + slack};
    }
  }
  return kAnyScore;
}

double CodeScore(const PaddedQuery& query, const QueryCodes& codes, const RowFacts& row,
                 int32_t sum) {
  const double dot = codes.Dot(sum, row.code);
  const double norms = query.norm() * row.norm;
  switch (query.metric()) {
    case Metric::kCosine:
      return norms == 0 ? 0 : dot / norms;
    case Metric::kInnerProduct:
      return dot;
    case Metric::kL2:
      return 2 * dot - query.norm() * query.norm() - row.norm * row.norm;
  }
  return 0;
}

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
Scan::Scan(const PaddedQuery& query, std::span<const Segment> segments, const AllowedSet& allowed,
           const std::function<bool()>& stop, Ranking& ranking)
    : query_(query), segments_(segments), allowed_(allowed), stop_(stop), ranking_(ranking) {}

Status Scan::Run() {
  const PermittedRuns permitted(allowed_.classes);
  for (uint32_t segment = 0; segment < segments_.size(); ++segment) {
    RETURN_IF_ERROR(CheckGoesOn(stop_));
    if (!ScanSegment(segment, permitted)) return Stopped();
  }
  if (!codes_ && ranking_.HasRoomFor(size_)) {
    // So few rows that most of them are answers, or nearly: codes would spare hardly any floats.
    for (size_t i = 0; i < size_; ++i) {
      ranking_.Offer(places_[i].segment, places_[i].row, kAnyScore);
    }
  } else {
    ScanBlock();
  }
  return OkStatus();
}

bool Scan::ScanSegment(uint32_t number, const PermittedRuns& permitted) {
  return permitted.ForEach(segments_[number],
                           [&](const ClassRun& run) { return AddRun(number, run); });
}

bool Scan::AddRun(uint32_t number, const ClassRun& run) {
  const Segment& segment = segments_[number];
  const SegmentRows& rows = segment.rows();
  const bool sparse = segment.Sparse() || allowed_.filter != nullptr;
  for (uint32_t row = run.begin; row < run.end;) {
    if (sparse && !segment.Counts(row, allowed_.now, allowed_.filter)) {
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
  const size_t n = end - begin;
  const int8_t* const codes = rows.codes(begin);
  for (size_t i = 0; i < n; ++i) {
    rows_[size_ + i] = codes + i * query_.stride();
    places_[size_ + i] = {segment, begin + static_cast<uint32_t>(i)};
  }
  std::copy_n(rows.facts().begin() + begin, n, facts_ + size_);
  size_ += n;
}

void Scan::ScanBlock() {
  if (!codes_) codes_.emplace(query_);
  DotCodes(codes_->codes(), {rows_, size_}, query_.stride(), sums_);
  rows_read_ += size_;
  if (ranking_.floor() == kAnyScore.low) RaiseFloor();
  const size_t selected = Select();
  for (size_t s = 0; s < selected; ++s) {
    const size_t i = selected_[s];
    const ScoreRange range = RangeOf(i);
    if (range.high < ranking_.floor()) continue;
    ranking_.Offer(places_[i].segment, places_[i].row, range);
  }
  size_ = 0;
}

ScoreRange Scan::RangeOf(size_t i) const { return CodeRange(query_, *codes_, facts_[i], sums_[i]); }

void Scan::RaiseFloor() {
  double lows[kBlockRows];
  for (size_t i = 0; i < size_; ++i) lows[i] = RangeOf(i).low;
  ranking_.RaiseFloor({lows, size_});
}

// Most rows are below the floor: they are left out without a branch or a division. What remains is
// a superset of the rows that RangeOf() does not rule out. Its test, high < floor, is solved here
// for the dot product, dot + error + square · ‖x‖² + slope · ‖x‖ < limit; the rounding of this is
// within the slack. A comparison with NaN, where the floor is infinite, selects.
size_t Scan::Select() {
  const double floor = ranking_.floor();
  double slope = codes_->of_norm(), square = 0, limit = 0;
  switch (query_.metric()) {
    case Metric::kCosine:
      slope -= floor * query_.norm();
      break;
    case Metric::kInnerProduct:
      limit = floor;
      break;
    case Metric::kL2:
      square = kCodeSlack - 0.5;
      limit = floor / 2 - square * query_.norm() * query_.norm();
      break;
  }
  const double of_residual = codes_->of_residual();
  size_t selected = 0;
  for (size_t i = 0; i < size_; ++i) {
    const RowFacts& row = facts_[i];
    const double high = codes_->Dot(sums_[i], row.code) + of_residual * double{row.code.residual} +
                        (slope + square * row.norm) * row.norm;
    selected_[selected] = static_cast<uint32_t>(i);
    selected += static_cast<size_t>(!(high < limit));
  }
  return selected;
}

}  // namespace cordon
