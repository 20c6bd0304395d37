// The entrance of a server for users who bring tokens: real keys, real signatures and the real
// verifier, with issuers as the model has them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/identity/api_key.h"
#include "tests/security/reference_token.h"
#include "tests/security/token_forge.h"
#include "tests/security/wire.h"
#include "tests/store/scratch_directory.h"

namespace cordon {

// An issuer, and what each of its users may do who comes alone: no name, no patterns, and the
// issuer's ceiling for a clearance.
struct TokenIssuer {
  reference::Issuer says;
  Credential users;
};

// A token, and what it is in the model.
struct BroughtToken {
  reference::Token says;
  std::string text;
};

class TokenEntrance {
 public:
  // Of one tenant; `now` is the server's clock.
  TokenEntrance(std::string tenant, bool dev, std::function<Micros()> now);

  // Starts, or starts again, with these issuers, by name.
  void Start(const std::map<std::string, TokenIssuer>& issuers);

  BroughtToken Sign(const reference::Token& token) const;

  // The user alone, or the holder of `key` with the user whose token it forwards, as a call of
  // theirs comes in.
  StatusOr<Authenticated> Enter(const Authenticated& key, const BroughtToken& token) const;

 private:
  Issuer Configured(const std::string& name, const TokenIssuer& issuer) const;

  const std::string tenant_;
  const bool dev_;
  const std::function<Micros()> now_;
  ScratchDirectory scratch_;
  const std::string jwks_ = scratch_ / "keys.json";
  const ForgeKey key_ = ForgeKey::Ed();
  std::unique_ptr<TokenVerifier> verifier_;
  std::unique_ptr<Authenticator> authenticator_;  // asks verifier_
};

}  // namespace cordon
