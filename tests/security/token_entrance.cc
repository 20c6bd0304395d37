#include "tests/security/token_entrance.h"

#include <fstream>
#include <string_view>
#include <vector>

#include "tests/security/forged_issuer.h"

namespace cordon {
namespace {

constexpr char kNameOfTheKey[] = "k";
constexpr std::string_view kOfUsers = "user:";

std::string IssOf(const std::string& issuer) { return "https://" + issuer; }

int InSeconds(reference::Time time) { return static_cast<int>(time / 1'000'000); }

std::string NumericDate(reference::Time time) { return std::to_string(time / 1'000'000); }

std::string ListOf(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ",") + Quoted(name);
  return "[" + text + "]";
}

}  // namespace

TokenEntrance::TokenEntrance(std::string tenant, bool dev, std::function<Micros()> now)
    : tenant_(std::move(tenant)), dev_(dev), now_(std::move(now)) {
  std::ofstream(jwks_) << KeySetText({key_.Jwk(kNameOfTheKey)});
}

Issuer TokenEntrance::Configured(const std::string& name, const TokenIssuer& issuer) const {
  Issuer configured = ForgedIssuer(name, IssOf(name), jwks_);
  configured.tenant = issuer.says.elsewhere ? "elsewhere" : tenant_;
  configured.algorithms = {TokenAlgorithm::kEdDsa};
  configured.clock_skew_s = InSeconds(issuer.says.skew);
  configured.max_age_s = InSeconds(issuer.says.age);
  configured.principal_prefix = kOfUsers;
  if (issuer.says.group_prefix)
    configured.groups = Issuer::Groups{"groups", *issuer.says.group_prefix};
  if (issuer.says.clearances) {
    configured.clearance = Issuer::ClearanceClaim{"badge", {}};
    for (const auto& [badge, clearance] : *issuer.says.clearances) {
      configured.clearance->values[badge] = ToClearance(clearance);
    }
  }
  configured.grant = ToGrant(issuer.users);
  return configured;
}

void TokenEntrance::Start(const std::map<std::string, TokenIssuer>& issuers) {
  std::vector<Issuer> configured;
  for (const auto& [name, issuer] : issuers) configured.push_back(Configured(name, issuer));
  authenticator_.reset();
  verifier_.reset();
  auto opened = TokenVerifier::Open(std::move(configured), /*waiting_max=*/1);
  CORDON_CHECK(opened.ok());
  verifier_ = *std::move(opened);
  authenticator_ = std::make_unique<Authenticator>(
      [](std::string_view, std::string_view) { return std::optional<StoredKey>(); }, DevKey(dev_));
  authenticator_->AcceptTokens(
      {verifier_.get(), now_, [this](std::string_view tenant) { return tenant == tenant_; }});
}

BroughtToken TokenEntrance::Sign(const reference::Token& token) const {
  Members claims = {{"iss", Quoted(IssOf(token.issuer))},
                    {"sub", Quoted(token.user.substr(kOfUsers.size()))},
                    {"aud", "\"cordon\""},
                    {"iat", NumericDate(token.issued)},
                    {"exp", NumericDate(token.expires)}};
  if (token.not_before) claims["nbf"] = NumericDate(*token.not_before);
  if (token.groups) claims["groups"] = ListOf(*token.groups);
  if (token.overage) claims["hasgroups"] = "true";
  if (token.clearance) claims["badge"] = Quoted(*token.clearance);
  return {token, TokenBy(key_, kNameOfTheKey, claims)};
}

StatusOr<Authenticated> TokenEntrance::Enter(const Authenticated& key,
                                             const BroughtToken& token) const {
  return token.says.forwarded ? authenticator_->Forwarding(key, token.text)
                              : authenticator_->Authenticate("Bearer " + token.text);
}

}  // namespace cordon
