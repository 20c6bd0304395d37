#include "engine/crypto/aead.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <climits>
#include <memory>

#include "engine/base/check.h"

namespace cordon {
namespace {

constexpr size_t kTagBytes = 16;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

const EVP_CIPHER* Algorithm() {
  static const EVP_CIPHER* const algorithm = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  CORDON_CHECK(algorithm != nullptr);
  return algorithm;
}

// One of each direction for a thread: to make one costs as much as to seal a short text.
EVP_CIPHER_CTX* Context(bool seal) {
  static thread_local std::unique_ptr<EVP_CIPHER_CTX, FreeContext> contexts[2];
  auto& context = contexts[seal ? 1 : 0];
  if (context == nullptr) {
    context.reset(EVP_CIPHER_CTX_new());
    CORDON_CHECK(context != nullptr);
    CORDON_CHECK(EVP_CipherInit_ex2(context.get(), Algorithm(), nullptr, nullptr, seal ? 1 : 0,
                                    nullptr) == 1);
  }
  return context.get();
}

const unsigned char* Bytes(std::string_view view) {
  return reinterpret_cast<const unsigned char*>(view.data());
}
unsigned char* Bytes(char* data) { return reinterpret_cast<unsigned char*>(data); }

// Takes the key and the place into `context`; the direction is its own.
void Begin(EVP_CIPHER_CTX* context, const SecretKey& key, const unsigned char* nonce,
           std::string_view place) {
  int size = 0;
  CORDON_CHECK(place.size() <= INT_MAX);
  CORDON_CHECK(EVP_CipherInit_ex2(context, nullptr, Bytes(key.bytes()), nonce, -1, nullptr) == 1);
  CORDON_CHECK(
      EVP_CipherUpdate(context, nullptr, &size, Bytes(place), static_cast<int>(place.size())) == 1);
}

thread_local size_t nonces_left = 0;  // of those that this thread has drawn

}  // namespace

// Many at a time for a thread: to ask for one costs as much as for all of them, and no less than to
// seal a short text. Each is given once: a process that is forked off draws its own.
StatusOr<SealNonce> RandomSealNonce() {
  static const int forks = pthread_atfork(nullptr, nullptr, [] { nonces_left = 0; });
  CORDON_CHECK(forks == 0);
  static thread_local std::array<SealNonce, 64> nonces;
  if (nonces_left == 0) {
    if (RAND_bytes(nonces.front().data(), static_cast<int>(sizeof(nonces))) != 1) {
      return Status(StatusCode::kUnavailable, "",
                    "the system's random number generator failed; try again");
    }
    nonces_left = nonces.size();
  }
  return nonces[--nonces_left];
}

SealNonce NonceAfter(const SealNonce& nonce, uint32_t steps) {
  SealNonce after = nonce;
  uint64_t carry = steps;
  for (size_t i = after.size(); i-- > 0 && carry > 0; carry >>= 8) {
    carry += after[i];
    after[i] = static_cast<uint8_t>(carry);
  }
  return after;
}

void SealText(const SecretKey& key, const SealNonce& nonce, std::string_view place,
              std::string_view text, std::string* sealed) {
  CORDON_CHECK(text.size() <= INT_MAX - kSealOverhead);
  EVP_CIPHER_CTX* const context = Context(/*seal=*/true);
  Begin(context, key, nonce.data(), place);
  const size_t at = sealed->size();
  sealed->append(reinterpret_cast<const char*>(nonce.data()), nonce.size());
  sealed->resize(at + kSealOverhead + text.size());
  char* const cipher = sealed->data() + at + kSealNonceBytes;
  int size = 0;
  CORDON_CHECK(EVP_CipherUpdate(context, Bytes(cipher), &size, Bytes(text),
                                static_cast<int>(text.size())) == 1);
  CORDON_CHECK(static_cast<size_t>(size) == text.size());
  CORDON_CHECK(EVP_CipherFinal_ex(context, Bytes(cipher + text.size()), &size) == 1);
  CORDON_CHECK(
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagBytes, cipher + text.size()) == 1);
}

bool OpenSealed(const SecretKey& key, std::string_view place, std::string_view sealed,
                std::string* text) {
  text->resize(sealed.size() - std::min(sealed.size(), kSealOverhead));
  if (OpenSealed(key, place, sealed, text->data())) return true;
  text->clear();  // of whatever it is, nothing is used
  return false;
}

bool OpenSealed(const SecretKey& key, std::string_view place, std::string_view sealed, char* text) {
  if (sealed.size() < kSealOverhead || sealed.size() > INT_MAX) return false;
  EVP_CIPHER_CTX* const context = Context(/*seal=*/false);
  Begin(context, key, Bytes(sealed), place);
  const std::string_view cipher = sealed.substr(kSealNonceBytes, sealed.size() - kSealOverhead);
  std::array<char, kTagBytes> tag;  // OpenSSL takes no constant one
  std::copy_n(sealed.end() - kTagBytes, kTagBytes, tag.begin());
  int size = 0;
  CORDON_CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1);
  CORDON_CHECK(EVP_CipherUpdate(context, Bytes(text), &size, Bytes(cipher),
                                static_cast<int>(cipher.size())) == 1);
  return EVP_CipherFinal_ex(context, Bytes(text) + size, &size) == 1;
}

}  // namespace cordon
