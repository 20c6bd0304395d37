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

  template <typename T>
  Status ReadAll(T* values, size_t n) {
    static_assert(std::is_trivially_copyable_v<T>);
    return Read(static_cast<void*>(values), n * sizeof(T));
  }
  // The next `n` values, into a vector or a string. DATA_LOSS before any memory is taken for what
  // is not there. Room is filled with zeros when it is made: some at a time, so that they are still
  // in the cache when they are read over.
  template <typename Values>
  Status ReadAll(size_t n, Values* values) {
    constexpr size_t kAtOnce = kBytesAtOnce / sizeof(typename Values::value_type);
    if (n > left() / sizeof(typename Values::value_type)) {
      return Status(StatusCode::kDataLoss, "index", "a file is cut off");
    }
    values->clear();
    values->reserve(n);
    for (size_t begin = 0; begin < n; begin = values->size()) {
      values->resize(std::min(n, begin + kAtOnce));
      RETURN_IF_ERROR(ReadAll(values->data() + begin, values->size() - begin));
    }
    return OkStatus();
  }

 private:
  static constexpr size_t kBytesAtOnce = 1 << 20;
};

}  // namespace cordon
