// Medians of interleaved rounds, with the interval in which the median probably lies.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "engine/base/random.h"

namespace cordon {

struct Estimate {
  double median = 0;
  double low = 0;  // 95 % of bootstrapped medians lie in [low, high]
  double high = 0;
};

inline double MedianOf(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

// Requires at least one value. The same values give the same estimate.
inline Estimate EstimateOf(const std::vector<double>& values) {
  constexpr size_t kResamples = 1000;
  Random random(1);
  std::vector<double> medians;
  std::vector<double> resample(values.size());
  for (size_t i = 0; i < kResamples; ++i) {
    for (double& value : resample) value = values[random.Below(values.size())];
    medians.push_back(MedianOf(resample));
  }
  std::sort(medians.begin(), medians.end());
  return {MedianOf(values), medians[kResamples * 25 / 1000], medians[kResamples * 975 / 1000]};
}

// Every figure times `unit`.
inline std::string ToJson(const Estimate& e, double unit = 1) {
  return fmt::format(R"({{"median":{:.5g},"low":{:.5g},"high":{:.5g}}})", e.median * unit,
                     e.low * unit, e.high * unit);
}

}  // namespace cordon
