// ListSearch: the rows that lists yield, by their int8 codes.
#include <algorithm>
#include <chrono>
#include <limits>
#include <string>

#include "engine/base/check.h"
#include "engine/index/list_scratch.h"
#include "engine/index/list_search.h"

namespace cordon {
namespace {

// Rows that are read at once before the floor rises.
constexpr size_t kStage = 16;

constexpr size_t kLine = 64;

bool HigherUpper(const Estimated& a, const Estimated& b) { return a.upper > b.upper; }

}  // namespace

void ListSearch::Fetch(std::span<const Estimated> rows) const {
  constexpr size_t kFetched = 64;  // more would push each other out before they are read
  for (const Estimated& row : rows.first(std::min(rows.size(), kFetched))) {
    const SegmentRows& segment = searched_.RowsOf(row.id);
    const uint32_t number = searched_.numbers.row(row.id);
    const int8_t* const codes = segment.codes(number);
    for (size_t i = 0; i < query_.stride(); i += kLine) __builtin_prefetch(codes + i);
    __builtin_prefetch(&segment.facts()[number]);
  }
}

// The best by their upper ends first, so that the floor rises and spares the rest.
void ListSearch::Rerank(std::vector<Estimated>* pending) {
  std::vector<Estimated>& rows = *pending;
  while (!rows.empty()) {
    std::erase_if(rows, [&](const Estimated& row) { return row.upper < floor_; });
    const size_t missing = k_ - std::min(k_, scratch_.best.size());
    const size_t wanted = std::max(kStage, missing);
    auto end = rows.end();
    if (rows.size() > wanted + wanted / 2) {
      const auto last = rows.begin() + static_cast<std::ptrdiff_t>(wanted - 1);
      std::nth_element(rows.begin(), last, rows.end(), HigherUpper);
      const float least = last->upper;  // equal ones are read as well, however many
      end = std::partition(last + 1, rows.end(),
                           [&](const Estimated& row) { return row.upper >= least; });
    }
    const bool better = Score({rows.data(), static_cast<size_t>(end - rows.begin())});
    rows.erase(rows.begin(), end);
    if (better) RaiseFloor();
  }
}

// True if some are among the best so far.
bool ListSearch::Score(std::span<const Estimated> batch) {
  Scratch& s = scratch_;
  s.read.clear();
  s.rows.clear();
  const size_t had = s.best.size();
  for (const Estimated& row : batch) {
    if (!s.seen.Add(row.id)) continue;
    s.read.push_back(row.id);
    s.rows.push_back(searched_.RowsOf(row.id).codes(searched_.numbers.row(row.id)));
  }
  trace_.rows_reranked += s.rows.size();
  s.sums.resize(s.rows.size());
  DotCodes(codes_.codes(), s.rows, query_.stride(), s.sums.data());
  for (size_t i = 0; i < s.read.size(); ++i) {
    const uint32_t id = s.read[i];
    const RowFacts& facts = searched_.RowsOf(id).facts()[searched_.numbers.row(id)];
    const double score = CodeScore(query_, codes_, facts, s.sums[i]);
    if (score >= kept_floor_) s.best.push_back({score, id});
  }
  return s.best.size() > had;
}

// The floor is the k-th best score. Below it some stay whose codes may understate them; equal ones
// stay as far as there is room for them.
void ListSearch::RaiseFloor() {
  constexpr size_t kSpare = 64;
  std::vector<Scored>& best = scratch_.best;
  if (best.size() < k_) return;
  const auto at = [&](size_t i) { return best.begin() + static_cast<std::ptrdiff_t>(i); };
  const auto higher = [](const Scored& a, const Scored& b) { return a.score > b.score; };
  if (best.size() > kept_) {
    std::nth_element(best.begin(), at(kept_ - 1), best.end(), higher);
    kept_floor_ = best[kept_ - 1].score;
    std::erase_if(best, [&](const Scored& scored) { return scored.score < kept_floor_; });
  }
  if (best.size() > 2 * kept_ + kSpare) {
    std::nth_element(best.begin(), at(kept_ - 1), best.end(),
                     [&](const Scored& a, const Scored& b) { return Better(a, b); });
    best.resize(kept_);
  }
  std::nth_element(best.begin(), at(k_ - 1), best.end(), higher);
  floor_ = best[k_ - 1].score;
}

bool ListSearch::Better(const Scored& a, const Scored& b) const {
  if (a.score != b.score) return a.score > b.score;
  const SegmentRows& rows_a = searched_.RowsOf(a.id);
  const SegmentRows& rows_b = searched_.RowsOf(b.id);
  const uint32_t row_a = searched_.numbers.row(a.id), row_b = searched_.numbers.row(b.id);
  const int order = rows_a.id(rows_a.document(row_a)).compare(rows_b.id(rows_b.document(row_b)));
  return order != 0 ? order < 0 : rows_a.ordinal(row_a) < rows_b.ordinal(row_b);
}

// The best by codes, then by the score's definition.
void ListSearch::SortBest() {
  std::vector<Scored>& best = scratch_.best;
  const auto better = [&](const Scored& a, const Scored& b) { return Better(a, b); };
  if (best.size() > kept_) {
    std::nth_element(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(kept_ - 1),
                     best.end(), better);
    best.resize(kept_);
  }
  std::vector<NormedRow>& rows = scratch_.floats;
  rows.clear();
  for (const Scored& scored : best) {
    const SegmentRows& segment = searched_.RowsOf(scored.id);
    const uint32_t row = searched_.numbers.row(scored.id);
    rows.push_back({segment.embedding(row), segment.norm(row)});
    for (size_t i = 0; i < query_.dimension(); i += kLine / sizeof(float)) {
      __builtin_prefetch(rows.back().vector + i);
    }
    __builtin_prefetch(segment.id(segment.document(row)).data());
  }
  scratch_.scores.resize(best.size());
  ScoreRows(query_.metric(), query_.vector(), query_.norm(), rows, query_.dimension(),
            scratch_.scores.data());
  for (size_t i = 0; i < best.size(); ++i) best[i].score = scratch_.scores[i];
  std::sort(best.begin(), best.end(), better);
  best.resize(std::min(k_, best.size()));
}

std::vector<uint32_t> ListSearch::FinishRows() {
  SortBest();
  std::vector<uint32_t> rows;
  for (const Scored& scored : scratch_.best) rows.push_back(scored.id);
  return rows;
}

std::vector<Hit> ListSearch::Finish() {
  const auto begin = std::chrono::steady_clock::now();
  SortBest();
  std::vector<Hit> hits;
  hits.reserve(scratch_.best.size());
  for (const Scored& scored : scratch_.best) {
    const SegmentRows& rows = searched_.RowsOf(scored.id);
    const uint32_t row = searched_.numbers.row(scored.id);
    hits.push_back({std::string(rows.id(rows.document(row))),
                    rows.ordinal(row),
                    rows.class_id(row),
                    {scored.score, scored.score}});
  }
  using Micros = std::chrono::duration<double, std::micro>;
  trace_.finish_us = Micros(std::chrono::steady_clock::now() - begin).count();
  return hits;
}

}  // namespace cordon
