// Tokens of users: JWTs (RFC 7519) that a configured issuer has signed.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/crypto/digest.h"
#include "engine/identity/issuer.h"
#include "engine/identity/jwks.h"
#include "engine/policy/verified_user.h"

namespace cordon {

// Whether a bearer is to be judged as a token and not as an API key. Every key made by MakeKey is
// none: its secret is shorter than any signature that could be accepted.
bool LooksLikeToken(std::string_view bearer);

// Tokens that were verified a while ago. A signature costs more than most calls, and the same token
// comes with each of a user's. An entry answers for the same bytes only, while its key is published
// and at times when the token counts; the configuration never changes. Thread-safe.
class SeenTokens {
 public:
  struct Entry {
    Digest token;
    PublicKey key;  // that verified it
    Micros begins;  // the token counts from here to the user's expires()
    std::shared_ptr<const VerifiedUser> user;
  };

  std::shared_ptr<const Entry> Find(const Digest& token) const;
  void Add(std::shared_ptr<const Entry> entry);

 private:
  static constexpr size_t kEntries = 4096;  // users of an hour; some 4 MiB

  mutable std::mutex mutex_;
  std::array<std::shared_ptr<const Entry>, kEntries> entries_;  // by digest; guarded by mutex_
};

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

  // Whether a token that was verified before still counts.
  bool StillCounts(const SeenTokens::Entry& entry, Micros now) const;

  mutable WaitingRoom room_;
  std::map<std::string, Trusted, std::less<>> by_iss_;
  mutable SeenTokens seen_;
  mutable std::atomic<int64_t> logged_s_{0};
};

}  // namespace cordon
