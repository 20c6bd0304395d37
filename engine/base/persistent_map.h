// A map from small numbers to values that is cheap to copy: versions share all that is the same.
//
// One writer changes its own copy; readers keep theirs. A version never changes after it is copied,
// so that a View can pin it. What no other version holds is changed in place.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/only_here.h"

namespace cordon {

template <typename T>
class PersistentMap {
 public:
  // Null if there is none.
  const T* Find(uint32_t key) const {
    if (!blocks_ || key / kBlock >= blocks_->size()) return nullptr;
    const Block* block = (*blocks_)[key / kBlock].get();
    return block == nullptr ? nullptr : (*block)[key % kBlock].get();
  }

  // The value, made by T() if there is none; valid until the map is next changed or copied.
  T& Mutable(uint32_t key) {
    std::shared_ptr<T>& value = Slot(key);
    if (!value) {
      value = std::make_shared<T>();
    } else if (!OnlyHere(value)) {
      value = std::make_shared<T>(*value);
    }
    return *value;
  }

  void Erase(uint32_t key) {
    if (Find(key) != nullptr) Slot(key).reset();
  }

  // Calls visit(key, value) for each, by key.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (size_t b = 0; blocks_ && b < blocks_->size(); ++b) {
      const Block* block = (*blocks_)[b].get();
      for (size_t i = 0; block != nullptr && i < kBlock; ++i) {
        if ((*block)[i]) visit(static_cast<uint32_t>(b * kBlock + i), *(*block)[i]);
      }
    }
  }

 private:
  static constexpr size_t kBlock = 128;
  using Block = std::array<std::shared_ptr<T>, kBlock>;
  using Blocks = std::vector<std::shared_ptr<Block>>;

  std::shared_ptr<T>& Slot(uint32_t key) {
    if (!blocks_) blocks_ = std::make_shared<Blocks>();
    if (!OnlyHere(blocks_)) blocks_ = std::make_shared<Blocks>(*blocks_);
    if (key / kBlock >= blocks_->size()) blocks_->resize(key / kBlock + 1);
    std::shared_ptr<Block>& block = (*blocks_)[key / kBlock];
    if (!block) block = std::make_shared<Block>();
    if (!OnlyHere(block)) block = std::make_shared<Block>(*block);
    return (*block)[key % kBlock];
  }

  std::shared_ptr<Blocks> blocks_;  // null: empty
};

}  // namespace cordon
