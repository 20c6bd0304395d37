// A random rotation, so that no coordinate of a vector says more than another: what 1-bit codes
// (bit_codes.h) need.
//
// Rounds of random sign flips and fast Hadamard transforms (Andoni et al. 2015), which cost
// d log d. A transform spans a power of two: where the dimension is none, rounds take the first and
// the last such part in turn, and a butterfly over the two halves mixes them (a step of Kac's
// walk). Every addition has one order, so that all instruction sets give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cordon {

// The numbers of a rotated vector: a multiple of what a step of the scan reads (bit_codes.h).
constexpr size_t RotatedSize(size_t dimension) { return (dimension + 15) / 16 * 16; }

// Immutable; thread-safe.
class Rotation {
 public:
  // Requires dimension ≥ 16.
  Rotation(size_t dimension, uint64_t seed);

  size_t dimension() const { return dimension_; }
  size_t size() const { return size_; }  // RotatedSize(dimension())
  uint64_t seed() const { return seed_; }

  // Writes the size() numbers of P (scale · vector) to `out`, aligned to 64 bytes. Keeps dot
  // products and distances up to rounding.
  void Apply(const float* vector, float scale, float* out) const;
  // The scalar twin: the same bits.
  void ApplyScalar(const float* vector, float scale, float* out) const;

 private:
  size_t dimension_;
  size_t size_;
  uint64_t seed_;
  size_t span_;               // of a transform
  std::vector<float> signs_;  // ±1, size() for each round
};

}  // namespace cordon
