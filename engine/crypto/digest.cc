#include "engine/crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <string>

#include "engine/base/check.h"

namespace cordon {
namespace {

// To find an algorithm costs more than to digest a short message: it is done once.
const EVP_MD* Sha256Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
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

void HmacKey::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

HmacKey::Context HmacKey::Begin(std::string_view padded_key) {
  Context context(EVP_MD_CTX_new());
  CORDON_CHECK(context != nullptr);
  CORDON_CHECK(EVP_DigestInit_ex2(context.get(), Sha256Algorithm(), nullptr) == 1);
  CORDON_CHECK(EVP_DigestUpdate(context.get(), padded_key.data(), padded_key.size()) == 1);
  return context;
}

// RFC 2104: H(key ^ opad || H(key ^ ipad || bytes)).
HmacKey::HmacKey(std::string_view key) {
  constexpr size_t kBlockBytes = 64;
  const Digest digest = key.size() > kBlockBytes ? Sha256(key) : Digest();
  if (key.size() > kBlockBytes) key = AsBytes(digest);
  std::array<char, kBlockBytes> inner;
  std::array<char, kBlockBytes> outer;
  for (size_t i = 0; i < kBlockBytes; ++i) {
    const char byte = i < key.size() ? key[i] : '\0';
    inner[i] = static_cast<char>(byte ^ 0x36);
    outer[i] = static_cast<char>(byte ^ 0x5c);
  }
  inner_ = Begin({inner.data(), inner.size()});
  outer_ = Begin({outer.data(), outer.size()});
  OPENSSL_cleanse(inner.data(), inner.size());
  OPENSSL_cleanse(outer.data(), outer.size());
}

Digest HmacKey::Of(std::string_view bytes) const {
  const Context context(EVP_MD_CTX_new());
  Digest digest;
  CORDON_CHECK(context != nullptr);
  CORDON_CHECK(EVP_MD_CTX_copy_ex(context.get(), inner_.get()) == 1);
  CORDON_CHECK(EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1);
  CORDON_CHECK(EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1);
  CORDON_CHECK(EVP_MD_CTX_copy_ex(context.get(), outer_.get()) == 1);
  CORDON_CHECK(EVP_DigestUpdate(context.get(), digest.data(), digest.size()) == 1);
  CORDON_CHECK(EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1);
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
