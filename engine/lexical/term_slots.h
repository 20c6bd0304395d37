// Where a segment finds its terms again: a table of their hashes with open addressing, at most half
// full.
//
// A slot holds the place of its term + 1, or 0, in as many bits as choose a slot, and above them
// the bits of the term's hash that chose none: terms that only meet in the table are told apart
// without a look at them.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace cordon {

class TermSlots {
 public:
  explicit TermSlots(size_t terms = 0)
      : slots_(std::max(kLeast, std::bit_ceil(2 * terms + 1))),
        mask_(static_cast<uint32_t>(slots_.size() - 1)) {}

  // How many terms there is room for.
  size_t room() const { return slots_.size() / 2; }
  size_t bytes() const { return slots_.size() * sizeof(uint32_t); }

  // The place of the term with this hash that is(place) tells to be the one; nothing if none is.
  template <typename Is>
  std::optional<uint32_t> Find(uint32_t hash, Is is) const {
    for (uint32_t at = hash & mask_;; at = (at + 1) & mask_) {
      const uint32_t slot = slots_[at];
      if (slot == 0) return std::nullopt;
      if (((slot ^ hash) & ~mask_) == 0 && is((slot & mask_) - 1)) return (slot & mask_) - 1;
    }
  }

  // Adds a term that is not there, at a place below room().
  void Put(uint32_t hash, uint32_t place) {
    uint32_t at = hash & mask_;
    while (slots_[at] != 0) at = (at + 1) & mask_;
    slots_[at] = (hash & ~mask_) | (place + 1);
  }

 private:
  static constexpr size_t kLeast = 1024;

  std::vector<uint32_t> slots_;  // a power of two
  uint32_t mask_;
};

}  // namespace cordon
