// Where the bytes of a long file go to, or come from, piece by piece.
#pragma once

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
  // The next `n` values. DATA_LOSS before any memory is taken for what is not there.
  template <typename T>
  Status ReadAll(size_t n, std::vector<T>* values) {
    if (n > left() / sizeof(T)) return Status(StatusCode::kDataLoss, "index", "a file is cut off");
    values->resize(n);
    return ReadAll(values->data(), n);
  }
};

}  // namespace cordon
