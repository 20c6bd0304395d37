// A set of small numbers, such as the security classes that a caller may see.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/check.h"

namespace cordon {

// A fixed number of bits, all clear at first. What lies beyond the size is not in the set, so an
// unknown class is never allowed. A value; const calls are thread-safe.
class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(size_t size) : size_(size), words_((size + 63) / 64) {}

  // Bit i is bit i % 64 of word i / 64. Bits of the last word beyond `size` must be clear.
  static Bitmap FromWords(std::vector<uint64_t> words, size_t size) {
    CORDON_CHECK(words.size() == (size + 63) / 64);
    CORDON_CHECK(size % 64 == 0 || words.back() >> (size % 64) == 0);
    Bitmap bitmap;
    bitmap.size_ = size;
    bitmap.words_ = std::move(words);
    return bitmap;
  }

  size_t size() const { return size_; }

  bool Test(size_t i) const { return i < size_ && (words_[i / 64] >> (i % 64) & 1) != 0; }

  // Requires i < size().
  void Set(size_t i) {
    CORDON_CHECK(i < size_);
    words_[i / 64] |= uint64_t{1} << (i % 64);
  }

  // Sets the bits [begin, end). Requires end ≤ size().
  void SetRange(size_t begin, size_t end) {
    CORDON_CHECK(end <= size_);
    while (begin < end) {
      const size_t bits = std::min(end - begin, 64 - begin % 64);
      words_[begin / 64] |= ~uint64_t{0} >> (64 - bits) << begin % 64;
      begin += bits;
    }
  }

  // How many bits are set.
  size_t Count() const {
    size_t count = 0;
    for (uint64_t word : words_) {
      // Most words are empty, and without an instruction for it the count of one is slow.
      if (word != 0) count += static_cast<size_t>(std::popcount(word));
    }
    return count;
  }

  // How many of the bits [begin, end) are set. Requires end ≤ size().
  size_t CountIn(size_t begin, size_t end) const {
    CORDON_CHECK(end <= size_);
    size_t count = 0;
    while (begin < end) {
      const size_t bits = std::min(end - begin, 64 - begin % 64);
      const uint64_t word = words_[begin / 64] >> begin % 64;
      count += static_cast<size_t>(std::popcount(word << (64 - bits)));
      begin += bits;
    }
    return count;
  }

  std::span<const uint64_t> words() const { return words_; }

  // Calls visit(i) for every set bit, ascending.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (size_t w = 0; w < words_.size(); ++w) {
      for (uint64_t word = words_[w]; word != 0; word &= word - 1) {
        visit(w * 64 + static_cast<size_t>(std::countr_zero(word)));
      }
    }
  }

 private:
  size_t size_ = 0;
  std::vector<uint64_t> words_;
};

}  // namespace cordon
