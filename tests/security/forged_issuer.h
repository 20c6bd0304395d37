// An issuer of which a test has the keys.
#pragma once

#include <string>

#include "engine/identity/token.h"

namespace cordon {

// One whose users may ask for everything in the tenant `default`, with ES256 and the public keys of
// the file `jwks`; destinations are the caller's to add.
inline Issuer ForgedIssuer(const std::string& name, const std::string& iss,
                           const std::string& jwks) {
  Issuer issuer;
  issuer.name = name;
  issuer.iss = iss;
  issuer.tenant = "default";
  issuer.audiences = {"cordon"};
  issuer.algorithms = {TokenAlgorithm::kEs256};
  issuer.jwks = jwks;
  issuer.grant.rights.Add(Right::kQuery);
  issuer.grant.clearance = Clearance::All();
  issuer.grant.collections = {"*"};
  return issuer;
}

}  // namespace cordon
