#include "engine/index/scan.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "engine/base/check.h"
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
  for (const uint64_t word : classes.words()) {
    if (word != 0) count_ += static_cast<size_t>(std::popcount(word));
    if (!few()) return;
  }
  uint32_t* next = few_;
  classes.ForEach([&](size_t class_id) { *next++ = static_cast<uint32_t>(class_id); });
}

// Leaves the block uninitialised.
Scan::Scan(std::span<ScannedQuery* const> queries, std::span<const Segment> segments,
           const AllowedSet& allowed, const std::function<bool()>& stop)
    : queries_(queries),
      segments_(segments),
      allowed_(allowed),
      stop_(stop),
      stride_(queries.front()->query_.stride()) {
  CORDON_CHECK(queries.size() <= kQueriesMax);
}

Status Scan::Run() {
  const PermittedRuns permitted(allowed_.classes);
  for (uint32_t segment = 0; segment < segments_.size(); ++segment) {
    RETURN_IF_ERROR(CheckGoesOn(stop_));
    if (!ScanSegment(segment, permitted)) return Stopped();
  }
  ScanLast();
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
      if (!PassOver()) return false;
      ++row;
      continue;
    }
    if (!MakeRoom()) return false;
    const size_t room = sparse ? 1 : ScanBlock::kRows - block_.size;
    const uint32_t end = static_cast<uint32_t>(std::min<size_t>(run.end, row + room));
    Add(number, rows, row, end);
    row = end;
  }
  return true;
}

// A row that does not count.
bool Scan::PassOver() {
  if (++passed_over_ < kLooksBetweenStops) return true;
  passed_over_ = 0;
  return !(stop_ && stop_());
}

bool Scan::MakeRoom() {
  if (block_.size < ScanBlock::kRows) return true;
  ScanGathered(queries_);
  return !(stop_ && stop_());
}

void Scan::Add(uint32_t segment, const SegmentRows& rows, uint32_t begin, uint32_t end) {
  const size_t n = end - begin;
  const size_t size = block_.size;
  const int8_t* const codes = rows.codes(begin);
  for (size_t i = 0; i < n; ++i) {
    block_.rows[size + i] = codes + i * stride_;
    block_.places[size + i] = {segment, begin + static_cast<uint32_t>(i)};
  }
  std::copy_n(rows.facts().begin() + begin, n, block_.facts + size);
  block_.size += n;
}

// Empties the block.
void Scan::ScanGathered(std::span<ScannedQuery* const> queries) {
  const int16_t* codes[kQueriesMax];
  int32_t* sums[kQueriesMax];
  for (size_t q = 0; q < queries.size(); ++q) {
    codes[q] = queries[q]->Codes();
    sums[q] = queries[q]->sums_;
  }
  DotCodesOfMany({codes, queries.size()}, {block_.rows, block_.size}, stride_,
                 {sums, queries.size()});
  for (ScannedQuery* query : queries) query->OfferBest(block_);
  block_.size = 0;
}

void Scan::ScanLast() {
  ScannedQuery* with_codes[kQueriesMax];
  size_t n = 0;
  for (ScannedQuery* query : queries_) {
    if (query->NeedsNoCodes(block_.size)) {
      query->OfferAll(block_);
    } else {
      with_codes[n++] = query;
    }
  }
  if (n > 0) ScanGathered({with_codes, n});
}

void ScannedQuery::OfferAll(const ScanBlock& block) {
  for (size_t i = 0; i < block.size; ++i) {
    ranking_.Offer(block.places[i].segment, block.places[i].row, kAnyScore);
  }
}

void ScannedQuery::OfferBest(const ScanBlock& block) {
  rows_read_ += block.size;
  if (ranking_.floor() == kAnyScore.low) RaiseFloor(block);
  uint32_t selected[ScanBlock::kRows];
  const size_t n = Select(block, selected);
  for (size_t s = 0; s < n; ++s) {
    const size_t i = selected[s];
    const ScoreRange range = RangeOf(block, i);
    if (range.high < ranking_.floor()) continue;
    ranking_.Offer(block.places[i].segment, block.places[i].row, range);
  }
}

ScoreRange ScannedQuery::RangeOf(const ScanBlock& block, size_t i) const {
  return CodeRange(query_, *codes_, block.facts[i], sums_[i]);
}

void ScannedQuery::RaiseFloor(const ScanBlock& block) {
  double lows[ScanBlock::kRows];
  for (size_t i = 0; i < block.size; ++i) lows[i] = RangeOf(block, i).low;
  ranking_.RaiseFloor({lows, block.size});
}

// Most rows are below the floor: they are left out without a branch or a division. What remains is
// a superset of the rows that RangeOf() does not rule out. Its test, high < floor, is solved here
// for the dot product, dot + error + square · ‖x‖² + slope · ‖x‖ < limit; the rounding of this is
// within the slack. A comparison with NaN, where the floor is infinite, selects.
size_t ScannedQuery::Select(const ScanBlock& block, uint32_t* selected) const {
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
  size_t n = 0;
  for (size_t i = 0; i < block.size; ++i) {
    const RowFacts& row = block.facts[i];
    const double high = codes_->Dot(sums_[i], row.code) + of_residual * double{row.code.residual} +
                        (slope + square * row.norm) * row.norm;
    selected[n] = static_cast<uint32_t>(i);
    n += static_cast<size_t>(!(high < limit));
  }
  return n;
}

}  // namespace cordon
