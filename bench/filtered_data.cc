#include "bench/filtered_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include "bench/ann_benchmark.h"
#include "bench/numpy.h"
#include "engine/base/random.h"

namespace cordon {
namespace {

StatusOr<Matrix> ReadImages(const std::string& path) {
  constexpr size_t kHeader = 16, kPixels = 784;
  ASSIGN_OR_RETURN(const std::string bytes, ReadUnpacked(path));
  if (bytes.size() < kHeader || (bytes.size() - kHeader) % kPixels != 0) {
    return Invalid("data", path + ": not images of 28 x 28");
  }
  Matrix matrix{(bytes.size() - kHeader) / kPixels, kPixels, {}};
  for (size_t i = 0; i < matrix.rows * kPixels; ++i) {
    matrix.values.push_back(static_cast<float>(static_cast<uint8_t>(bytes[kHeader + i])));
  }
  return matrix;
}

StatusOr<Matrix> ReadFvecs(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadUnpacked(path));
  int32_t columns = 0;
  if (bytes.size() >= 4) std::memcpy(&columns, bytes.data(), 4);
  const size_t row_bytes = 4 + static_cast<size_t>(std::max(columns, 0)) * 4;
  if (columns <= 0 || bytes.size() % row_bytes != 0) {
    return Invalid("data", path + ": not rows of one length");
  }
  Matrix matrix{bytes.size() / row_bytes, static_cast<size_t>(columns), {}};
  matrix.values.resize(matrix.rows * matrix.columns);
  for (size_t row = 0; row < matrix.rows; ++row) {
    std::memcpy(matrix.values.data() + row * matrix.columns, bytes.data() + row * row_bytes + 4,
                row_bytes - 4);
  }
  return matrix;
}

// 1,000 Gaussians of 24 latent dimensions, rotated into all, with a little noise.
Matrix MakeSynthetic(size_t rows, uint64_t seed) {
  constexpr size_t kDimension = 128, kLatent = 24, kCentres = 1000;
  Random random(seed);
  const auto gauss = [&] {
    return std::sqrt(-2 * std::log(1 - random.Unit())) * std::cos(2 * M_PI * random.Unit());
  };
  std::vector<float> basis(kLatent * kDimension), centres(kCentres * kLatent);
  for (float& x : basis) x = static_cast<float>(gauss() / std::sqrt(double{kDimension}));
  for (float& x : centres) x = static_cast<float>(gauss());
  Matrix matrix{rows, kDimension, std::vector<float>(rows * kDimension)};
  for (size_t row = 0; row < rows; ++row) {
    const float* centre = &centres[random.Below(kCentres) * kLatent];
    float* out = &matrix.values[row * kDimension];
    for (size_t l = 0; l < kLatent; ++l) {
      const float latent = centre[l] + static_cast<float>(0.35 * gauss());
      for (size_t i = 0; i < kDimension; ++i) out[i] += latent * basis[l * kDimension + i];
    }
    for (size_t i = 0; i < kDimension; ++i) out[i] += static_cast<float>(0.02 * gauss());
  }
  return matrix;
}

// Draws the held-out queries from `matrix`, if `queries` has none, and keeps the rest.
VectorSet ToSet(const std::string& name, Metric metric, const Matrix& matrix, const Matrix& queries,
                size_t rows_max, size_t queries_max, uint64_t seed) {
  std::vector<size_t> order(matrix.rows);
  std::iota(order.begin(), order.end(), 0);
  Random random(seed);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
  const bool drawn = queries.rows == 0;
  const size_t held =
      drawn ? std::min(queries_max, matrix.rows / 10) : std::min(queries_max, queries.rows);
  VectorSet set{name, metric, matrix.columns, 0, held, {}, FloatRows(held, matrix.columns)};
  for (size_t i = 0; i < held; ++i) {
    const float* from =
        drawn ? &matrix.values[order[i] * matrix.columns] : &queries.values[i * matrix.columns];
    std::copy_n(from, matrix.columns, set.held_out.row(i));
  }
  const size_t first = drawn ? held : 0;
  set.rows = std::min(rows_max, matrix.rows - first);
  set.base = FloatRows(set.rows, matrix.columns);
  for (size_t i = 0; i < set.rows; ++i) {
    std::copy_n(&matrix.values[order[first + i] * matrix.columns], matrix.columns, set.base.row(i));
  }
  if (metric != Metric::kCosine) return set;
  const auto normalise = [&](FloatRows& rows, size_t n) {
    for (size_t i = 0; i < n; ++i) {
      const double norm = Norm(rows.row(i), matrix.columns);
      for (size_t j = 0; j < matrix.columns && norm > 0; ++j) {
        rows.row(i)[j] = static_cast<float>(rows.row(i)[j] / norm);
      }
    }
  };
  normalise(set.base, set.rows);
  normalise(set.held_out, set.queries);
  return set;
}

}  // namespace

StatusOr<VectorSet> LoadVectors(const std::string& name, const std::string& shared, size_t rows_max,
                                size_t queries_max, uint64_t seed) {
  const std::string dir = shared + "/" + name + "/";
  Matrix base, queries;
  Metric metric = Metric::kCosine;
  if (name == "synthetic") {
    base = MakeSynthetic(rows_max + queries_max, seed);
  } else if (name.ends_with(".fvecs")) {
    metric = Metric::kL2;
    ASSIGN_OR_RETURN(base, ReadFvecs(name));
    ASSIGN_OR_RETURN(queries, ReadFvecs(name.substr(0, name.size() - 6) + ".query.fvecs"));
  } else if (name.ends_with(".hdf5")) {
    ASSIGN_OR_RETURN(AnnBenchmark read, ReadAnnBenchmark(name));
    base = std::move(read.train);
    queries = std::move(read.test);
    metric = read.metric;
  } else if (shared.empty()) {
    return Status(StatusCode::kNotFound, "data", "CORDON_SHARED_DATA is not set");
  } else if (name == "text-lsa384") {
    ASSIGN_OR_RETURN(base, ReadNumpy(dir + "base.i8.npy"));
    ASSIGN_OR_RETURN(queries, ReadNumpy(dir + "query.i8.npy"));
  } else if (name == "mnist784") {
    metric = Metric::kL2;
    ASSIGN_OR_RETURN(base, ReadImages(dir + "base-images-idx3-ubyte.gz"));
    ASSIGN_OR_RETURN(queries, ReadImages(dir + "query-images-idx3-ubyte.gz"));
  } else if (name == "stackexchange-bge-base") {
    ASSIGN_OR_RETURN(base, ReadNumpy(dir + "docs.f16.npy"));
  } else {
    ASSIGN_OR_RETURN(base, ReadNumpy(dir + "docs.f32.npy"));
  }
  if (base.rows < 2 || (queries.rows > 0 && queries.columns != base.columns)) {
    return Invalid("data", name + ": too few vectors, or queries of another dimension");
  }
  return ToSet(name, metric, base, queries, rows_max, queries_max, seed);
}

}  // namespace cordon
