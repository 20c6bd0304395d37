// The geometry of an index: where the lists of rows have their centres, and how a search with them
// is set. Trained on a sample, then frozen: the only moment at which rows that a caller may not see
// influence its fast answers. Later rows go to the lists that the frozen geometry says.
//
// A row is in two lists: that of the nearest centroid c, and one more whose residual is most nearly
// orthogonal to the first (SOAR: Sun et al., NeurIPS 2023): the c' with the least
// ‖x - c'‖² + λ ⟨r/‖r‖, x - c'⟩², r = x - c, λ = 1. Where the first list misleads, the second
// helps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/index/bit_codes.h"
#include "engine/index/codes.h"
#include "engine/index/float_rows.h"
#include "engine/index/rotation.h"
#include "engine/index/score.h"
#include "engine/index/segment.h"

namespace cordon {

// How far a search must go for a recall, found on rows as if they were queries (calibrate.h). A
// list is visited if it is expected to hold at least `least` of the k answers wanted. Lists are
// searched where that is less work than a flat search of all permitted rows.
struct Calibration {
  static constexpr std::array<double, 6> kTargets = {0.8, 0.9, 0.95, 0.98, 0.99, 0.995};
  // Permitted rows, as parts of the rows at training.
  static constexpr std::array<double, 6> kFractions = {1, 0.3, 0.1, 0.03, 0.01, 0.003};
  using Table = std::array<std::array<float, kTargets.size()>, kFractions.size()>;
  Table least{};  // [fraction][target]; 0: not reached with any work near that of a flat search
  Table work{};   // of such a search of lists, in bytes that a flat one reads in the time
  Table left{};   // ListSearch::Left() of nearly all of them

  struct Depth {
    float least;
    float work;
    float left;
  };
  // What serves this recall if this part of the rows is permitted; zeros if only a search of all.
  Depth DepthFor(double recall, double fraction) const;
};

// Immutable once shared; thread-safe.
class Geometry {
 public:
  // `centroids`: rotated rows; at least one. `spread`: by list, the mean ‖residual‖² of its rows.
  Geometry(Metric metric, Rotation rotation, uint64_t revision, uint64_t rows, FloatRows centroids,
           size_t lists, std::vector<float> spread, float deviation);

  Metric metric() const { return metric_; }
  EstimateForm form() const {
    return metric_ == Metric::kL2 ? EstimateForm::kDistance : EstimateForm::kDot;
  }
  const Rotation& rotation() const { return rotation_; }
  size_t size() const { return rotation_.size(); }
  size_t lists() const { return lists_; }
  uint64_t revision() const { return revision_; }
  // Tells by which centroids rows were put into lists, whatever the revision: those of a geometry
  // that was lost have the same numbers as those of the one that replaces it.
  uint64_t print() const { return print_; }
  // How many rows there were at training.
  uint64_t rows() const { return rows_; }
  const float* centroid(size_t list) const { return centroids_.row(list); }
  const float* mean() const { return mean_.row(0); }
  float spread(size_t list) const { return spread_[list]; }
  // How a query's scores lie in a list: their mean is the list's term plus `mean`, and their
  // deviation is `deviation` times the query's ReachOf().
  struct Scores {
    float mean;
    float deviation;
  };
  std::span<const Scores> scores() const { return scores_; }  // by list
  float mean_deviation() const { return mean_deviation_; }    // of scores()
  // `norm`: how far the query is from mean().
  float ReachOf(float norm) const { return metric_ == Metric::kInnerProduct ? norm : 1; }
  float deviation() const { return deviation_; }
  // The centroids as entries: for queries, and for rows, which go by distance.
  const CodeBlocks& order_codes() const { return order_ ? *order_ : assign_; }
  const CodeBlocks& assign_codes() const { return assign_; }

  // What a list's term is made of, beside the dot product of codes: the centroid from the mean.
  struct CentroidFacts {
    float scale;     // of the codes
    float constant;  // ⟨g, c - g⟩ or -‖c - g‖²
  };
  const int8_t* centroid_codes(size_t list) const { return centroid_codes_.row(list); }
  const CentroidFacts& centroid_facts(size_t list) const { return centroid_facts_[list]; }

  const Calibration& calibration() const { return calibration_; }
  void set_calibration(const Calibration& calibration) { calibration_ = calibration; }

  // The rotated form of a row or query: of unit length under cosine. `out` is aligned, size()
  // numbers.
  void Rotate(const float* vector, double norm, float* out) const;

  // The lists of a rotated row.
  ListPair Assign(const float* rotated) const;

 private:
  void CodeFromMean();
  void ScoresOfLists();
  void MakePrint();

  Metric metric_;
  Rotation rotation_;
  uint64_t revision_;
  uint64_t print_ = 0;
  uint64_t rows_;
  FloatRows centroids_;
  size_t lists_;
  FloatRows mean_;
  CodeRows centroid_codes_;
  std::vector<CentroidFacts> centroid_facts_;
  std::vector<float> spread_;
  std::vector<Scores> scores_;
  float mean_deviation_ = 0;
  float deviation_;                    // of a residual along a direction, in parts of √spread
  CodeBlocks assign_;                  // the centroids, by distance
  std::unique_ptr<CodeBlocks> order_;  // by dot product, where queries go by that
  Calibration calibration_;
};

// The lists by their nearness to a query or row, as far as they are asked for. For one query.
class ListOrder {
 public:
  // A key lies so many deviations above the mean of the list's scores: where the last lists that
  // matter to a search begin to have none that are good enough.
  static constexpr float kKeyDeviations = 2;

  struct Near {
    float key;   // how high its rows may score, or `term` for rows: what lists are ordered by
    float term;  // ⟨q, c⟩ or -‖q - c‖²: what ScanBlocks() takes
    uint32_t list;
  };

  // By what the geometry's metric says, for queries. All borrowed: `tables` those of `u`, which is
  // `rotated` less the mean.
  ListOrder(const Geometry& geometry, const QueryTables& tables, const float* rotated,
            const float* u);
  // By distance, for rows. Terms are exact.
  ListOrder(const Geometry& geometry, const QueryTables& tables, const float* rotated);

  // The next lists, nearest first, about `count` (at least 1 unless none is left). Valid until the
  // next call.
  std::span<const Near> Next(size_t count);
  // How many lists Next() has not given.
  size_t left() const { return geometry_.lists() - given_; }

 private:
  void Estimate(const CodeBlocks& codes, const QueryTables& tables);
  void AddReach();
  void AddTerms();
  void AddExactTerms();

  const Geometry& geometry_;
  const float* rotated_;
  std::optional<QueryCodes> codes_;  // of u; null for rows
  float base_ = 0;                   // of all terms
  float above_ = 0;                  // kKeyDeviations of the query
  std::vector<float>& keys_;         // estimates, by list
  std::vector<uint8_t>& bins_;       // of the keys (bins.h): the higher the nearer
  std::vector<uint32_t>& places_;    // scratch: lists of some bins
  std::vector<Near>& near_;
  size_t given_ = 0;    // lists so far
  int next_bin_ = 255;  // the nearest that was not given out
};

// Σ a_i b_i and Σ (a_i - b_i)² of rotated vectors in float, summed in eight lanes: the same bits on
// every instruction set.
float RotatedDot(const float* a, const float* b, size_t size);
float RotatedDistance(const float* a, const float* b, size_t size);

}  // namespace cordon
