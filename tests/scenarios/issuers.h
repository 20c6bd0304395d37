// The issuers whose tokens every world accepts: of one the groups come from claims, of the other
// from the directory.
#pragma once

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "engine/identity/token.h"
#include "tests/security/forged_issuer.h"
#include "tests/security/token_forge.h"
#include "tests/store/scratch_directory.h"

namespace cordon {

class Issuers {
 public:
  Issuers() { std::ofstream(jwks_) << KeySetText({key_.Jwk("k")}); }

  StatusOr<std::unique_ptr<TokenVerifier>> Verifier() const {
    Issuer by_claims = Named("claims");
    by_claims.groups = Issuer::Groups();
    return TokenVerifier::Open({by_claims, Named("directory")}, /*waiting_max=*/1);
  }

  // A token of `issuer` with these claims, and those that make it good at the time `now`.
  std::string Token(const std::string& issuer, Members claims, Micros now) const {
    const int64_t now_s = now / 1'000'000;
    claims["iss"] = Quoted(IssOf(issuer));
    claims["aud"] = Quoted("cordon");
    claims["iat"] = std::to_string(now_s);
    claims["exp"] = std::to_string(now_s + 600);
    return TokenBy(key_, "k", claims);
  }

 private:
  static std::string IssOf(const std::string& name) { return "https://" + name + ".example.org"; }

  Issuer Named(const std::string& name) const {
    Issuer issuer = ForgedIssuer(name, IssOf(name), jwks_);
    issuer.grant.destinations = {"anywhere"};
    return issuer;
  }

  ScratchDirectory scratch_;
  const std::string jwks_ = scratch_ / "keys.json";
  const ForgeKey key_ = ForgeKey::Ec();
};

}  // namespace cordon
