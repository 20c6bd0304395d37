// These stand in for identity/, which alone may make proofs and is not linked into these tests.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "engine/policy/grant.h"
#include "engine/policy/verified_user.h"

namespace cordon {

class TokenVerifier {
 public:
  static std::shared_ptr<const VerifiedUser> Prove(UserClaims claims) {
    return std::shared_ptr<const VerifiedUser>(new VerifiedUser(std::move(claims)));
  }
};

class Authenticator {
 public:
  // `key_id` is the tenant's "key" if none is given.
  static Authenticated Prove(Grant grant, bool dev = false, const std::string& tenant = "default",
                             const std::string& key_id = "") {
    return {tenant, key_id.empty() ? tenant + ".key" : key_id,
            std::make_shared<const Grant>(std::move(grant)), dev};
  }
  // An application that forwards a user's token, or the user alone.
  static Authenticated Prove(Authenticated caller, UserClaims claims, bool forwards) {
    caller.user_ = TokenVerifier::Prove(std::move(claims));
    caller.forwards_ = forwards;
    return caller;
  }
};

// A service that may do everything, on a server with --dev.
inline Authenticated Anyone(const std::string& tenant = "default") {
  Grant grant;
  grant.principal = "service:app";
  grant.rights = Rights::All();
  grant.as_patterns = {"*"};
  grant.clearance = Clearance::All();
  grant.collections = {"*"};
  grant.destinations = {"dev"};
  return Authenticator::Prove(grant, /*dev=*/true, tenant);
}

}  // namespace cordon
