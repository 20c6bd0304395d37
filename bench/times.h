// How long calls took.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

#include "engine/base/check.h"

namespace cordon::bench {

inline double MicrosSince(std::chrono::steady_clock::time_point start) {
  const auto took = std::chrono::steady_clock::now() - start;
  return std::chrono::duration<double, std::micro>(took).count();
}

// The value below which this part of them lies, 0 ≤ part ≤ 1; requires at least one.
inline double At(std::vector<double> values, double part) {
  CORDON_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(part * static_cast<double>(values.size() - 1))];
}

}  // namespace cordon::bench
