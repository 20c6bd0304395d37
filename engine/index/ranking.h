// The best k rows so far, from estimates: who cannot be among them any more is dropped.
//
// Invariant: every row that was offered is a candidate, or k rows are better for certain (by score,
// then id, then ordinal). So the answer does not depend on the estimates, nor on the order in which
// rows are offered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory_resource>
#include <span>
#include <string>
#include <vector>

#include "engine/index/score.h"
#include "engine/index/segment.h"

namespace cordon {

// One answer of a search.
struct Hit {
  std::string document;
  uint32_t ordinal = 0;
  uint32_t class_id = 0;
  double score = 0;
};

// Where a row's Score() lies: low ≤ Score() ≤ high.
struct ScoreRange {
  double low;
  double high;
};

// For one search and one thread. Holds 2k + kSpare candidates at most.
class Ranking {
 public:
  // `query` (with this Norm()) and `segments` are borrowed. Requires k ≥ 1.
  Ranking(Metric metric, std::span<const float> query, double query_norm,
          std::span<const Segment> segments, size_t k);

  // Rows whose high end is below this need not be offered. Never falls.
  double floor() const { return floor_; }

  // Raises the floor so that about k of these rows, given by their low ends, are not below it. They
  // must be offered next: of a block it is then the likely answers that are offered, not the first.
  void RaiseFloor(std::span<const double> lows);

  // True if most of `rows` rows would be scored by definition in the end, were they all.
  bool ScoresMostOf(size_t rows) const { return 2 * rows <= 3 * k_; }

  // Offers a row whose score lies in `range`; each row at most once.
  void Offer(uint32_t segment, uint32_t row, ScoreRange range) {
    candidates_.push_back({range.low, range.high, segment, row, false});
    if (candidates_.size() >= capacity_) Prune();
  }

  // Offers a row whose score is known to be `score`.
  void OfferExact(uint32_t segment, uint32_t row, double score) {
    candidates_.push_back({score, score, segment, row, true});
    if (candidates_.size() >= capacity_) Prune();
  }

  // The best min(k, offered) rows, best first: by descending score, then ascending document id
  // (bytewise), then ascending ordinal. Ends the ranking.
  std::vector<Hit> Finish();

 private:
  // Room between prunings, so that their cost is spread: a pruning is linear.
  static constexpr size_t kSpare = 32;
  // Room from the start, in place: a search for few answers allocates nothing but them.
  static constexpr size_t kFirst = 64;

  struct Candidate {
    double low;
    double high;
    uint32_t segment;
    uint32_t row;
    bool exact;
  };

  void Prune();
  void RaiseFloor();
  bool SortByRank();
  void SortBest(size_t answers);
  void ScoreAll();
  bool Better(const Candidate& a, const Candidate& b) const;

  const Metric metric_;
  const float* const query_;
  const double query_norm_;
  const size_t dimension_;
  const std::span<const Segment> segments_;
  const size_t k_;
  const size_t capacity_;
  double floor_ = -std::numeric_limits<double>::infinity();
  alignas(Candidate) std::byte memory_[kFirst * sizeof(Candidate)];
  std::pmr::monotonic_buffer_resource resource_{memory_, sizeof(memory_)};
  std::pmr::vector<Candidate> candidates_{&resource_};
};

}  // namespace cordon
