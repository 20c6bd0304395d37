// Thousands of keys in 256 steps: by these the highest of all are found, without any of them being
// sorted. The same on every instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cordon {

// Numbers are looked at in this unit.
inline constexpr size_t kBinUnit = 32;

// bins[i] = 255 (keys[i] - least) / (most - least), rounded down, `least` and `most` of all keys; 0
// where these are as good as equal. `n`, a multiple of kBinUnit, is not 0. Keys and their
// differences are finite. Thread-safe, as all here.
void ToBins(const float* keys, size_t n, uint8_t* bins);
// How many bins are at least `least`. `n` is a multiple of kBinUnit.
size_t CountBins(const uint8_t* bins, size_t n, uint8_t least);
// Writes the places of bins from `least` to `most`, ascending, to `out`, which has room for all;
// returns their number. `n` is a multiple of kBinUnit.
size_t FindBins(const uint8_t* bins, size_t n, uint8_t least, uint8_t most, uint32_t* out);

// The scalar twins.
void ToBinsScalar(const float* keys, size_t n, uint8_t* bins);
size_t CountBinsScalar(const uint8_t* bins, size_t n, uint8_t least);
size_t FindBinsScalar(const uint8_t* bins, size_t n, uint8_t least, uint8_t most, uint32_t* out);

}  // namespace cordon
