#include "engine/crypto/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <memory>

#include "engine/base/check.h"

namespace cordon {
namespace {

// To find an algorithm costs more than to digest a short message: it is done once.
const EVP_MD* Sha256Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  CORDON_CHECK(algorithm != nullptr);
  return algorithm;
}

struct FreeMac {
  void operator()(EVP_MAC_CTX* mac) const { EVP_MAC_CTX_free(mac); }  // wipes the key
};
using Mac = std::unique_ptr<EVP_MAC_CTX, FreeMac>;

// HMAC-SHA-256 without a key, to be copied.
Mac MakeHmac() {
  EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  CORDON_CHECK(algorithm != nullptr);
  Mac mac(EVP_MAC_CTX_new(algorithm));
  EVP_MAC_free(algorithm);
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};
  CORDON_CHECK(mac != nullptr && EVP_MAC_CTX_set_params(mac.get(), params) == 1);
  return mac;
}

const unsigned char* Bytes(std::string_view bytes) {
  // A null key means "the key of before": an empty one must still be a pointer.
  return reinterpret_cast<const unsigned char*>(bytes.empty() ? "" : bytes.data());
}

}  // namespace

Digest Sha256(std::string_view bytes) {
  Digest digest;
  unsigned int size = 0;
  CORDON_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, Sha256Algorithm(),
                          nullptr) == 1);
  CORDON_CHECK(size == digest.size());
  return digest;
}

Digest HmacSha256(std::string_view key, std::string_view bytes) {
  static const Mac prototype = MakeHmac();
  const Mac mac(EVP_MAC_CTX_dup(prototype.get()));
  Digest digest;
  size_t size = 0;
  CORDON_CHECK(mac != nullptr);
  CORDON_CHECK(EVP_MAC_init(mac.get(), Bytes(key), key.size(), nullptr) == 1);
  CORDON_CHECK(EVP_MAC_update(mac.get(), Bytes(bytes), bytes.size()) == 1);
  CORDON_CHECK(EVP_MAC_final(mac.get(), digest.data(), &size, digest.size()) == 1);
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
