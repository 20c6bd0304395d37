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

}  // namespace cordon
