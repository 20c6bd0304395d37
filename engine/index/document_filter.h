// Which documents a question is about, beside who may see them: the row bitmap of an AllowedSet.
//
// Documents are named by their numbers (document_numbers.h). A filter is worked out for 64
// documents at once, and only where a search comes by: a caller who may see ten rows pays for ten
// words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cordon {

// For one question and one thread: it remembers what it has worked out.
class DocumentFilter {
 public:
  // Of documents with numbers below `bound`; it admits none of the others.
  explicit DocumentFilter(size_t bound)
      : bound_(bound), known_((bound + 4095) / 4096), words_((bound + 63) / 64) {}
  virtual ~DocumentFilter() = default;

  bool Admits(uint32_t number) {
    const size_t w = number / 64;
    if (number >= bound_) return false;
    if ((known_[w / 64] >> (w % 64) & 1) == 0) {
      known_[w / 64] |= uint64_t{1} << (w % 64);
      words_[w] = Word(static_cast<uint32_t>(w));
    }
    return (words_[w] >> (number % 64) & 1) != 0;
  }

 private:
  // Bit i, of those below the bound: whether document 64 · w + i is admitted.
  virtual uint64_t Word(uint32_t w) const = 0;

  const size_t bound_;
  std::vector<uint64_t> known_;  // by word: whether it is worked out
  std::vector<uint64_t> words_;
};

}  // namespace cordon
