// Seeded random numbers for tests and benches: the same seed gives the same sequence everywhere.
// Secrets come from crypto/, never from here.
#pragma once

#include <cstdint>

namespace cordon {

// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // Uniform in [0, bound), bound > 0.
  uint64_t Below(uint64_t bound) { return Next() % bound; }

  // True once in `n` times.
  bool OneIn(uint64_t n) { return Below(n) == 0; }

  // Uniform in [0, 1).
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_;
};

}  // namespace cordon
