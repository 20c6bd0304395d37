// Ranks of a few numbers by comparing each with each, which takes less time than the branches that
// sorting mispredicts.
#pragma once

#include <cstddef>

namespace cordon {

// Few enough for that.
inline constexpr size_t kRanksMax = 32;

// above[i] = how many of the n ≤ kRanksMax numbers are greater than numbers[i]. No NaN. Both arrays
// have room for kRanksMax; beyond n, numbers are read and above is written, and mean nothing.
// Thread-safe.
void CountAbove(const double* numbers, size_t n, double* above);

}  // namespace cordon
