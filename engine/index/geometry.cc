#include "engine/index/geometry.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "engine/base/check.h"
#include "engine/index/bins.h"
#include "engine/index/kernels.h"

namespace cordon {
namespace {

// Centroids that are looked at by distance before a row gets its lists, and the weight of SOAR.
constexpr size_t kAssignCandidates = 24;
constexpr float kSoarLambda = 1;

// What a thread keeps from search to search, so that none allocates.
struct OrderScratch {
  std::vector<float> keys;
  std::vector<uint8_t> bins;
  std::vector<uint32_t> places;
  std::vector<ListOrder::Near> near;
};
OrderScratch& ScratchOfThread() {
  thread_local OrderScratch scratch;
  return scratch;
}

CodeBlocks CodeCentroids(EstimateForm form, const FloatRows& centroids, size_t lists,
                         const float* mean, size_t size) {
  CodeBlocks blocks(lists, size);
  for (size_t l = 0; l < lists; ++l) {
    blocks.Put(l, static_cast<uint32_t>(l), form, centroids.row(l), mean, mean);
  }
  return blocks;
}

}  // namespace

Calibration::Depth Calibration::DepthFor(double recall, double fraction) const {
  size_t target = 0;
  while (target + 1 < kTargets.size() && kTargets[target] < recall) ++target;
  if (kTargets[target] < recall) return {};
  const auto at = [this](size_t f, size_t t) { return Depth{least[f][t], work[f][t], left[f][t]}; };
  if (fraction >= kFractions.front()) return at(0, target);
  if (fraction <= kFractions.back()) return at(kFractions.size() - 1, target);
  size_t above = 0;
  while (kFractions[above + 1] >= fraction) ++above;
  if (least[above][target] == 0) return {};
  if (fraction == kFractions[above]) return at(above, target);
  if (least[above + 1][target] == 0) {
    // Nothing is known of smaller parts but that recall falls steeply. The classes that make up a
    // tenth of the rows are never exactly a tenth: a little less is served with more care.
    constexpr double kAsGood = 0.95;
    const bool served = fraction >= kAsGood * kFractions[above] && target + 1 < kTargets.size();
    return served ? at(above, target + 1) : Depth();
  }
  // Between two fractions by the logarithms.
  const double part =
      std::log(kFractions[above] / fraction) / std::log(kFractions[above] / kFractions[above + 1]);
  const auto between = [&](const Table& table) {
    const float high = table[above][target], low = table[above + 1][target];
    return static_cast<float>(std::exp((1 - part) * std::log(high) + part * std::log(low)));
  };
  return {between(least), between(work), std::max(left[above][target], left[above + 1][target])};
}

Geometry::Geometry(Metric metric, Rotation rotation, uint64_t revision, uint64_t rows,
                   FloatRows centroids, size_t lists, std::vector<float> spread, float deviation)
    : metric_(metric),
      rotation_(std::move(rotation)),
      revision_(revision),
      rows_(rows),
      centroids_(std::move(centroids)),
      lists_(lists),
      mean_(1, rotation_.size()),
      spread_(std::move(spread)),
      deviation_(deviation) {
  CORDON_CHECK(lists >= 1 && lists <= kListsMax && spread_.size() == lists &&
               centroids_.stride() == size());
  std::vector<double> sum(size());
  for (size_t l = 0; l < lists; ++l) {
    for (size_t i = 0; i < size(); ++i) sum[i] += centroids_.row(l)[i];
  }
  for (size_t i = 0; i < size(); ++i) {
    mean_.row(0)[i] = static_cast<float>(sum[i] / static_cast<double>(lists));
  }
  ScoresOfLists();
  CodeFromMean();
  assign_ = CodeCentroids(EstimateForm::kDistance, centroids_, lists, mean(), size());
  if (form() != EstimateForm::kDistance) {
    order_ = std::make_unique<CodeBlocks>(
        CodeCentroids(EstimateForm::kDot, centroids_, lists, mean(), size()));
  }
  MakePrint();
}

// A hash of what Assign() and codes go by (the mean is the centroids' own): 64 bits, the same in
// every process. Never 0.
void Geometry::MakePrint() {
  uint64_t hash = 0x9e3779b97f4a7c15;
  const auto mix = [&hash](uint64_t value) {
    hash = (hash ^ value) * 0xd6e8feb86659fd93;
    hash ^= hash >> 32;
  };
  mix(static_cast<uint64_t>(metric_));
  mix(rotation_.seed());
  mix(rotation_.dimension());
  mix(lists_);
  for (size_t l = 0; l < lists_; ++l) {
    for (size_t i = 0; i < size(); ++i) mix(std::bit_cast<uint32_t>(centroid(l)[i]));
  }
  print_ = hash | 1;
}

// A row's score differs from its list's term by its residual's part along what the query is from
// the centroid (about as long as residuals are), and by distance for the residual's own length.
void Geometry::ScoresOfLists() {
  const auto lists = static_cast<float>(lists_);
  float mean_spread = 0;
  for (const float spread : spread_) mean_spread += spread / lists;
  const float along = metric_ == Metric::kCosine ? std::sqrt(mean_spread)
                      : metric_ == Metric::kL2   ? 2 * std::sqrt(mean_spread)
                                                 : 1;
  for (const float spread : spread_) {
    scores_.push_back(
        {metric_ == Metric::kL2 ? -spread : 0, deviation_ * along * std::sqrt(spread)});
    mean_deviation_ += scores_.back().deviation / lists;
  }
}

void Geometry::CodeFromMean() {
  centroid_codes_ = CodeRows(lists_, size());
  centroid_facts_.resize(lists_);
  FloatRows from_mean(1, size());
  float* const r = from_mean.row(0);
  for (size_t l = 0; l < lists_; ++l) {
    for (size_t i = 0; i < size(); ++i) r[i] = centroid(l)[i] - mean()[i];
    centroid_facts_[l].scale = QuantiseRow(r, size(), centroid_codes_.row(l)).scale;
    centroid_facts_[l].constant =
        form() == EstimateForm::kDot ? RotatedDot(mean(), r, size()) : -RotatedDot(r, r, size());
  }
}

void Geometry::Rotate(const float* vector, double norm, float* out) const {
  float scale = 1;
  if (metric_ == Metric::kCosine) scale = norm > 0 ? static_cast<float>(1 / norm) : 0;
  // What floats cannot square is as good as nowhere: only exact searches find it.
  if (!std::isfinite(scale) || !(norm <= kNormMax)) scale = 0;
  rotation_.Apply(vector, scale, out);
}

ListPair Geometry::Assign(const float* x) const {
  alignas(64) float u[limits::kDimensionMax];
  for (size_t i = 0; i < size(); ++i) u[i] = x[i] - mean()[i];
  const QueryTables tables(EstimateForm::kDistance, u, size(), 0);
  ListOrder order(*this, tables, x);
  const auto near = order.Next(kAssignCandidates);
  const auto nearest = static_cast<uint16_t>(near[0].list);
  ListPair pair = {nearest, nearest};
  // ‖r‖² is -term; ⟨r, x - c'⟩ = ⟨r, x⟩ - ⟨r, c'⟩.
  alignas(64) float r[limits::kDimensionMax];
  for (size_t i = 0; i < size(); ++i) r[i] = x[i] - centroid(pair.first)[i];
  const float square = -near[0].term;
  const float along_x = RotatedDot(r, x, size());
  float best = INFINITY;
  for (const ListOrder::Near& other : near.subspan(1)) {
    if (-other.term >= best) break;  // by distance alone too far, and so are the rest
    const float along = along_x - RotatedDot(r, centroid(other.list), size());
    const float penalty = square > 0 ? kSoarLambda * along * along / square : 0;
    if (-other.term + penalty >= best) continue;
    best = -other.term + penalty;
    pair.second = static_cast<uint16_t>(other.list);
  }
  return pair;
}

ListOrder::ListOrder(const Geometry& geometry, const QueryTables& tables, const float* rotated,
                     const float* u)
    : geometry_(geometry),
      rotated_(rotated),
      keys_(ScratchOfThread().keys),
      bins_(ScratchOfThread().bins),
      places_(ScratchOfThread().places),
      near_(ScratchOfThread().near) {
  const PaddedQuery from_mean(geometry.metric(), {u, geometry.size()}, tables.norm());
  codes_.emplace(from_mean);
  base_ = geometry.form() == EstimateForm::kDot
              ? RotatedDot(rotated, geometry.mean(), geometry.size())
              : -tables.norm() * tables.norm();
  above_ = kKeyDeviations * geometry.ReachOf(tables.norm());
  Estimate(geometry.order_codes(), tables);
}

ListOrder::ListOrder(const Geometry& geometry, const QueryTables& tables, const float* rotated)
    : geometry_(geometry),
      rotated_(rotated),
      keys_(ScratchOfThread().keys),
      bins_(ScratchOfThread().bins),
      places_(ScratchOfThread().places),
      near_(ScratchOfThread().near) {
  Estimate(geometry.assign_codes(), tables);
}

void ListOrder::AddReach() {
  const std::span<const Geometry::Scores> scores = geometry_.scores();
  const Geometry::Scores* const of_list = scores.data();
  float* const keys = keys_.data();
  for (size_t l = 0; l < scores.size(); ++l) {
    keys[l] += of_list[l].mean + above_ * of_list[l].deviation;
  }
}

void ListOrder::Estimate(const CodeBlocks& codes, const QueryTables& tables) {
  static_assert(kBlockEntries % kBinUnit == 0);
  const auto lists = static_cast<std::ptrdiff_t>(geometry_.lists());
  const size_t padded = codes.blocks() * kBlockEntries;
  keys_.resize(padded);
  bins_.resize(padded);
  EstimateBlocks(tables, codes.block(0), codes.blocks(), keys_.data());
  if (codes_) AddReach();
  std::fill(keys_.begin() + lists, keys_.end(), keys_.front());
  ToBins(keys_.data(), padded, bins_.data());
  std::fill(bins_.begin() + lists, bins_.end(), uint8_t{0});
}

std::span<const ListOrder::Near> ListOrder::Next(size_t count) {
  near_.clear();
  if (next_bin_ < 0) return {};
  // The highest bin from which on there are enough, or the lowest of all.
  const size_t bins = bins_.size(), wanted = given_ + count;
  int least = 0;
  for (int high = next_bin_; least < high;) {
    const int middle = high - (high - least) / 2;
    const bool enough = CountBins(bins_.data(), bins, static_cast<uint8_t>(middle)) >= wanted;
    (enough ? least : high) = enough ? middle : middle - 1;
  }
  places_.resize(bins);
  size_t found = FindBins(bins_.data(), bins, static_cast<uint8_t>(least),
                          static_cast<uint8_t>(next_bin_), places_.data());
  while (found > 0 && places_[found - 1] >= geometry_.lists()) --found;  // beyond the last list
  near_.resize(found);
  for (size_t i = 0; i < found; ++i) near_[i].list = places_[i];
  given_ += found;
  next_bin_ = least - 1;
  codes_ ? AddTerms() : AddExactTerms();
  std::sort(near_.begin(), near_.end(), [](const Near& a, const Near& b) {
    return a.key != b.key ? a.key > b.key : a.list < b.list;
  });
  return near_;
}

void ListOrder::AddTerms() {
  constexpr size_t kBatch = 64;
  const int8_t* rows[kBatch];
  int32_t sums[kBatch];
  const float factor = geometry_.form() == EstimateForm::kDot ? 1 : 2;
  for (size_t begin = 0; begin < near_.size(); begin += kBatch) {
    const size_t n = std::min(kBatch, near_.size() - begin);
    for (size_t i = 0; i < n; ++i) rows[i] = geometry_.centroid_codes(near_[begin + i].list);
    DotCodes(codes_->codes(), {rows, n}, geometry_.size(), sums);
    for (size_t i = 0; i < n; ++i) {
      const Geometry::CentroidFacts& facts = geometry_.centroid_facts(near_[begin + i].list);
      const auto dot = static_cast<float>(codes_->Dot(sums[i], {facts.scale, 0}));
      Near& near = near_[begin + i];
      const Geometry::Scores& scores = geometry_.scores()[near.list];
      near.term = base_ + facts.constant + factor * dot;
      near.key = near.term + scores.mean + above_ * scores.deviation;
    }
  }
}

void ListOrder::AddExactTerms() {
  for (Near& near : near_) {
    near.term = -RotatedDistance(rotated_, geometry_.centroid(near.list), geometry_.size());
    near.key = near.term;
  }
}

}  // namespace cordon
