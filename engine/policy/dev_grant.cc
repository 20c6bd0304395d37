#include "engine/policy/dev_grant.h"

namespace cordon {

Grant DevGrant() {
  Grant grant;
  grant.principal = "service:dev";
  grant.rights = Rights::All();
  grant.as_patterns = {std::string(kAnyName)};
  grant.clearance = Clearance::All();
  grant.collections = {std::string(kAnyName)};
  grant.destinations = {"dev", std::string(kAnyName)};
  return grant;
}

}  // namespace cordon
