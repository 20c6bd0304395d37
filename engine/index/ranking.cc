#include "engine/index/ranking.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
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

// Few enough that comparing each with each takes less time than the branches that sorting
// mispredicts.
constexpr size_t kFewScores = 32;

// above[i] = how many of the n scores are better than scores[i], a small whole number. No branch
// depends on a score. Both arrays have room for kFewScores.
template <size_t kSize>
void CountAbove(const double* scores, size_t n, double* above) {
  double padded[kSize];
  double count[kSize] = {};
  std::fill(std::copy(scores, scores + n, padded), padded + kSize, 0.0);
  for (size_t j = 0; j < n; ++j) {
    // In this order, and in doubles, the compiler makes vectors of it.
    for (size_t i = 0; i < kSize; ++i) count[i] += scores[j] > padded[i] ? 1.0 : 0.0;
  }
  std::copy(count, count + kSize, above);
}

void CountAbove(const double* scores, size_t n, double* above) {
  static_assert(kFewScores == 32);
  if (n <= 16) return CountAbove<16>(scores, n, above);
  CountAbove<32>(scores, n, above);
}

// The k-th best of n scores, whose order may change.
double KthBest(double* scores, size_t n, size_t k) {
  if (n > kFewScores) {
    std::nth_element(scores, scores + k - 1, scores + n, std::greater<>());
    return scores[k - 1];
  }
  double above[kFewScores];
  CountAbove(scores, n, above);
  double kth = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < n; ++i) {
    const double score = above[i] < static_cast<double>(k) ? scores[i] : kth;
    kth = score < kth ? score : kth;
  }
  return kth;
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

// Deals the rows to a few groups: the best of each are likely the best of all, and finding them
// takes no branches. Any k rows would do to prove the floor.
void Ranking::RaiseFloor(std::span<const double> lows) {
  constexpr size_t kGroupsMax = 256;
  const size_t groups = std::min({lows.size(), 3 * k_, kGroupsMax});
  if (groups < k_) return;
  double best[kGroupsMax];
  std::copy(lows.begin(), lows.begin() + static_cast<std::ptrdiff_t>(groups), best);
  for (size_t begin = groups; begin < lows.size(); begin += groups) {
    const size_t n = std::min(groups, lows.size() - begin);
    for (size_t i = 0; i < n; ++i) {
      best[i] = best[i] > lows[begin + i] ? best[i] : lows[begin + i];
    }
  }
  floor_ = std::max(floor_, KthBest(best, groups, k_));
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

// Puts a few candidates in order by counting for each how many are better. False if scores are
// equal; then nothing is moved.
bool Ranking::SortByRank() {
  const size_t n = candidates_.size();
  if (n > kFewScores) return false;
  double scores[kFewScores];
  double above[kFewScores];
  for (size_t i = 0; i < n; ++i) scores[i] = candidates_[i].low;
  CountAbove(scores, n, above);
  Candidate sorted[kFewScores];
  uint32_t ranks = 0;
  for (size_t i = 0; i < n; ++i) {
    const auto rank = static_cast<size_t>(above[i]);
    sorted[rank] = candidates_[i];
    ranks |= uint32_t{1} << rank;
  }
  if (static_cast<size_t>(std::popcount(ranks)) != n) return false;
  std::copy(sorted, sorted + n, candidates_.begin());
  return true;
}

void Ranking::SortBest(size_t answers) {
  if (SortByRank()) return;
  std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(answers),
                    candidates_.end(),
                    [&](const Candidate& a, const Candidate& b) { return Better(a, b); });
}

std::vector<Hit> Ranking::Finish() {
  // Scoring a few too many is cheaper than finding out which.
  constexpr size_t kTooMany = 4;
  if (candidates_.size() > k_ + kTooMany) {
    RaiseFloor();
    std::erase_if(candidates_, [&](const Candidate& c) { return c.high < floor_; });
  }
  ScoreAll();
  const size_t answers = std::min(k_, candidates_.size());
  SortBest(answers);
  // The ids lie anywhere: all of them are on their way before the first is copied.
  const auto id = [&](const Candidate& candidate) {
    const SegmentRows& rows = segments_[candidate.segment].rows();
    return rows.id(rows.document(candidate.row));
  };
  for (size_t i = 0; i < answers; ++i) __builtin_prefetch(id(candidates_[i]).data());
  std::vector<Hit> hits(answers);
  for (size_t i = 0; i < answers; ++i) {
    const Candidate& candidate = candidates_[i];
    const SegmentRows& rows = segments_[candidate.segment].rows();
    hits[i].document.assign(id(candidate));
    hits[i].ordinal = rows.ordinal(candidate.row);
    hits[i].class_id = rows.class_id(candidate.row);
    hits[i].score = candidate.low;
  }
  return hits;
}

}  // namespace cordon
