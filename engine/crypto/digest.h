// Digests and keyed digests, and the comparison that does not tell where two of them differ.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "engine/crypto/secret_key.h"

namespace cordon {

// 32 bytes: the result of SHA-256 or HMAC-SHA-256.
using Digest = std::array<uint8_t, 32>;

// The bytes of `digest`, borrowed from it.
inline std::string_view AsBytes(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// SHA-256 (FIPS 180-4). Thread-safe.
Digest Sha256(std::string_view bytes);

// HMAC-SHA-256 (RFC 2104). A key of any length works; one of 32 bytes is the normal one.
// Thread-safe.
Digest HmacSha256(std::string_view key, std::string_view bytes);
Digest HmacSha256(const SecretKey& key, std::string_view bytes);

// HMAC-SHA-256 with one key for many messages: what depends on the key alone is done once.
// Thread-safe.
class HmacKey {
 public:
  explicit HmacKey(std::string_view key);
  explicit HmacKey(const SecretKey& key) : HmacKey(key.bytes()) {}

  Digest Of(std::string_view bytes) const;

 private:
  struct Halves;
  struct Wipe {
    void operator()(Halves* halves) const;
  };

  std::unique_ptr<Halves, Wipe> halves_;  // never changes
};

// Whether `a` and `b` are the same bytes, in time that depends on their lengths only.
bool EqualConstantTime(std::string_view a, std::string_view b);
bool EqualConstantTime(const Digest& a, const Digest& b);

// A key for one purpose, HMAC(master, purpose): what one purpose reveals says nothing about
// another.
SecretKey DeriveKey(const SecretKey& master, std::string_view purpose);

}  // namespace cordon
