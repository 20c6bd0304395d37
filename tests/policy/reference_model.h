// A naive model of the decision, to be read beside DESIGN §1 and §2: plain strings, no caches. It
// shares no code with engine/policy; differential_test.cc compares the two over random worlds.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace reference {
using std::ranges::all_of, std::ranges::any_of;
using Names = std::set<std::string>;
using Time = int64_t;
struct Entry {
  std::string who;
  Time until = INT64_MAX, from = INT64_MIN;
  bool Counts(Time now) const { return from <= now && now < until; }
};
struct List {  // of a document, a chunk or a container
  std::vector<Entry> allow, deny;
  Names inherit;
};
struct Label {
  std::string level;
  Names compartments, tags;
};
struct Clearance {
  std::string symbol = "lowest", level = {};  // symbol: or "all", or "" for a named one
  Names compartments = {};
};
struct Gate {  // of a destination or a scope
  Clearance ceiling = {};
  Names forbidden_tags = {};
  Names regions = {};              // of a scope: one must be stated; "*": any
  std::optional<Time> terms = {};  // reviewed until; of a scope: each must state its own
  bool no_training = false;        // of a scope
};
struct Destination {
  int scope = 1;
  Gate gate = {};
  std::string region = {};
  std::optional<Label> model_label = {};
  bool outside_scope_rules = false;
  std::optional<bool> trains = {};
};
struct Chunk {  // and what it takes from its document
  List document_acl;
  Label document_label;
  Time valid_from = INT64_MIN, valid_until = INT64_MAX;
  std::optional<List> acl;
  std::optional<Label> label;
  std::string source = {};
};
struct Key {
  std::string principal;
  bool act_as = false;
  std::vector<std::string> patterns, destinations;
  Clearance clearance;
};
struct World {
  bool dev = false;
  std::vector<std::string> levels;  // lowest first
  Clearance default_clearance;
  std::map<std::string, std::vector<Entry>> members;  // of groups and roles
  std::map<std::string, Clearance> clearances;        // of users and services
  std::map<std::string, std::string> aliases;         // and for whom each stands
  std::map<std::string, List> containers;
  std::map<int, Gate> scopes;
  std::map<std::string, Destination> destinations;
  std::vector<Chunk> chunks;
  Names quarantined = {};  // sources
};
struct Asker {  // who asks, through whom, for whom; an auditor asks without the last two
  std::string refused = {};  // "" if not
  Names user = {}, application = {};
  Clearance clearance = {};
  std::optional<Clearance> ceiling = {};  // the application's clearance
  std::optional<Destination> to = {};
  bool break_glass = false;
};

inline std::string Canonical(const World& world, const std::string& name) {
  return world.aliases.contains(name) ? world.aliases.at(name) : name;
}

// These, all their groups and roles, and how else each of them is called; nothing if too deep.
inline std::optional<Names> Upwards(const World& world, Names held, Time now) {
  for (int depth = 0;; ++depth) {
    for (const auto& [alias, of] : world.aliases)
      if (held.contains(of)) held.insert(alias);
    Names more = held;
    for (const auto& [group, members] : world.members)
      for (const Entry& member : members)
        if (member.Counts(now) && held.contains(member.who)) more.insert(group);
    if (more == held) return held;
    if (depth == 64) return std::nullopt;
    held = more;
  }
}

// The same of a principal and, if it is a user, of `everyone`.
inline std::optional<Names> PrincipalsOf(const World& world, const std::string& who, Time now) {
  Names held = {Canonical(world, who)};
  if (who.starts_with("user:")) held.insert("everyone");
  return Upwards(world, held, now);
}

inline bool NamesOne(const std::vector<Entry>& entries, const Names& of, Time now) {
  return any_of(entries, [&](const Entry& e) { return e.Counts(now) && of.contains(e.who); });
}

// Rule 3: the list and all that it inherits must permit.
inline bool ListPermits(const World& world, const List& list, const Asker& asker, Time now) {
  if (NamesOne(list.deny, asker.user, now)) return false;
  if (NamesOne(list.deny, asker.application, now)) return false;
  const bool only_denies = list.allow.empty() && !list.inherit.empty();
  const bool asked = !only_denies && !asker.break_glass;
  if (asked && !NamesOne(list.allow, asker.user, now)) return false;
  return all_of(list.inherit, [&](const std::string& name) {
    const auto found = world.containers.find(name);
    return found != world.containers.end() && ListPermits(world, found->second, asker, now);
  });
}

// The place of a level; one the tenant does not have stands above all.
inline size_t Rank(const World& world, const std::string& level) {
  return std::ranges::find(world.levels, level) - world.levels.begin();
}

inline bool Dominates(const World& world, const Clearance& clearance, const Label& label) {
  const size_t needed = Rank(world, label.level), unknown = world.levels.size();
  if (needed == unknown) return false;
  if (clearance.symbol == "all") return true;
  if (clearance.symbol == "lowest") return needed == 0 && label.compartments.empty();
  const size_t held = Rank(world, clearance.level);
  const Names& has = clearance.compartments;
  return held != unknown && held >= needed && std::ranges::includes(has, label.compartments);
}

// The effective label, the join: the higher level, all compartments and tags of both.
inline Label LabelOf(const World& world, const Chunk& chunk) {
  Label label = chunk.document_label;
  const Label own = chunk.label.value_or(label);
  if (Rank(world, own.level) > Rank(world, label.level)) label.level = own.level;
  label.compartments.insert(own.compartments.begin(), own.compartments.end());
  label.tags.insert(own.tags.begin(), own.tags.end());
  return label;
}

inline bool Passes(const World& world, const Gate& gate, const Label& label) {
  return Dominates(world, gate.ceiling, label) &&
         !any_of(label.tags, [&](const auto& tag) { return gate.forbidden_tags.contains(tag); });
}

// What the rule of its scope asks of a destination, whatever the label.
inline bool Satisfies(const Destination& to, const Gate& rule, Time now) {
  const bool anywhere = rule.regions.empty();
  const bool somewhere = !to.region.empty() && rule.regions.contains("*");
  if (!anywhere && !somewhere && (to.region.empty() || !rule.regions.contains(to.region)))
    return false;
  if (rule.terms && (now >= *rule.terms || !to.gate.terms)) return false;
  return !rule.no_training || to.trains == std::optional(false);
}

// Rule 4, the destination's part.
inline bool MayReceive(const World& world, const Destination& to, const Clearance& user_clearance,
                       const Label& label, Time now) {
  if (!Passes(world, to.gate, label)) return false;
  if (to.gate.terms && now >= *to.gate.terms) return false;
  const bool inside = !to.region.empty() && label.tags.contains("region:" + to.region);
  if (!inside && any_of(label.tags, [](auto& t) { return t.starts_with("region:"); })) return false;
  const bool ruled = !to.outside_scope_rules && world.scopes.contains(to.scope);
  if (ruled && !Passes(world, world.scopes.at(to.scope), label)) return false;
  if (ruled && !Satisfies(to, world.scopes.at(to.scope), now)) return false;
  return to.scope < 4 || !to.model_label || Dominates(world, user_clearance, *to.model_label);
}

inline bool Matches(const std::string& pattern, const std::string& name) {
  const std::string prefix = pattern.substr(0, pattern.size() - 1);
  return pattern.ends_with('*') ? name.starts_with(prefix) : pattern == name;
}

inline std::optional<Destination> FindDestination(const World& world, const std::string& name) {
  if (world.dev && name == "dev") return Destination{5, {{"all"}}, "", {}, true};
  const auto found = world.destinations.find(name);
  return found == world.destinations.end() ? std::nullopt : std::optional(found->second);
}

inline bool MayName(const Key& key, const std::string& to) {
  return any_of(key.destinations, [&](const auto& name) { return name == to || name == "*"; });
}

// The destination that the key's holder asks for, the first of its own if it names none.
inline std::optional<Destination> Named(const World& world, const Key& key, std::string name) {
  if (name.empty() && !key.destinations.empty()) {
    name = key.destinations.front();
    if (name == "*") name = world.dev ? "dev" : "";  // "all" has no first
  }
  return MayName(key, name) ? FindDestination(world, name) : std::nullopt;
}

inline Asker Resolve(const World& world, const Key& key, std::string as,
                     const std::string& destination, Time now) {
  as = Canonical(world, as.empty() ? key.principal : as);
  const bool is_user = as.starts_with("user:"), itself = as == Canonical(world, key.principal);
  if (!is_user && !as.starts_with("service:")) return {"no user or service"};
  const bool may = any_of(key.patterns, [&](const auto& p) { return Matches(p, as); });
  if (!itself && !(key.act_as && may)) return {"act-as"};
  const auto user = PrincipalsOf(world, as, now);
  const auto application = PrincipalsOf(world, key.principal, now);
  if (!user || !application) return {"too deep"};
  const auto found = Named(world, key, destination);
  if (!found) return {"destination"};
  Clearance clearance = is_user ? world.default_clearance : itself ? key.clearance : Clearance{};
  if (world.clearances.contains(as)) clearance = world.clearances.at(as);
  return {"", *user, *application, clearance, key.clearance, found};
}

// Rules 2, 3 and 4 for one chunk.
inline bool MaySee(const World& world, const Asker& asker, const Chunk& chunk, Time now) {
  if (now < chunk.valid_from || now >= chunk.valid_until) return false;
  if (world.quarantined.contains(chunk.source)) return false;
  if (!ListPermits(world, chunk.document_acl, asker, now)) return false;
  if (chunk.acl && !ListPermits(world, *chunk.acl, asker, now)) return false;
  const Label label = LabelOf(world, chunk);
  if (!Dominates(world, asker.clearance, label)) return false;
  if (asker.ceiling && !Dominates(world, *asker.ceiling, label)) return false;
  for (const Label& each : {label, chunk.document_label, chunk.label.value_or(label)}) {  // regions
    if (asker.to && !MayReceive(world, *asker.to, asker.clearance, each, now)) return false;
  }
  return true;
}
}  // namespace reference
