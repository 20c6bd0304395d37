// What exact search is measured on: vectors of random directions in classes of Zipf sizes; and
// callers who may see some of the classes.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/random.h"
#include "engine/index/float_rows.h"
#include "engine/index/vector_index.h"

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

// All of them but `callers`.
inline void AddOptions(CLI::App& app, Options* options) {
  app.add_option("--rows", options->rows)->check(CLI::Range(1000, 10'000'000));
  app.add_option("--dim", options->dimension)->check(CLI::Range(1, 4096));
  app.add_option("--classes", options->classes)->check(CLI::Range(30, 1'000'000));
  app.add_option("--k", options->k)->check(CLI::Range(1, 1000));
  app.add_option("--rounds", options->rounds)->check(CLI::Range(1, 10'000));
  app.add_option("--seconds", options->seconds, "of one method in one round, at least");
  app.add_option("--permitted", options->permitted, "shares of the rows, from 0 to 1")
      ->delimiter(',')
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--seed", options->seed);
  app.add_flag("--quick", options->quick, "10,000 rows and short rounds: to see that it works");
  app.add_option("--out", options->out, "writes the figures to this JSON file");
}

// What `quick` stands for.
inline void MakeQuick(Options* options, size_t rounds) {
  options->rows = std::min<size_t>(options->rows, 10'000);
  options->rounds = rounds;
  options->seconds = 0.003;
}

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

// As at a start.
inline VectorIndex BuildIndex(const Options& options, const Data& data) {
  VectorIndexBuilder builder(VectorIndex(options.dimension, Metric::kCosine));
  for (size_t row = 0; row < options.rows; ++row) {
    DocumentChange change;
    change.document = data.ids[row];
    change.rows = {{0, data.class_of[row], data.vectors.row(row)}};
    builder.Add(change);
  }
  return builder.Finish();
}

// Takes classes in random order while they fit into the share of the rows.
inline Bitmap DrawClasses(const Options& options, const Data& data, double share, Random& random) {
  std::vector<uint32_t> order(options.classes);
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
  Bitmap classes(options.classes);
  const auto wanted = static_cast<size_t>(share * static_cast<double>(options.rows) + 0.5);
  size_t taken = 0;
  for (const uint32_t c : order) {
    if (taken + data.rows_of_class[c] > wanted) continue;
    classes.Set(c);
    taken += data.rows_of_class[c];
  }
  // No class is that small: one of the smallest, another one for each caller.
  if (taken == 0) classes.Set(options.classes - 1 - random.Below(20));
  return classes;
}

}  // namespace cordon
