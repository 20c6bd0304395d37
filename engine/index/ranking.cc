#include "engine/index/ranking.h"

#include <algorithm>
#include <string_view>

#include "engine/base/check.h"

namespace cordon {
namespace {

// No more than there are rows: k may be anything.
size_t AnswersMax(std::span<const Segment> segments, size_t k) {
  size_t rows = 0;
  for (const Segment& segment : segments) rows += segment.live();
  return std::min(k, rows);
}

}  // namespace

Ranking::Ranking(Metric metric, std::span<const float> query, double query_norm,
                 std::span<const Segment> segments, size_t k)
    : metric_(metric),
      query_(query.data()),
      query_norm_(query_norm),
      dimension_(query.size()),
      segments_(segments),
      k_(std::max<size_t>(1, AnswersMax(segments, k))),
      capacity_(2 * k_ + kSpare) {
  CORDON_CHECK(k > 0);
  candidates_.reserve(std::min(capacity_, kFirst));
}

// Puts the k-th largest low end at its place: k rows score at least this.
void Ranking::RaiseFloor() {
  const auto kth = candidates_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
  std::nth_element(candidates_.begin(), kth, candidates_.end(),
                   [](const Candidate& a, const Candidate& b) { return a.low > b.low; });
  floor_ = std::max(floor_, kth->low);
}

void Ranking::ScoreAll() {
  constexpr size_t kRows = 64;
  NormedRow rows[kRows];
  Candidate* candidates[kRows];
  size_t n = 0;
  const auto score = [&] {
    double scores[kRows];
    ScoreRows(metric_, query_, query_norm_, {rows, n}, dimension_, scores);
    for (size_t i = 0; i < n; ++i) {
      candidates[i]->low = candidates[i]->high = scores[i];
      candidates[i]->exact = true;
    }
    n = 0;
  };
  for (Candidate& candidate : candidates_) {
    if (candidate.exact) continue;
    const SegmentRows& segment = segments_[candidate.segment].rows();
    rows[n] = {segment.embedding(candidate.row), segment.norm(candidate.row)};
    candidates[n++] = &candidate;
    if (n == kRows) score();
  }
  score();
}

void Ranking::Prune() {
  RaiseFloor();
  std::erase_if(candidates_, [&](const Candidate& c) { return c.high < floor_; });
  if (candidates_.size() <= k_ + (capacity_ - k_) / 2) return;
  // Ties, or estimates that say nothing: only the definition tells these rows apart.
  ScoreAll();
  const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(k_);
  std::nth_element(candidates_.begin(), end, candidates_.end(),
                   [&](const Candidate& a, const Candidate& b) { return Better(a, b); });
  candidates_.erase(end, candidates_.end());
  RaiseFloor();
  CORDON_CHECK(candidates_.size() == k_);
}

// Requires both to be exact.
bool Ranking::Better(const Candidate& a, const Candidate& b) const {
  if (a.low != b.low) return a.low > b.low;
  const SegmentRows& rows_a = segments_[a.segment].rows();
  const SegmentRows& rows_b = segments_[b.segment].rows();
  const uint32_t document_a = rows_a.document(a.row);
  const uint32_t document_b = rows_b.document(b.row);
  if (a.segment == b.segment && document_a != document_b) return document_a < document_b;
  const int order = rows_a.id(document_a).compare(rows_b.id(document_b));
  if (order != 0) return order < 0;
  return rows_a.ordinal(a.row) < rows_b.ordinal(b.row);
}

std::vector<Hit> Ranking::Finish() {
  if (candidates_.size() > k_) {
    RaiseFloor();
    std::erase_if(candidates_, [&](const Candidate& c) { return c.high < floor_; });
  }
  ScoreAll();
  const size_t answers = std::min(k_, candidates_.size());
  std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(answers),
                    candidates_.end(),
                    [&](const Candidate& a, const Candidate& b) { return Better(a, b); });
  // The ids lie anywhere: all of them are on their way before the first is copied.
  std::vector<std::string_view> ids(answers);
  for (size_t i = 0; i < answers; ++i) {
    const SegmentRows& rows = segments_[candidates_[i].segment].rows();
    ids[i] = rows.id(rows.document(candidates_[i].row));
    __builtin_prefetch(ids[i].data());
  }
  std::vector<Hit> hits(answers);
  for (size_t i = 0; i < answers; ++i) {
    const Candidate& candidate = candidates_[i];
    const SegmentRows& rows = segments_[candidate.segment].rows();
    hits[i].document.assign(ids[i]);
    hits[i].ordinal = rows.ordinal(candidate.row);
    hits[i].class_id = rows.class_id(candidate.row);
    hits[i].score = candidate.low;
  }
  return hits;
}

}  // namespace cordon
