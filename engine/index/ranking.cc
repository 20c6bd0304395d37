#include "engine/index/ranking.h"

#include <algorithm>

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

Ranking::Ranking(Metric metric, const float* query, size_t dimension,
                 std::span<const Segment> segments, size_t k)
    : metric_(metric),
      query_(query),
      dimension_(dimension),
      segments_(segments),
      k_(std::max<size_t>(1, AnswersMax(segments, k))),
      capacity_(2 * k_ + kSpare) {
  CORDON_CHECK(k > 0);
}

// Puts the k-th largest low end at its place: k rows score at least this.
void Ranking::RaiseFloor() {
  const auto kth = candidates_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
  std::nth_element(candidates_.begin(), kth, candidates_.end(),
                   [](const Candidate& a, const Candidate& b) { return a.low > b.low; });
  floor_ = std::max(floor_, kth->low);
}

void Ranking::ScoreAll() {
  for (Candidate& candidate : candidates_) {
    if (candidate.exact) continue;
    const SegmentRows& rows = segments_[candidate.segment].rows();
    candidate.low = Score(metric_, query_, rows.embedding(candidate.row), dimension_);
    candidate.high = candidate.low;
    candidate.exact = true;
  }
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
  std::vector<Hit> hits(answers);
  for (size_t i = 0; i < answers; ++i) {
    const Candidate& candidate = candidates_[i];
    const SegmentRows& rows = segments_[candidate.segment].rows();
    hits[i] = {std::string(rows.id(rows.document(candidate.row))), rows.ordinal(candidate.row),
               rows.class_id(candidate.row), candidate.low};
  }
  return hits;
}

}  // namespace cordon
