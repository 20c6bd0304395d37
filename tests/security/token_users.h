// Users of a tenant who come with tokens of some issuers, alone or through an application.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "tests/security/draw.h"
#include "tests/security/mirrored_tenant.h"
#include "tests/security/token_entrance.h"

namespace cordon {

class TokenUsers {
 public:
  // Borrows both. The issuers say what the tenant's scheme, as it is now, can say.
  TokenUsers(Draw* draw, MirroredTenant* tenant);

  // The server has started again with other settings: an issuer is gone, or back, or its users are
  // believed something else.
  void Restart();

  // Most of them count for a while, and end while their users still ask.
  BroughtToken Bring();
  // For whom who brings it asks.
  std::string DrawAs(const BroughtToken& token);

  // What the user may do who comes alone with it.
  Credential Alone(const BroughtToken& token) const;
  StatusOr<Authenticated> Enter(const Authenticated& key, const BroughtToken& token) const {
    return entrance_.Enter(key, token);
  }
  const reference::Issuers& issuers() const { return model_; }

  // Who asks in the model, with the key alone or with a token beside it or in its stead.
  reference::Asker AskerOf(const reference::Key& key, const std::optional<BroughtToken>& token,
                           const std::string& as, const std::string& to, reference::Time now) const;

  // Tokens list a group that nobody else has named yet. Now it becomes a member of one that many
  // name, and its users of that one.
  void NameTheUnknown();

 private:
  TokenIssuer DrawIssuer();
  Strings DrawGroups();
  void Start();

  Draw& draw_;
  MirroredTenant& tenant_;
  TokenEntrance entrance_;
  std::map<std::string, TokenIssuer> configured_;
  reference::Issuers model_;  // of configured_
  size_t unknown_ = 0;        // how many groups have been named
};

}  // namespace cordon
