// What a search looks for, in the form that kernels read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "engine/base/limits.h"
#include "engine/index/float_rows.h"
#include "engine/index/score.h"

namespace cordon {

// One query, for one search. 16 KiB: of the stack. Immutable.
class PaddedQuery {
 public:
  // Copies `vector`, 1 to limits::kDimensionMax finite floats that have this Norm().
  PaddedQuery(Metric metric, std::span<const float> vector, double norm)
      : metric_(metric), dimension_(vector.size()), stride_(RowStride(vector.size())), norm_(norm) {
    std::fill(std::copy(vector.begin(), vector.end(), vector_), vector_ + stride_, 0.0f);
  }
  PaddedQuery(const PaddedQuery&) = delete;
  PaddedQuery& operator=(const PaddedQuery&) = delete;

  Metric metric() const { return metric_; }
  size_t dimension() const { return dimension_; }
  size_t stride() const { return stride_; }
  double norm() const { return norm_; }
  // Aligned to 64 bytes, stride() floats, padded with zeros.
  const float* vector() const { return vector_; }

 private:
  const Metric metric_;
  const size_t dimension_;
  const size_t stride_;
  const double norm_;
  alignas(64) float vector_[RowStride(limits::kDimensionMax)];  // not cleared beyond stride_
};

}  // namespace cordon
