#include "engine/index/ranking.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <string_view>
#include <utility>

#include "engine/base/check.h"
#include "engine/index/ranks.h"

namespace cordon {
namespace {

// No more than there are rows: k may be anything.
size_t AnswersMax(std::span<const Segment> segments, size_t k) {
  size_t rows = 0;
  for (const Segment& segment : segments) rows += segment.live();
  return std::min(k, rows);
}

// The k-th best of n scores, whose order may change.
double KthBest(double* scores, size_t n, size_t k) {
  if (n > kRanksMax) {
    std::nth_element(scores, scores + k - 1, scores + n, std::greater<>());
    return scores[k - 1];
  }
  double few[kRanksMax] = {};
  double above[kRanksMax];
  std::copy(scores, scores + n, few);
  CountAbove(few, n, above);
  double kth = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < n; ++i) {
    const double score = above[i] < static_cast<double>(k) ? scores[i] : kth;
    kth = score < kth ? score : kth;
  }
  return kth;
}

bool InRange(double norm) { return kNormMin <= norm && norm <= kNormMax; }

// Where the score of a row lies, given its kernel's estimate; kAnyScore where kernels.h promises
// nothing.
ScoreRange RangeOf(const PaddedQuery& query, float estimate, double row_norm, RoundingBound bound) {
  if (query.metric() == Metric::kL2) {
    if (!(query.norm() <= kNormMax && row_norm <= kNormMax)) return kAnyScore;
    const double error = bound.relative * double{estimate} + bound.absolute;
    return {-double{estimate} - error, -double{estimate} + error};
  }
  if (!InRange(query.norm()) || !InRange(row_norm)) return kAnyScore;
  const double norms = query.norm() * row_norm;
  const bool cosine = query.metric() == Metric::kCosine;
  const double error = bound.relative * (cosine ? 1 : norms);
  const double score = cosine ? double{estimate} / norms : double{estimate};
  return {score - error, score + error};
}

}  // namespace

Ranking::Ranking(const PaddedQuery& query, std::span<const Segment> segments, size_t k)
    : query_(query),
      segments_(segments),
      bound_(KernelBound(query.stride())),
      k_(std::max<size_t>(1, AnswersMax(segments, k))),
      capacity_(2 * k_ + kSpare) {
  CORDON_CHECK(k > 0);
  candidates_.reserve(std::min(capacity_, kFirst));
}

// Puts the k-th largest low end at its place: k rows score at least this.
void Ranking::Cut() {
  const auto kth = candidates_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
  std::nth_element(candidates_.begin(), kth, candidates_.end(),
                   [](const Candidate& a, const Candidate& b) { return a.low > b.low; });
  floor_ = std::max(floor_, kth->low);
  std::erase_if(candidates_, [&](const Candidate& c) { return c.high < floor_; });
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

// Calls read(batch) with all candidates that are wanted.
template <typename Wanted, typename Read>
void Ranking::ReadRows(std::span<Candidate> candidates, Wanted wanted, Read read) {
  Candidate* batch[kBatch];
  size_t n = 0;
  for (Candidate& candidate : candidates) {
    if (!wanted(candidate)) continue;
    batch[n++] = &candidate;
    if (n == kBatch) read(std::span(batch, std::exchange(n, 0)));
  }
  if (n > 0) read(std::span(batch, n));
}

void Ranking::EstimateAll() {
  ReadRows(
      candidates_, [](const Candidate& c) { return !c.estimated && !c.exact(); },
      [&](std::span<Candidate* const> batch) { Estimate(batch); });
}

void Ranking::ScoreAll(std::span<Candidate> candidates) {
  ReadRows(
      candidates, [](const Candidate& c) { return !c.exact(); },
      [&](std::span<Candidate* const> batch) { Score(batch); });
}

void Ranking::Estimate(std::span<Candidate* const> batch) {
  const float* rows[kBatch];
  double norms[kBatch];
  float estimates[kBatch];
  for (size_t i = 0; i < batch.size(); ++i) {
    const SegmentRows& segment = segments_[batch[i]->segment].rows();
    rows[i] = segment.embedding(batch[i]->row);
    norms[i] = segment.norm(batch[i]->row);
  }
  const auto kernel = query_.metric() == Metric::kL2 ? SquaredDistanceRows : DotRows;
  kernel(query_.vector(), {rows, batch.size()}, query_.stride(), estimates);
  rows_read_ += batch.size();
  bool sound = true;
  for (size_t i = 0; i < batch.size(); ++i) {
    Candidate& candidate = *batch[i];
    const ScoreRange range = RangeOf(query_, estimates[i], norms[i], bound_);
    candidate.low = std::max(candidate.low, range.low);
    candidate.high = std::min(candidate.high, range.high);
    candidate.estimated = true;
    sound &= candidate.low <= candidate.high;
  }
  CORDON_CHECK(sound);  // or a bound is wrong
}

void Ranking::Score(std::span<Candidate* const> batch) {
  NormedRow rows[kBatch];
  double scores[kBatch];
  for (size_t i = 0; i < batch.size(); ++i) {
    const SegmentRows& segment = segments_[batch[i]->segment].rows();
    rows[i] = {segment.embedding(batch[i]->row), segment.norm(batch[i]->row)};
  }
  ScoreRows(query_.metric(), query_.vector(), query_.norm(), {rows, batch.size()},
            query_.dimension(), scores);
  rows_read_ += batch.size();
  for (size_t i = 0; i < batch.size(); ++i) {
    CORDON_CHECK(batch[i]->low <= scores[i] && scores[i] <= batch[i]->high);  // or a bound is wrong
    batch[i]->low = batch[i]->high = scores[i];
  }
}

void Ranking::Prune() {
  const auto full = [&] { return candidates_.size() > k_ + (capacity_ - k_) / 2; };
  Cut();
  if (!full()) return;
  EstimateAll();
  Cut();
  if (!full()) return;
  // Ties, or estimates that say nothing: only the definition tells these rows apart.
  ScoreAll(candidates_);
  const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(k_);
  std::nth_element(candidates_.begin(), end, candidates_.end(),
                   [&](const Candidate& a, const Candidate& b) { return Better(a, b); });
  candidates_.erase(end, candidates_.end());
  Cut();
  CORDON_CHECK(candidates_.size() <= k_);
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

// Puts a few candidates in order by counting for each how many have a higher end. False if
// ends are equal; then nothing is moved.
bool Ranking::SortByRank() {
  const size_t n = candidates_.size();
  if (n > kRanksMax) return false;
  double scores[kRanksMax] = {};
  double above[kRanksMax];
  for (size_t i = 0; i < n; ++i) scores[i] = candidates_[i].high;
  CountAbove(scores, n, above);
  Candidate sorted[kRanksMax];
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

// Puts candidates that are sorted by their high ends in their order, as far as the answer goes.
void Ranking::SettleTies() {
  const size_t n = candidates_.size();
  for (size_t begin = 0, end; begin < std::min(k_, n); begin = end) {
    double low = candidates_[begin].low;
    for (end = begin + 1; end < n && candidates_[end].high >= low; ++end) {
      low = std::min(low, candidates_[end].low);
    }
    if (end - begin == 1) continue;
    const std::span<Candidate> tied(candidates_.data() + begin, end - begin);
    ScoreAll(tied);
    std::sort(tied.begin(), tied.end(),
              [&](const Candidate& a, const Candidate& b) { return Better(a, b); });
  }
}

std::vector<Hit> Ranking::Finish(bool scored) {
  // Reading a few too many is cheaper than finding out which.
  constexpr size_t kTooMany = 4;
  if (candidates_.size() > k_ + kTooMany) Cut();
  EstimateAll();
  if (candidates_.size() > k_ + kTooMany) Cut();
  if (!SortByRank()) {
    std::sort(candidates_.begin(), candidates_.end(),
              [](const Candidate& a, const Candidate& b) { return a.high > b.high; });
  }
  SettleTies();
  if (scored) ScoreAll({candidates_.data(), std::min(k_, candidates_.size())});
  return TakeBest();
}

std::vector<Hit> Ranking::TakeBest() {
  const size_t answers = std::min(k_, candidates_.size());
  // The ids lie anywhere: all of them are on their way before the first is copied.
  for (size_t i = 0; i < answers; ++i) {
    const SegmentRows& rows = segments_[candidates_[i].segment].rows();
    __builtin_prefetch(rows.id(rows.document(candidates_[i].row)).data());
  }
  std::vector<Hit> hits;
  hits.reserve(answers);
  for (size_t i = 0; i < answers; ++i) {
    const Candidate& candidate = candidates_[i];
    const SegmentRows& rows = segments_[candidate.segment].rows();
    hits.push_back({std::string(rows.id(rows.document(candidate.row))),
                    rows.ordinal(candidate.row),
                    rows.class_id(candidate.row),
                    {candidate.low, candidate.high}});
  }
  return hits;
}

}  // namespace cordon
