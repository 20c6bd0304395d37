#include "engine/index/float_rows.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <new>

namespace cordon {
namespace {

constexpr size_t kLineBytes = kRowUnitFloats * sizeof(float);
constexpr size_t kHugePageBytes = 2 << 20;  // x86-64 and AArch64 with 4 KiB base pages

size_t RoundUp(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

FloatRows::FloatRows(size_t rows, size_t dimension) : stride_(RowStride(dimension)) {
  const size_t bytes = rows * stride_ * sizeof(float);
  if (bytes == 0) return;
  // A scan touches a new 4 KiB page every 130 ns: with huge pages the address lookups vanish.
  const size_t alignment = bytes >= kHugePageBytes ? kHugePageBytes : kLineBytes;
  void* memory = std::aligned_alloc(alignment, RoundUp(bytes, kLineBytes));
  if (memory == nullptr) throw std::bad_alloc();
  floats_.reset(static_cast<float*>(memory));
  if (alignment == kHugePageBytes) madvise(memory, bytes, MADV_HUGEPAGE);  // advice: may fail
  std::memset(memory, 0, bytes);
}

void FloatRows::Free::operator()(float* floats) const { std::free(floats); }

}  // namespace cordon
