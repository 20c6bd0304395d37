// Fears about compaction: that small segments pile up, or that a write copies without bound.
#include "engine/index/compaction.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "engine/base/random.h"

namespace cordon {
namespace {

constexpr size_t kRowsMax = 10000;

// What Apply does with a plan, on sizes: returns the rows copied.
size_t Step(std::vector<size_t>& sizes, size_t added) {
  sizes.push_back(added);
  std::vector<size_t> next;
  std::vector<bool> seen(sizes.size(), false);
  size_t copied = 0;
  for (const auto& group : PlanMerges(sizes, kRowsMax)) {
    size_t rows = 0;
    for (size_t piece : group) {
      EXPECT_FALSE(seen[piece]);
      seen[piece] = true;
      rows += sizes[piece];
    }
    if (group.size() > 1) copied += rows;
    const size_t parts = (rows + kRowsMax - 1) / kRowsMax;
    for (size_t p = 0; p < parts; ++p) next.push_back(rows * (p + 1) / parts - rows * p / parts);
  }
  EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](bool s) { return s; })) << "a piece is lost";
  sizes = next;
  return copied;
}

TEST(CompactionTest, ManySmallWritesStayFewSegmentsAtLogarithmicCost) {
  std::vector<size_t> sizes;
  size_t copied = 0;
  constexpr size_t kWrites = 50000;
  for (size_t i = 0; i < kWrites; ++i) {
    copied += Step(sizes, 1);
    const size_t full = i / (kRowsMax / 2) + 1;
    ASSERT_LE(sizes.size(), full + 3 * 7);
  }
  EXPECT_LE(copied, kWrites * 8);
}

TEST(CompactionTest, NoWriteCopiesMoreThanItsBound) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    std::vector<size_t> sizes;
    for (int i = 0; i < 2000; ++i) {
      ASSERT_LE(Step(sizes, 1 + random.Below(random.OneIn(10) ? 3000 : 30)),
                kMergeSegmentsMax * kRowsMax);
    }
  }
}

TEST(CompactionTest, MassDeletionIsCleanedUpOverSeveralWrites) {
  std::vector<size_t> sizes(200, kRowsMax / 2 - 1);  // each was full and lost half of its rows
  size_t writes = 0;
  while (sizes.size() > 120) {
    ASSERT_LE(Step(sizes, 1), kMergeSegmentsMax * kRowsMax);
    ASSERT_LT(++writes, 200u);
  }
}

TEST(CompactionTest, FullSegmentsAreLeftAlone) {
  const std::vector<size_t> sizes(100, kRowsMax / 2 + 1);
  for (const auto& group : PlanMerges(sizes, kRowsMax)) EXPECT_EQ(group.size(), 1u);
}

}  // namespace
}  // namespace cordon
