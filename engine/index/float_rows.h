// Memory for vectors: rows of floats, or of the codes of floats (codes.h), in huge pages where that
// pays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace cordon {

// A row takes a multiple of this many elements: of floats one cache line, and no less than any SIMD
// register that the kernels use. The padding is zero, so kernels need no tail.
inline constexpr size_t kRowUnitFloats = 16;

// The elements from one row to the next.
constexpr size_t RowStride(size_t dimension) {
  return (dimension + kRowUnitFloats - 1) / kRowUnitFloats * kRowUnitFloats;
}

// `bytes` zeros, aligned to 64; null if there are none.
struct FreeRows {
  size_t mapped = 0;  // bytes; 0: the allocator's
  void operator()(void* memory) const;
};
std::unique_ptr<void, FreeRows> AllocateRows(size_t bytes);

// `rows` rows of `dimension` elements, zero at first, each aligned to kRowUnitFloats elements.
// Movable, not copyable.
template <typename Element>
class VectorRows {
 public:
  VectorRows() = default;
  VectorRows(size_t rows, size_t dimension)
      : stride_(RowStride(dimension)), memory_(AllocateRows(rows * stride_ * sizeof(Element))) {}

  Element* row(size_t i) { return static_cast<Element*>(memory_.get()) + i * stride_; }
  const Element* row(size_t i) const {
    return static_cast<const Element*>(memory_.get()) + i * stride_;
  }
  size_t stride() const { return stride_; }

 private:
  size_t stride_ = 0;
  std::unique_ptr<void, FreeRows> memory_;
};

using FloatRows = VectorRows<float>;
using CodeRows = VectorRows<int8_t>;

}  // namespace cordon
