// API keys: "TENANT.ID.SECRET", of which the store keeps SHA-256(SECRET) only.
//
// A secret has 256 random bits, so that a plain digest cannot be searched; it is compared in
// constant time. A key belongs to exactly one tenant, which its text names.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/identity/token.h"
#include "engine/policy/grant.h"

namespace cordon {

// A new key: what the user gets and what the store keeps.
struct NewKey {
  std::string id;      // "TENANT.ID"
  std::string bearer;  // shown once
  std::string digest;  // of the secret
};

// Makes a key for `tenant`; UNAVAILABLE without randomness.
StatusOr<NewKey> MakeKey(std::string_view tenant);

// A new secret for the key `id`, whether or not there is one; UNAVAILABLE without randomness.
StatusOr<NewKey> RemakeKey(std::string_view id);

// The same with an id that MakeKey never gives; for the development key.
StatusOr<NewKey> MakeDevKey(std::string_view tenant);

// A bearer key taken apart; nothing if it is malformed. Borrows from `bearer`.
struct KeyParts {
  std::string_view tenant;
  std::string_view id;  // "TENANT.ID"
  std::string_view secret;
};
std::optional<KeyParts> ParseKey(std::string_view bearer);

// What the store knows of a key.
struct StoredKey {
  std::string digest;
  std::shared_ptr<const Grant> grant;
  std::string previous_digest = {};  // of the secret before, while that one is accepted as well
};

// The refusal of every caller who is not known, the same for every reason.
Status NotAuthenticated();

// What tokens of users are judged with. All outlive the Authenticator.
struct TokenGate {
  const TokenVerifier* verifier = nullptr;  // null: no token is accepted
  std::function<Micros()> now;
  std::function<bool(std::string_view)> has_tenant;
};

// Turns credentials into Authenticated; nothing else can. Thread-safe.
class Authenticator {
 public:
  // The stored key, from the newest state: a revoked or expired one is gone at once.
  using FindKey =
      std::function<std::optional<StoredKey>(std::string_view tenant, std::string_view id)>;

  // `dev_key` is the bearer of the development key, if the server runs with --dev.
  Authenticator(FindKey find_key, std::optional<std::string> dev_key);

  // From now on tokens are accepted, too. To be called before the first Authenticate().
  void AcceptTokens(TokenGate tokens) { tokens_ = std::move(tokens); }

  // `header` is the value of `authorization`: a key, or the token of a user who calls without an
  // application. UNAUTHENTICATED, the same for every reason.
  StatusOr<Authenticated> Authenticate(std::string_view header) const;

  // The same application with the user whose own token it forwards. Whether it may act for users
  // is judged where it does (ResolveSubject). UNAUTHENTICATED, the same for every reason: a token
  // that is not good, or of another tenant, or beside a caller's own. It never raises the caller.
  StatusOr<Authenticated> Forwarding(Authenticated caller, std::string_view token) const;

 private:
  // Null for whatever is no good token.
  std::shared_ptr<const VerifiedUser> UserOf(std::string_view token) const;
  std::optional<StoredKey> Find(const KeyParts& parts) const;

  const FindKey find_key_;
  bool dev_ = false;
  std::string dev_id_;
  StoredKey dev_key_;
  TokenGate tokens_;
};

}  // namespace cordon
