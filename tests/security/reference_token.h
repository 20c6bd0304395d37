// Tokens of users in the naive model, by the words of docs/operations.md and
// docs/decisions/tokens.md: which count, and who asks by them. It shares no code with the engine;
// signatures are not modelled.
#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/policy/reference_model.h"

namespace reference {

// As it is configured.
struct Issuer {
  std::optional<std::string> group_prefix = {};  // of the groups in tokens; unset: the directory's
  std::optional<std::map<std::string, Clearance>> clearances = {};  // by the claim; unset: likewise
  Clearance ceiling = {};
  Time skew = 0, age = 0;
  bool elsewhere = false;  // of another tenant
};
using Issuers = std::map<std::string, Issuer>;  // by name
struct Token {
  std::string issuer, user;
  Time issued = 0, expires = 0;
  std::optional<Time> not_before = {};
  std::optional<std::vector<std::string>> groups = {};
  bool overage = false;  // it says that the groups are not all there
  std::optional<std::string> clearance = {};
  bool forwarded = false;  // by an application; else the user comes alone
};

inline bool CountsAt(const Issuer& issuer, const Token& token, Time now) {
  const Time begins = std::max(token.issued, token.not_before.value_or(token.issued));
  return token.issued < token.expires && token.expires - token.issued <= issuer.age &&
         begins - issuer.skew <= now && now < token.expires + issuer.skew;
}

// Whether the token says all that its issuer's tokens must say.
inline bool IsComplete(const Issuer& issuer, const Token& token) {
  if (issuer.group_prefix && (!token.groups || token.overage)) return false;
  if (!issuer.clearances) return true;
  return token.clearance && issuer.clearances->contains(*token.clearance);
}

// Whether who brings it is let into the tenant.
inline bool LetsIn(const Issuers& issuers, const Token& token, Time now) {
  const auto found = issuers.find(token.issuer);
  return found != issuers.end() && !found->second.elsewhere &&
         CountsAt(found->second, token, now) && IsComplete(found->second, token);
}

// The user's own name and `everyone`, and the groups of the token or those of the directory, never
// both. What the groups belong to, the directory says.
inline std::optional<Names> PrincipalsOf(const World& world, const Issuer& issuer,
                                         const Token& token, Time now) {
  if (!issuer.group_prefix) return PrincipalsOf(world, token.user, now);
  Names held = {"everyone"};
  for (const auto& group : *token.groups) {
    held.insert(Canonical(world, *issuer.group_prefix + group));
  }
  auto all = Upwards(world, held, now);
  if (!all) return all;
  const std::string user = Canonical(world, token.user);
  all->insert(user);
  for (const auto& [alias, of] : world.aliases)
    if (of == user) all->insert(alias);
  return all;
}

// What both permit.
inline Clearance Both(const World& world, const Clearance& a, const Clearance& b) {
  if (a.symbol == "all") return b;
  if (b.symbol == "all") return a;
  const auto level = [&](const Clearance& clearance) {
    return clearance.symbol == "lowest" ? world.levels.front() : clearance.level;
  };
  // A level that the tenant does not have permits nothing: it is below all.
  const auto height = [&](const Clearance& clearance) {
    return (Rank(world, level(clearance)) + 1) % (world.levels.size() + 1);
  };
  Clearance both = {"", height(a) < height(b) ? level(a) : level(b), {}};
  std::ranges::set_intersection(a.compartments, b.compartments,
                                std::inserter(both.compartments, both.compartments.end()));
  return both;
}

// Who asks by a token: alone, when `key` is what the issuer gives to each of its users, or through
// the application that has the key. A pattern is not asked: the user says so.
inline Asker Resolve(const World& world, const Issuers& issuers, const Token& token, const Key& key,
                     std::string as, const std::string& destination, Time now) {
  if (!LetsIn(issuers, token, now)) return {"unauthenticated"};
  const Issuer& issuer = issuers.at(token.issuer);
  const std::string user = Canonical(world, token.user);
  as = as.empty() ? user : Canonical(world, as);
  if (!as.starts_with("user:") && !as.starts_with("service:")) return {"no user or service"};
  if (as != user || (token.forwarded && !key.act_as)) return {"act-as"};
  const auto own = PrincipalsOf(world, issuer, token, now);
  const auto application = token.forwarded ? PrincipalsOf(world, key.principal, now) : own;
  if (!own || !application) return {"too deep"};
  const auto to = Named(world, key, destination);
  if (!to) return {"destination"};
  Clearance clearance = world.default_clearance;
  if (world.clearances.contains(user)) clearance = world.clearances.at(user);
  if (issuer.clearances) clearance = issuer.clearances->at(*token.clearance);
  return {"", *own, *application, Both(world, clearance, issuer.ceiling), key.clearance, to};
}

}  // namespace reference
