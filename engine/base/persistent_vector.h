// An append-only sequence that is cheap to copy: versions share all blocks.
//
// One writer appends to its own copy; readers keep theirs. A version never changes after it is
// copied, so that a View can pin it. What it holds stands side by side in blocks, and what is
// appended to the end of one version is beyond the ends of those that share the block: it is made
// in place, and nothing ever moves. Only of two versions that are both appended to, the second
// copies its last block, as the place is taken.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/base/check.h"

namespace cordon {

template <typename T>
class PersistentVector {
 public:
  size_t size() const { return size_; }

  // Valid until this version is appended to or goes.
  const T& operator[](size_t index) const {
    CORDON_CHECK(index < size_);
    return (*blocks_[index / kBlock])[index % kBlock];
  }

  void PushBack(T value) {
    const size_t place = size_ % kBlock;
    if (place == 0) blocks_.push_back(std::make_shared<Block>());
    if (!blocks_.back()->Append(place, &value)) {
      blocks_.back() = std::make_shared<Block>(*blocks_.back(), place);
      CORDON_CHECK(blocks_.back()->Append(place, &value));
    }
    ++size_;
  }

 private:
  static constexpr size_t kBlock = 256;

  class Block {
   public:
    Block() {}
    // The first `count`. What is half made when there is no memory is destroyed: it is a Block by
    // then.
    Block(const Block& other, size_t count) : Block() {
      for (; taken_ < count; ++taken_) new (Place(taken_)) T(other[taken_]);
    }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    ~Block() {
      for (size_t i = 0; i < taken_; ++i) std::destroy_at(Place(i));
    }

    const T& operator[](size_t place) const {
      return *std::launder(reinterpret_cast<const T*>(&bytes_[place * sizeof(T)]));
    }
    // Moves `value` there unless the place is taken.
    bool Append(size_t place, T* value) {
      // A place that is taken holds an item, whatever happens.
      static_assert(std::is_nothrow_move_constructible_v<T>);
      if (!taken_.compare_exchange_strong(place, place + 1)) return false;
      new (Place(place)) T(std::move(*value));
      return true;
    }

   private:
    T* Place(size_t place) { return reinterpret_cast<T*>(&bytes_[place * sizeof(T)]); }

    std::atomic<size_t> taken_ = 0;
    alignas(T) std::byte bytes_[kBlock * sizeof(T)];
  };

  std::vector<std::shared_ptr<Block>> blocks_;
  size_t size_ = 0;
};

}  // namespace cordon
