// Where the bytes of a long file go to, or come from, piece by piece.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

#include "engine/base/status.h"

namespace cordon {

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Status Write(std::string_view bytes) = 0;

  template <typename T>
  Status WriteAll(const T* values, size_t n) {
    static_assert(std::is_trivially_copyable_v<T>);
    return Write({reinterpret_cast<const char*>(values), n * sizeof(T)});
  }
  template <typename T>
  Status WriteAll(const std::vector<T>& values) {
    return WriteAll(values.data(), values.size());
  }
};

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Exactly `bytes`, or DATA_LOSS.
  virtual Status Read(void* to, size_t bytes) = 0;
  // How many are left: no count that a file tells of its own is believed beyond it.
  virtual uint64_t left() const = 0;
  // How many of the next `bytes` come without a copy on the way; at least one if there are any.
  virtual size_t AtOnce(size_t bytes) const { return bytes; }

  template <typename T>
  Status ReadAll(T* values, size_t n) {
    static_assert(std::is_trivially_copyable_v<T>);
    return Read(static_cast<void*>(values), n * sizeof(T));
  }
  // How many of the next `n` values, of which there is one, are best read at once: they stay in the
  // cache for what is done with them.
  template <typename T>
  size_t Some(size_t n) const {
    const size_t bytes = std::min(n, kCachedBytes / sizeof(T)) * sizeof(T);
    return std::max<size_t>(1, AtOnce(bytes) / sizeof(T));
  }
  // The next `n` values, into a vector or a string. DATA_LOSS before any memory is taken for what
  // is not there. Room is filled with zeros when it is made: some at a time, so that they are still
  // in the cache when they are read over.
  template <typename Values>
  Status ReadAll(size_t n, Values* values) {
    using T = typename Values::value_type;
    if (n > left() / sizeof(T)) return Status(StatusCode::kDataLoss, "index", "a file is cut off");
    values->clear();
    values->reserve(n);
    while (values->size() < n) {
      const size_t begin = values->size();
      const size_t some = Some<T>(n - begin);
      values->resize(begin + some);
      RETURN_IF_ERROR(ReadAll(values->data() + begin, some));
    }
    return OkStatus();
  }

 private:
  static constexpr size_t kCachedBytes = 1 << 20;
};

}  // namespace cordon
