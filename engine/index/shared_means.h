// Centroids that are no row's own. What a geometry keeps outlives the rows that it was made of, and
// an erasure does not change it: k-means gives a vector far from all others a list of its own,
// whose centroid is that vector.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/index/float_rows.h"

namespace cordon {

// A centroid is the mean of at least so many rows that differ by more than rounding: below it
// statistics offices do not publish a figure, as it may tell of one person.
inline constexpr size_t kRowsOfMeanMin = 5;

struct SharedMeans {
  FloatRows centroids;
  size_t lists;
  std::vector<uint32_t> rows;  // that lie about them, ascending
};

// The mean of the rows of each list, `nearest` being the lists of the rows, below `lists` (or
// negative: none). Lists with fewer than kRowsOfMeanMin different rows are left out with these
// rows. If that leaves none, there is one list, at zero, and all rows lie about it.
SharedMeans MeansOf(const FloatRows& rows, std::span<const int64_t> nearest, size_t size,
                    size_t lists);

}  // namespace cordon
