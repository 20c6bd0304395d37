// Tokens of users: JWTs (RFC 7519) that a configured issuer has signed.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/identity/issuer.h"
#include "engine/identity/jwks.h"
#include "engine/policy/verified_user.h"

namespace cordon {

// Whether a bearer is to be judged as a token and not as an API key. Every key made by MakeKey is
// none: its secret is shorter than any signature that could be accepted.
bool LooksLikeToken(std::string_view bearer);

// Verifies tokens; nothing else makes a VerifiedUser. Thread-safe.
class TokenVerifier {
 public:
  // Begins to read the issuers' keys, and waits for the first read of each. Refused: what
  // CheckIssuers() refuses, and key files that cannot be read or hold no usable key. A URL that
  // does not answer yet is asked again; until it does, its issuer's tokens are refused.
  // At most `waiting_max` requests wait at once for keys that they name.
  static StatusOr<std::unique_ptr<TokenVerifier>> Open(std::vector<Issuer> issuers,
                                                       int waiting_max);

  // Whose token it is at the time `now`. UNAUTHENTICATED with the reason, which is for the log
  // alone: whoever sent the token learns none.
  StatusOr<std::shared_ptr<const VerifiedUser>> Verify(const std::string& token, Micros now) const;

  // What a user may do who calls with this token.
  std::shared_ptr<const Grant> GrantOf(const VerifiedUser& user) const;

 private:
  struct Trusted {
    Issuer issuer;
    std::unique_ptr<KeySet> keys;
  };

  TokenVerifier(std::vector<Issuer> issuers, int waiting_max);
  StatusOr<std::shared_ptr<const VerifiedUser>> Check(const std::string& token, Micros now) const;
  void Log(const Status& refused) const;

  mutable WaitingRoom room_;
  std::map<std::string, Trusted, std::less<>> by_iss_;
  mutable std::atomic<int64_t> logged_s_{0};
};

}  // namespace cordon
