// The public keys of an issuer (RFC 7517), and whether one of them signed a token (RFC 7515).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/identity/issuer.h"

namespace cordon {

// A key that may verify one kind of signature, the one that its own type is for. What a token says
// of itself chooses among keys, never what a key is used for.
struct PublicKey {
  std::string kid;
  TokenAlgorithm algorithm;
  std::string jwk;  // what a verification needs of it, and nothing that leads elsewhere
};

// The usable keys of a key set. Left out are keys without a `kid`, with one that another has for
// the same algorithm, for other uses than signatures, of other algorithms, with private parts, of
// fewer than limits::kRsaBitsMin bits, symmetric and malformed ones. INVALID_ARGUMENT if `text` is
// no key set.
StatusOr<std::vector<PublicKey>> ParseKeySet(std::string_view text);

// Whether `token`, three parts of base64url, names the key's algorithm and is signed by it. Nothing
// else in the token's header counts. Thread-safe.
bool IsSignedBy(const PublicKey& key, const std::string& token);

}  // namespace cordon
