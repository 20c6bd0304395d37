// Stands in for identity/, which alone may make proofs and is not linked into these tests.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "engine/policy/grant.h"

namespace cordon {

class Authenticator {
 public:
  static Authenticated Prove(Grant grant, bool dev = false, const std::string& tenant = "default") {
    return {tenant, tenant + ".key", std::make_shared<const Grant>(std::move(grant)), dev};
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
