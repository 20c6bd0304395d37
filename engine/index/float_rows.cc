#include "engine/index/float_rows.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <new>

namespace cordon {
namespace {

constexpr size_t kLineBytes = 64;
constexpr size_t kHugePageBytes = 2 << 20;  // x86-64 and AArch64 with 4 KiB base pages

size_t RoundUp(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

std::unique_ptr<void, FreeRows> AllocateRows(size_t bytes) {
  if (bytes == 0) return nullptr;
  // A scan touches a new 4 KiB page every 130 ns: with huge pages the address lookups vanish.
  const size_t alignment = bytes >= kHugePageBytes ? kHugePageBytes : kLineBytes;
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, RoundUp(bytes, kLineBytes)) != 0) throw std::bad_alloc();
  // Whole ones: what is left would take one more. Advice, so it may fail.
  if (alignment == kHugePageBytes) {
    madvise(memory, bytes / kHugePageBytes * kHugePageBytes, MADV_HUGEPAGE);
  }
  std::memset(memory, 0, bytes);
  return std::unique_ptr<void, FreeRows>(memory);
}

void FreeRows::operator()(void* memory) const { std::free(memory); }

}  // namespace cordon
