// Memory for vectors: rows of floats that start on cache lines, in huge pages where that pays.
#pragma once

#include <cstddef>
#include <memory>

namespace cordon {

// A row takes a multiple of this many floats: one cache line, and no less than any SIMD register
// that the kernels use. The padding is zero, so kernels need no tail.
inline constexpr size_t kRowUnitFloats = 16;

// The floats from one row to the next.
constexpr size_t RowStride(size_t dimension) {
  return (dimension + kRowUnitFloats - 1) / kRowUnitFloats * kRowUnitFloats;
}

// `rows` rows of `dimension` floats, zero at first, each aligned to 64 bytes. Movable, not
// copyable.
class FloatRows {
 public:
  FloatRows() = default;
  FloatRows(size_t rows, size_t dimension);

  float* row(size_t i) { return floats_.get() + i * stride_; }
  const float* row(size_t i) const { return floats_.get() + i * stride_; }
  size_t stride() const { return stride_; }

 private:
  struct Free {
    void operator()(float* floats) const;
  };
  size_t stride_ = 0;
  std::unique_ptr<float[], Free> floats_;
};

}  // namespace cordon
