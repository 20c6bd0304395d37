// The fear about MergeRuns(): that what it sorts is not what a stable sort makes of it, whatever
// runs it comes in.
#include "engine/lexical/merge_runs.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "engine/base/random.h"

namespace cordon {
namespace {

TEST(MergeRuns, IsAStableSort) {
  Random random(1);
  using Value = std::pair<uint64_t, size_t>;  // to sort by, and where it was
  const auto less = [](const Value& a, const Value& b) { return a.first < b.first; };
  std::vector<Value> left;
  for (int round = 0; round < 300; ++round) {
    const size_t runs = random.Below(9), longest = 1 + random.Below(40);
    std::vector<Value> values;
    for (size_t run = 0; run < runs; ++run) {
      uint64_t value = random.Below(60);
      for (size_t n = random.Below(longest); n > 0; --n) {
        values.emplace_back(value, values.size());
        value += random.Below(3);
      }
    }
    std::vector<Value> sorted = values;
    std::stable_sort(sorted.begin(), sorted.end(), less);
    MergeRuns(std::span(values), &left, less);
    EXPECT_EQ(values, sorted);
  }
}

}  // namespace
}  // namespace cordon
