// A user whose own token was verified: what the decision reads of its claims.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "engine/policy/label.h"

namespace cordon {

// What a token says of its user, in the words of the issuer's configuration.
struct UserClaims {
  std::string tenant;     // the issuer's
  std::string issuer;     // the configured name
  std::string principal;  // user:…
  // The groups and roles that the token lists, sorted, without repeats. Absent: those of the
  // directory.
  std::optional<std::vector<std::string>> groups;
  std::optional<Clearance> clearance;  // absent: the directory's, or the tenant's default
  Clearance ceiling;                   // none of the issuer's users has more
  Micros expires = 0;                  // the first moment at which the token no longer counts
  std::string digest;                  // SHA-256 of the token: its name where it must not be shown
};

// Proof that a token was verified. Only identity/ can make one. Immutable.
class VerifiedUser {
 public:
  const std::string& tenant() const { return claims_.tenant; }
  const std::string& issuer() const { return claims_.issuer; }
  const std::string& principal() const { return claims_.principal; }
  const std::optional<std::vector<std::string>>& groups() const { return claims_.groups; }
  const std::optional<Clearance>& clearance() const { return claims_.clearance; }
  const Clearance& ceiling() const { return claims_.ceiling; }
  Micros expires() const { return claims_.expires; }
  const std::string& digest() const { return claims_.digest; }

 private:
  friend class TokenVerifier;
  explicit VerifiedUser(UserClaims claims) : claims_(std::move(claims)) {}

  UserClaims claims_;
};

}  // namespace cordon
