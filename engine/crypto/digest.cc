// What OpenSSL has deprecated since 3.0 in favour of EVP is the function itself, which EVP wraps:
// it needs no memory of its own, and no count of users that all threads share.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "engine/crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "engine/base/check.h"

namespace cordon {
namespace {

constexpr size_t kBlockBytes = SHA256_CBLOCK;
constexpr uint8_t kInnerPad = 0x36, kOuterPad = 0x5c;

// Takes `bytes` in and ends the digest; wipes `state`.
Digest Finish(SHA256_CTX* state, std::string_view bytes) {
  Digest digest;
  CORDON_CHECK(SHA256_Update(state, bytes.data(), bytes.size()) == 1);
  CORDON_CHECK(SHA256_Final(digest.data(), state) == 1);
  OPENSSL_cleanse(state, sizeof(*state));
  return digest;
}

// Sets `state` to what has taken in one half of the key.
void Begin(std::string_view key, uint8_t pad, SHA256_CTX* state) {
  std::array<char, kBlockBytes> padded{};  // no copy of the key is left behind
  std::copy(key.begin(), key.end(), padded.begin());
  for (char& c : padded) c = static_cast<char>(static_cast<uint8_t>(c) ^ pad);
  CORDON_CHECK(SHA256_Init(state) == 1);
  CORDON_CHECK(SHA256_Update(state, padded.data(), padded.size()) == 1);
  OPENSSL_cleanse(padded.data(), padded.size());
}

}  // namespace

Digest Sha256(std::string_view bytes) {
  SHA256_CTX state;
  CORDON_CHECK(SHA256_Init(&state) == 1);
  return Finish(&state, bytes);
}

struct HmacKey::Halves {
  SHA256_CTX inner, outer;
};

void HmacKey::Wipe::operator()(Halves* halves) const {
  OPENSSL_cleanse(halves, sizeof(*halves));
  delete halves;
}

HmacKey::HmacKey(std::string_view key) : halves_(new Halves) {
  Digest digest{};
  if (key.size() > kBlockBytes) {
    digest = Sha256(key);
    key = AsBytes(digest);
  }
  Begin(key, kInnerPad, &halves_->inner);
  Begin(key, kOuterPad, &halves_->outer);
  OPENSSL_cleanse(digest.data(), digest.size());
}

// RFC 2104 over OpenSSL's SHA-256: each passage that leaves costs two, and the digests of EVP and
// its HMAC allocate a context for each message, which takes longer than to digest a short one.
Digest HmacKey::Of(std::string_view bytes) const {
  SHA256_CTX state = halves_->inner;
  const Digest inner = Finish(&state, bytes);
  state = halves_->outer;
  return Finish(&state, AsBytes(inner));
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
