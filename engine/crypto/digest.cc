#include "engine/crypto/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "engine/base/check.h"

namespace cordon {
namespace {

// To find an algorithm costs more than to digest a short message: it is done once.
const EVP_MD* Sha256Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  CORDON_CHECK(algorithm != nullptr);
  return algorithm;
}

EVP_MAC* HmacAlgorithm() {
  static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  CORDON_CHECK(algorithm != nullptr);
  return algorithm;
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

void HmacKey::Free::operator()(evp_mac_ctx_st* context) const { EVP_MAC_CTX_free(context); }

HmacKey::HmacKey(std::string_view key) : keyed_(EVP_MAC_CTX_new(HmacAlgorithm())) {
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  CORDON_CHECK(keyed_ != nullptr);
  // Without a pointer OpenSSL would take the key for not given.
  const char* const bytes = key.empty() ? "" : key.data();
  CORDON_CHECK(EVP_MAC_init(keyed_.get(), reinterpret_cast<const unsigned char*>(bytes), key.size(),
                            parameters) == 1);
}

Digest HmacKey::Of(std::string_view bytes) const {
  const Context context(EVP_MAC_CTX_dup(keyed_.get()));
  Digest digest;
  size_t size = 0;
  CORDON_CHECK(context != nullptr);
  CORDON_CHECK(EVP_MAC_update(context.get(), reinterpret_cast<const unsigned char*>(bytes.data()),
                              bytes.size()) == 1);
  CORDON_CHECK(EVP_MAC_final(context.get(), digest.data(), &size, digest.size()) == 1);
  CORDON_CHECK(size == digest.size());
  return digest;
}

Digest HmacSha256(std::string_view key, std::string_view bytes) { return HmacKey(key).Of(bytes); }

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
