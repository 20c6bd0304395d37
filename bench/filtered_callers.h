// Who may see what in the bench of filtered search: classes over the rows, and callers who may see
// some of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/filtered_data.h"
#include "engine/base/random.h"
#include "engine/index/scan.h"

namespace cordon {

// How what a caller may see lies to its queries.
enum class Correlation { kNone, kPositive, kNegative };

struct Classes {
  std::vector<uint32_t> of_row;
  size_t count = 0;
  std::vector<std::vector<uint32_t>> rows;  // by class
  std::vector<std::vector<float>> centres;  // by class; only if they follow neighbourhoods
};

// Zipf sizes. Random over the rows, or of neighbours.
Classes MakeClasses(const VectorSet& set, size_t count, bool neighbours, Random& random);

// One caller and the queries that it asks.
struct FilteredCaller {
  AllowedSet allowed;
  std::vector<uint32_t> rows;                // permitted, ascending
  std::vector<uint8_t> bitmap;               // by row
  std::vector<uint32_t> queries;             // of the held-out ones
  std::vector<std::vector<uint32_t>> truth;  // by query, the best k, ascending
};

FilteredCaller MakeCaller(const VectorSet& set, const Classes& classes, double fraction,
                          Correlation correlation, size_t queries, Random& random);

}  // namespace cordon
