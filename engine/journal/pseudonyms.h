// Stable names for people and documents that say nothing to whoever lacks the key, so that erasing
// someone leaves the journal's chain valid.
#pragma once

#include <string>
#include <string_view>

#include "engine/crypto/digest.h"

namespace cordon {

// Names of one tenant; another tenant's differ. Thread-safe.
class Pseudonyms {
 public:
  // `master` is the journal's key.
  Pseudonyms(const SecretKey& master, std::string_view tenant);

  // HMAC(key, kind NUL value) cut to 16 bytes, in hexadecimal: the same value always has the same
  // name, and the same value of another kind has another. `kind` holds no NUL.
  std::string Of(std::string_view kind, std::string_view value) const;

  // Keyed digest of a query's text or vector, in hexadecimal: equal queries show, texts do not.
  std::string Digest(std::string_view text) const;

 private:
  HmacKey names_;
  HmacKey digests_;
};

}  // namespace cordon
