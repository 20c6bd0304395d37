// A 32-byte key that is wiped when it goes and never prints itself.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/base/status.h"

namespace cordon {

// Copyable; every copy wipes itself. Thread-safe to read.
class SecretKey {
 public:
  static constexpr size_t kBytes = 32;

  explicit SecretKey(const std::array<uint8_t, kBytes>& bytes) : bytes_(bytes) {}
  ~SecretKey();

  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;

  // INVALID_ARGUMENT unless `bytes` are exactly kBytes.
  static StatusOr<SecretKey> FromBytes(std::string_view bytes);

  // Fresh from the system's generator; UNAVAILABLE if that fails.
  static StatusOr<SecretKey> Generate();

  // Borrowed from this key.
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

 private:
  std::array<uint8_t, kBytes> bytes_;
};

}  // namespace cordon
