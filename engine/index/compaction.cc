#include "engine/index/compaction.h"

#include <algorithm>
#include <bit>

namespace cordon {
namespace {

constexpr size_t kTiers = 32;  // 4^32 rows

size_t TierOf(size_t rows) { return static_cast<size_t>(std::bit_width(rows) - 1) / 2; }

struct Group {
  std::vector<size_t> pieces;
  size_t rows = 0;
};

}  // namespace

std::vector<std::vector<size_t>> PlanMerges(std::span<const size_t> live_rows, size_t rows_max) {
  static_assert(kMergeFanout == 4);  // TierOf's base
  std::vector<std::vector<Group>> tiers(kTiers);
  std::vector<std::vector<size_t>> plan;
  const auto place = [&](Group group) {
    if (group.rows > rows_max / 2) {
      plan.push_back(std::move(group.pieces));
    } else {
      tiers[TierOf(group.rows)].push_back(std::move(group));
    }
  };
  for (size_t i = 0; i < live_rows.size(); ++i) place({{i}, live_rows[i]});
  size_t copied = 0;
  // Upwards: what a merge yields is in a higher tier (or in this one, which is done, if it broke
  // off).
  for (auto& tier : tiers) {
    if (tier.size() < kMergeFanout) {
      for (Group& group : tier) plan.push_back(std::move(group.pieces));
      continue;
    }
    Group merged;
    for (Group& group : tier) {
      if (copied + group.rows > kMergeSegmentsMax * rows_max) {
        plan.push_back(std::move(group.pieces));  // left to a later write
        continue;
      }
      copied += group.rows;
      merged.rows += group.rows;
      merged.pieces.insert(merged.pieces.end(), group.pieces.begin(), group.pieces.end());
    }
    if (merged.rows > 0) place(std::move(merged));
  }
  return plan;
}

}  // namespace cordon
