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

// What the kernel gives is zero already. To fill an allocator's memory with zeros takes three times
// as long as to be given this, and a start takes gigabytes.
std::unique_ptr<void, FreeRows> MapRows(size_t bytes) {
  const size_t size = RoundUp(bytes, kHugePageBytes);
  const size_t more = size + kHugePageBytes;  // a whole page may begin anywhere in the first one
  void* const memory =
      mmap(nullptr, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  char* const given = static_cast<char*>(memory);
  const size_t before = RoundUp(reinterpret_cast<uintptr_t>(given), kHugePageBytes) -
                        reinterpret_cast<uintptr_t>(given);
  char* const begin = given + before;
  if (before > 0) munmap(given, before);
  munmap(begin + size, more - before - size);
  // A scan touches a new 4 KiB page every 130 ns: with huge pages the address lookups vanish. Whole
  // ones: what is left would take one more. Advice, so it may fail.
  madvise(begin, bytes / kHugePageBytes * kHugePageBytes, MADV_HUGEPAGE);
  return {begin, FreeRows{size}};
}

}  // namespace

std::unique_ptr<void, FreeRows> AllocateRows(size_t bytes) {
  if (bytes == 0) return nullptr;
  if (bytes >= kHugePageBytes) return MapRows(bytes);
  void* memory = std::aligned_alloc(kLineBytes, RoundUp(bytes, kLineBytes));
  if (memory == nullptr) throw std::bad_alloc();
  std::memset(memory, 0, bytes);
  return std::unique_ptr<void, FreeRows>(memory);
}

void FreeRows::operator()(void* memory) const {
  if (mapped == 0) return std::free(memory);
  munmap(memory, mapped);
}

}  // namespace cordon
