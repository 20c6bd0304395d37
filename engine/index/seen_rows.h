// Which rows a search has read: a row is in two lists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cordon {

// A set of numbers by linear probing. Cleared without touching its memory. For one thread.
class SeenRows {
 public:
  SeenRows() : slots_(kFirst) {}

  void Clear() {
    size_ = 0;
    if (++turn_ == 0) {
      slots_.assign(slots_.size(), 0);
      turn_ = 1;
    }
  }

  // False if it was there.
  bool Add(uint32_t id) {
    if (2 * (size_ + 1) > slots_.size()) Grow();
    uint64_t& slot = slots_[Find(id)];
    if (slot == Entry(id)) return false;
    slot = Entry(id);
    ++size_;
    return true;
  }

 private:
  static constexpr size_t kFirst = 1024;  // a power of two

  uint64_t Entry(uint32_t id) const { return uint64_t{turn_} << 32 | id; }

  // The place of `id`, or where it belongs: an entry of another turn is free.
  size_t Find(uint32_t id) const {
    size_t i = (id * uint64_t{0x9e3779b97f4a7c15} >> 32) % slots_.size();
    while (slots_[i] >> 32 == turn_ && slots_[i] != Entry(id)) i = (i + 1) % slots_.size();
    return i;
  }

  void Grow() {
    std::vector<uint64_t> old(2 * slots_.size());
    old.swap(slots_);
    for (const uint64_t slot : old) {
      if (slot >> 32 == turn_) slots_[Find(static_cast<uint32_t>(slot))] = slot;
    }
  }

  std::vector<uint64_t> slots_;  // a power of two
  uint32_t turn_ = 1;
  size_t size_ = 0;
};

}  // namespace cordon
