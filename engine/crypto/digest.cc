#include "engine/crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <climits>

#include "engine/base/check.h"

namespace cordon {

Digest Sha256(std::string_view bytes) {
  Digest digest;
  unsigned int size = 0;
  CORDON_CHECK(
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
  CORDON_CHECK(size == digest.size());
  return digest;
}

Digest HmacSha256(std::string_view key, std::string_view bytes) {
  CORDON_CHECK(key.size() <= INT_MAX);
  // HMAC() takes a null key for "the key of before": an empty key must still be a pointer.
  const char* key_data = key.empty() ? "" : key.data();
  Digest digest;
  unsigned int size = 0;
  CORDON_CHECK(HMAC(EVP_sha256(), key_data, static_cast<int>(key.size()),
                    reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    digest.data(), &size) != nullptr);
  CORDON_CHECK(size == digest.size());
  return digest;
}

Digest HmacSha256(const SecretKey& key, std::string_view bytes) {
  return HmacSha256(key.bytes(), bytes);
}

bool EqualConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool EqualConstantTime(const Digest& a, const Digest& b) {
  return EqualConstantTime(AsBytes(a), AsBytes(b));
}

SecretKey DeriveKey(const SecretKey& master, std::string_view purpose) {
  return SecretKey(HmacSha256(master, purpose));
}

}  // namespace cordon
