// Encryption that also says who wrote a text and where it belongs: AES-256-GCM (NIST SP 800-38D).
//
// A sealed text is `nonce (12) ‖ ciphertext ‖ tag (16)`. What it is bound to (`place`) is not in
// it: a text that is opened in another place, or with another key, does not open.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/crypto/secret_key.h"

namespace cordon {

inline constexpr size_t kSealNonceBytes = 12;
inline constexpr size_t kSealOverhead = kSealNonceBytes + 16;

// Never twice with one key: two texts under the same nonce betray each other, and the key's
// authenticity. Random ones may be drawn for 2^32 texts of a key (SP 800-38D, section 8.3).
using SealNonce = std::array<uint8_t, kSealNonceBytes>;

// Fresh from the system's generator; UNAVAILABLE if that fails.
StatusOr<SealNonce> RandomSealNonce();

// The nonce that lies `steps` behind: one draw serves texts that are written together.
SealNonce NonceAfter(const SealNonce& nonce, uint32_t steps);

// Appends `text`, sealed, to `sealed`. Thread-safe.
void SealText(const SecretKey& key, const SealNonce& nonce, std::string_view place,
              std::string_view text, std::string* sealed);

// Sets `text` to what was sealed with this key for this place; false if that is not so.
// Thread-safe.
[[nodiscard]] bool OpenSealed(const SecretKey& key, std::string_view place, std::string_view sealed,
                              std::string* text);
// The same, into room for sealed.size() - kSealOverhead bytes, of which nothing may be used if it
// is false.
[[nodiscard]] bool OpenSealed(const SecretKey& key, std::string_view place, std::string_view sealed,
                              char* text);

}  // namespace cordon
