// Fears about the numbers of a file: that one is lost, so that an erasure passes the file by.
#include "engine/view/file_rows.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <vector>

#include "engine/base/random.h"

namespace cordon {
namespace {

TEST(SortedOnce, ANumberIsLost) {
  Random random(11);
  for (const uint64_t range : {1, 2, 63, 64, 65, 1000, 100'000, 1'000'000'000}) {
    for (const uint64_t first : {uint64_t{0}, uint64_t{12'345}, UINT64_MAX - range}) {
      std::vector<uint64_t> numbers;
      for (uint64_t n = random.Below(300); n > 0; --n) {
        numbers.push_back(first + random.Below(range));
      }
      const std::set<uint64_t> expected(numbers.begin(), numbers.end());
      EXPECT_EQ(SortedOnce(numbers), std::vector<uint64_t>(expected.begin(), expected.end()))
          << range << " from " << first;
    }
  }
  EXPECT_EQ(SortedOnce({UINT64_MAX, 0, UINT64_MAX}), (std::vector<uint64_t>{0, UINT64_MAX}));
}

}  // namespace
}  // namespace cordon
