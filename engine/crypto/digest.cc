#include "engine/crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "engine/base/check.h"

namespace cordon {
namespace {

// To find an algorithm costs more than to digest a short message: it is done once.
const EVP_MD* Sha256Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  CORDON_CHECK(algorithm != nullptr);
  return algorithm;
}

constexpr size_t kBlockBytes = 64;  // of SHA-256
constexpr uint8_t kInnerPad = 0x36, kOuterPad = 0x5c;

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

HmacKey::Context HmacKey::Keyed(std::string_view block, uint8_t pad) {
  std::array<char, kBlockBytes> padded{};  // no copy of the key is left behind
  std::copy(block.begin(), block.end(), padded.begin());
  for (char& c : padded) c = static_cast<char>(static_cast<uint8_t>(c) ^ pad);
  Context context(EVP_MD_CTX_new());
  CORDON_CHECK(context != nullptr);
  CORDON_CHECK(EVP_DigestInit_ex2(context.get(), Sha256Algorithm(), nullptr) == 1);
  CORDON_CHECK(EVP_DigestUpdate(context.get(), padded.data(), padded.size()) == 1);
  OPENSSL_cleanse(padded.data(), padded.size());
  return context;
}

HmacKey::HmacKey(std::string_view key) {
  Digest digest{};
  if (key.size() > kBlockBytes) {
    digest = Sha256(key);
    key = AsBytes(digest);
  }
  inner_ = Keyed(key, kInnerPad);
  outer_ = Keyed(key, kOuterPad);
  OPENSSL_cleanse(digest.data(), digest.size());
}

// RFC 2104 over OpenSSL's SHA-256: its own HMAC takes three times as long for a short message, and
// each passage that leaves costs several. (It allocates a context, which cannot be used again
// without the key.)
Digest HmacKey::Of(std::string_view bytes) const {
  static thread_local const Context scratch(EVP_MD_CTX_new());
  CORDON_CHECK(scratch != nullptr);
  Digest digest;
  unsigned int size = 0;
  const auto finish = [&](const Context& keyed, std::string_view message) {
    CORDON_CHECK(EVP_MD_CTX_copy_ex(scratch.get(), keyed.get()) == 1);
    CORDON_CHECK(EVP_DigestUpdate(scratch.get(), message.data(), message.size()) == 1);
    CORDON_CHECK(EVP_DigestFinal_ex(scratch.get(), digest.data(), &size) == 1);
    CORDON_CHECK(size == digest.size());
  };
  finish(inner_, bytes);
  finish(outer_, AsBytes(digest));
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
