// What exact search is measured on: vectors of random directions in classes of Zipf sizes.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/random.h"
#include "engine/index/float_rows.h"

namespace cordon {

struct Options {
  size_t rows = 100'000;
  size_t dimension = 768;
  size_t classes = 1'000;
  size_t k = 10;
  size_t callers = 5;
  size_t rounds = 15;
  double seconds = 0.03;  // at least, of one method in one round
  uint64_t seed = 1;
  std::vector<double> permitted = {0.0001, 0.001, 0.01, 0.1, 0.5, 1.0};  // shares of the rows
  bool quick = false;
  std::string out;
};

// The stored vectors, each with its class.
struct Data {
  FloatRows vectors;
  std::vector<std::string> ids;       // by row
  std::vector<uint32_t> class_of;     // by row
  std::vector<size_t> rows_of_class;  // by class
};

// A random direction: sums of uniform numbers are near enough to Gaussian.
inline void FillDirection(Random& random, size_t dimension, float* out) {
  double square = 0;
  for (size_t i = 0; i < dimension; ++i) {
    double x = 0;
    for (uint64_t bits = random.Next(), part = 0; part < 4; ++part, bits >>= 16) {
      x += static_cast<double>(bits & 0xffff) - 32767.5;
    }
    out[i] = static_cast<float>(x);
    square += x * x;
  }
  const float scale = static_cast<float>(1 / std::sqrt(square));
  for (size_t i = 0; i < dimension; ++i) out[i] *= scale;
}

inline Data MakeData(const Options& options) {
  Random random(options.seed);
  Data data{FloatRows(options.rows, options.dimension), {}, {}, {}};
  for (size_t row = 0; row < options.rows; ++row) {
    FillDirection(random, options.dimension, data.vectors.row(row));
    data.ids.push_back(fmt::format("d{:07}", row));
  }
  double harmonic = 0;
  for (size_t c = 1; c <= options.classes; ++c) harmonic += 1.0 / static_cast<double>(c);
  for (uint32_t c = 0; c < options.classes; ++c) {
    const double share = 1 / (harmonic * (c + 1));
    data.rows_of_class.push_back(static_cast<size_t>(share * static_cast<double>(options.rows)));
    data.class_of.insert(data.class_of.end(), data.rows_of_class[c], c);
  }
  data.rows_of_class[0] += options.rows - data.class_of.size();
  data.class_of.resize(options.rows, 0);
  for (size_t i = options.rows; i > 1; --i) {
    std::swap(data.class_of[i - 1], data.class_of[random.Below(i)]);
  }
  return data;
}

}  // namespace cordon
