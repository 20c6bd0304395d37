// The type that keeps unchecked hits out of answers.
#pragma once

#include <utility>

namespace cordon {

// A T that the guard has cleared for one subject and destination at one View. Only Guard makes
// one; packing, journal and response accept nothing else.
template <typename T>
class Cleared {
 public:
  const T& operator*() const { return value_; }
  const T* operator->() const { return &value_; }
  // Gives the value away, for the response.
  T Take() && { return std::move(value_); }

 private:
  friend class Guard;
  explicit Cleared(T value) : value_(std::move(value)) {}

  T value_;
};

}  // namespace cordon
