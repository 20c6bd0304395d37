#include "tests/security/token_users.h"

#include <fmt/format.h>

namespace cordon {
namespace {

const Strings kIssuerNames = {"corp", "partner"};
// A few tokens are of one that is never configured, or is another tenant's.
const Strings kNamedIssuers = {"corp",    "corp",    "corp",    "corp",   "corp",    "partner",
                               "partner", "partner", "partner", "nobody", "of-other"};
const Strings kTokenUsers = {"user:ana", "user:ana", "user:bo", "user:cy", "user:di", "user:ghost"};
const Strings kBadges = {"staff", "board", "guest"};
const Strings kClaimedGroups = {"a", "b", "c", "d", "x", "unheard-of"};

constexpr reference::Time kTokenTick = RunningEngine::kTick;

reference::Time Ticks(size_t count) { return static_cast<reference::Time>(count) * kTokenTick; }

}  // namespace

TokenUsers::TokenUsers(Draw* draw, MirroredTenant* tenant)
    : draw_(*draw),
      tenant_(*tenant),
      entrance_(tenant->name(), tenant->model().world.dev,
                [engine = tenant->engine()] { return engine->now(); }) {
  for (const auto& name : kIssuerNames) configured_[name] = DrawIssuer();
  configured_["of-other"] = DrawIssuer();
  configured_["of-other"].says.elsewhere = true;
  Start();
}

void TokenUsers::Start() {
  model_.clear();
  for (const auto& [name, issuer] : configured_) model_[name] = issuer.says;
  entrance_.Start(configured_);
}

void TokenUsers::Restart() {
  for (const auto& name : kIssuerNames) {
    if (draw_.Percent(40)) continue;
    configured_.erase(name);
    if (draw_.Percent(70)) configured_[name] = DrawIssuer();
  }
  Start();
}

TokenIssuer TokenUsers::DrawIssuer() {
  const reference::Tenant& model = tenant_.model();
  TokenIssuer issuer;
  if (draw_.Percent(60)) issuer.says.group_prefix = draw_.Percent(85) ? "group:" : "role:";
  if (draw_.Percent(60)) {
    auto& clearances = issuer.says.clearances.emplace();
    for (const auto& badge : kBadges) clearances[badge] = draw_.Clearance(model);
  }
  issuer.says.ceiling = draw_.Clearance(model);
  if (draw_.Percent(50)) {  // below many of its users' clearances
    issuer.says.ceiling = {"", draw_.Pick(model.world.levels),
                           draw_.Some({model.compartments.begin(), model.compartments.end()}, 60)};
  }
  issuer.says.skew = Ticks(draw_.Below(3));
  issuer.says.age = Ticks(draw_.Percent(85) ? 15 : 3 + draw_.Below(6));
  issuer.users = draw_.Key(model);
  issuer.users.exports = draw_.Percent(50);
  issuer.users.key.act_as = false;
  issuer.users.key.patterns.clear();
  issuer.users.key.clearance = issuer.says.ceiling;
  return issuer;
}

Strings TokenUsers::DrawGroups() {
  const reference::Names some = draw_.Some(kClaimedGroups, 40);
  Strings groups(some.begin(), some.end());
  if (draw_.Percent(25)) groups.push_back(fmt::format("late{}", unknown_));
  if (!groups.empty() && draw_.Percent(10)) groups.push_back(groups.front());
  return groups;
}

BroughtToken TokenUsers::Bring() {
  const reference::Time now = tenant_.engine()->now();
  reference::Token token;
  token.issuer = draw_.Pick(kNamedIssuers);
  token.user = draw_.Pick(kTokenUsers);
  token.issued = now - Ticks(draw_.Below(3));
  if (draw_.Percent(4)) token.issued = now + Ticks(1 + draw_.Below(3));
  token.expires = token.issued + Ticks(2 + draw_.Below(6));
  if (draw_.Percent(10)) token.not_before = now + Ticks(draw_.Below(4)) - Ticks(1);
  if (draw_.Percent(97)) token.groups = DrawGroups();
  token.overage = draw_.Percent(3);
  if (draw_.Percent(97)) token.clearance = draw_.Percent(97) ? draw_.Pick(kBadges) : "unheard-of";
  token.forwarded = draw_.Percent(50);
  return entrance_.Sign(token);
}

// Mostly the user itself.
std::string TokenUsers::DrawAs(const BroughtToken& token) {
  if (draw_.Percent(60)) return "";
  return draw_.Percent(70) ? token.says.user : draw_.As();
}

Credential TokenUsers::Alone(const BroughtToken& token) const {
  const auto found = configured_.find(token.says.issuer);
  Credential credential = found == configured_.end() ? Credential() : found->second.users;
  credential.key.principal = token.says.user;
  return credential;
}

reference::Asker TokenUsers::AskerOf(const reference::Key& key,
                                     const std::optional<BroughtToken>& token,
                                     const std::string& as, const std::string& to,
                                     reference::Time now) const {
  const reference::World& world = tenant_.model().world;
  return token ? reference::Resolve(world, model_, token->says, key, as, to, now)
               : reference::Resolve(world, key, as, to, now);
}

void TokenUsers::NameTheUnknown() {
  auto members = draw_.Members();
  members.push_back({fmt::format("group:late{}", unknown_++)});
  tenant_.SetMembers(draw_.Pick(kGroups), members);
}

}  // namespace cordon
