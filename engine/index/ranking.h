// The best k rows so far, from estimates: who cannot be among them any more is dropped.
//
// Invariant: every row that was offered is a candidate, or k rows are better for certain (by score,
// then id, then ordinal). So the answer does not depend on the estimates, nor on the order in which
// rows are offered.
//   A candidate's range comes from its codes (codes.h), or says nothing. Where that is too wide, it
// is narrowed by an estimate from the floats (kernels.h), and where that does not tell rows apart
// either, by the score's definition: few rows' floats are read, and fewer are read twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory_resource>
#include <span>
#include <string>
#include <vector>

#include "engine/index/kernels.h"
#include "engine/index/padded_query.h"
#include "engine/index/segment.h"

namespace cordon {

// Where a row's Score() lies: low ≤ Score() ≤ high. Equal ends are the score itself.
struct ScoreRange {
  double low;
  double high;
};

// Nothing is known of the score.
inline constexpr ScoreRange kAnyScore = {-std::numeric_limits<double>::infinity(),
                                         std::numeric_limits<double>::infinity()};

// One answer of a search: a proposal. Its place among the hits is proven, its score is not worked
// out where the place does not depend on it.
struct Hit {
  std::string document;
  uint32_t ordinal = 0;
  uint32_t class_id = 0;
  ScoreRange score = {0, 0};
};

// For one search and one thread. Holds 2k + kSpare candidates at most.
class Ranking {
 public:
  // `query` and `segments` are borrowed. Requires k ≥ 1.
  Ranking(const PaddedQuery& query, std::span<const Segment> segments, size_t k);

  // Rows whose high end is below this need not be offered. Never falls.
  double floor() const { return floor_; }

  // Raises the floor so that about k of these rows, given by their low ends, are not below it. They
  // must be offered next: of a block it is then the likely answers that are offered, not the first.
  void RaiseFloor(std::span<const double> lows);

  // True if so many rows can be offered before any is dropped.
  bool HasRoomFor(size_t rows) const { return candidates_.size() + rows < capacity_; }

  // Offers a row whose score lies in `range`; each row at most once.
  void Offer(uint32_t segment, uint32_t row, ScoreRange range) {
    candidates_.push_back({range.low, range.high, row, segment, 0});
    if (candidates_.size() >= capacity_) Prune();
  }

  // The best min(k, offered) rows, best first: by descending score, then ascending document id
  // (bytewise), then ascending ordinal. The ranges of two hits do not overlap, unless both are the
  // score itself; with `scored` each is. Ends the ranking.
  std::vector<Hit> Finish(bool scored = false);

  // How often a row's floats were read so far, for an estimate or by the definition.
  size_t rows_read() const { return rows_read_; }

 private:
  // Room between prunings, so that their cost is spread: a pruning is linear.
  static constexpr size_t kSpare = 32;
  // Room from the start, in place: a search for few answers allocates nothing but them.
  static constexpr size_t kFirst = 64;
  // Rows whose floats are read at once.
  static constexpr size_t kBatch = 64;

  struct Candidate {
    double low;
    double high;
    uint32_t row;
    uint32_t segment : 31;
    uint32_t estimated : 1;  // from the floats

    bool exact() const { return low == high; }
  };

  void Prune();
  void Cut();
  bool SortByRank();
  std::vector<Hit> TakeBest();
  void SettleTies();
  void EstimateAll();
  void ScoreAll(std::span<Candidate> candidates);
  template <typename Wanted, typename Read>
  void ReadRows(std::span<Candidate> candidates, Wanted wanted, Read read);
  void Estimate(std::span<Candidate* const> batch);
  void Score(std::span<Candidate* const> batch);
  bool Better(const Candidate& a, const Candidate& b) const;

  const PaddedQuery& query_;
  const std::span<const Segment> segments_;
  const RoundingBound bound_;
  const size_t k_;
  const size_t capacity_;
  double floor_ = -std::numeric_limits<double>::infinity();
  size_t rows_read_ = 0;
  alignas(Candidate) std::byte memory_[kFirst * sizeof(Candidate)];
  std::pmr::monotonic_buffer_resource resource_{memory_, sizeof(memory_)};
  std::pmr::vector<Candidate> candidates_{&resource_};
};

}  // namespace cordon
