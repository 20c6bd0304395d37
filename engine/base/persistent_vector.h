// An append-only sequence that is cheap to copy: versions share all full blocks.
//
// One writer appends to its own copy; readers keep theirs. A version never changes after it is
// copied, so that a View can pin it. What no other version holds is appended to in place.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/only_here.h"

namespace cordon {

template <typename T>
class PersistentVector {
 public:
  size_t size() const { return size_; }

  const T& operator[](size_t index) const {
    CORDON_CHECK(index < size_);
    return *(*blocks_[index / kBlock])[index % kBlock];
  }

  // Copies at most one block of pointers, the first time since this version was copied.
  void PushBack(T value) {
    auto item = std::make_shared<const T>(std::move(value));
    if (size_ % kBlock == 0) {
      blocks_.push_back(std::make_shared<Block>());
    } else if (!OnlyHere(blocks_.back())) {
      blocks_.back() = std::make_shared<Block>(*blocks_.back());
    }
    blocks_.back()->push_back(std::move(item));
    ++size_;
  }

 private:
  static constexpr size_t kBlock = 256;
  using Block = std::vector<std::shared_ptr<const T>>;

  std::vector<std::shared_ptr<Block>> blocks_;
  size_t size_ = 0;
};

}  // namespace cordon
