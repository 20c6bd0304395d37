#include "engine/crypto/secret_key.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>

#include "engine/crypto/random_bytes.h"

namespace cordon {

SecretKey::~SecretKey() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

StatusOr<SecretKey> SecretKey::FromBytes(std::string_view bytes) {
  if (bytes.size() != kBytes) {
    return Invalid("key", fmt::format("a key has {} bytes, not {}", kBytes, bytes.size()));
  }
  std::array<uint8_t, kBytes> array;
  std::copy(bytes.begin(), bytes.end(), array.begin());
  return SecretKey(array);
}

StatusOr<SecretKey> SecretKey::Generate() {
  ASSIGN_OR_RETURN(const std::string bytes, RandomBytes(kBytes));
  return FromBytes(bytes);
}

}  // namespace cordon
