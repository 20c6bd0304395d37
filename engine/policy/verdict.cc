#include "engine/policy/verdict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace cordon {
namespace {

// Of what is to come, the first.
struct Coming {
  Micros from = kNever;
  std::string what;

  void Add(Micros begins, std::string who) {
    if (begins < from) *this = {begins, std::move(who)};
  }
};

// A membership of one of a set that has not begun.
struct ComingMembership {
  PrincipalId member;
  TimedPrincipal group;
};

std::multimap<PrincipalId, ComingMembership> ComingMemberships(const World& world,
                                                               const PrincipalSet& set) {
  std::multimap<PrincipalId, ComingMembership> coming;
  for (const PrincipalId member : set.all()) {
    for (const auto& group : world.state.directory->GroupsOf(member)) {
      if (group.from <= world.now) continue;
      coming.emplace(group.principal, ComingMembership{member, group});
    }
  }
  return coming;
}

// Entries for one of the set that have not begun, and entries for groups of which one of the set is
// not a member yet. Of groups above those nothing is told.
Coming ComingOf(const World& world, const PrincipalSet& set, const EntryList& list) {
  const auto& names = *world.state.principals;
  const auto memberships = ComingMemberships(world, set);
  Coming coming;
  for (const auto& entry : list) {
    if (set.Contains(entry.principal)) {
      if (entry.from > world.now) coming.Add(entry.from, Witness(world, set, entry.principal));
      continue;
    }
    const PrincipalId named = world.state.directory->Canonical(entry.principal);
    const auto [begin, end] = memberships.equal_range(named);
    for (auto it = begin; it != end; ++it) {
      const auto& [member, group] = it->second;
      const Micros from = std::max(group.from, entry.from);
      if (from >= std::min(group.until, entry.until)) continue;
      coming.Add(from, fmt::format("{} ({} → {})", names.Name(entry.principal), names.Name(member),
                                   names.Name(named)));
    }
  }
  return coming;
}

}  // namespace

std::string Witness(const World& world, const PrincipalSet& set, PrincipalId id) {
  const auto path = set.PathTo(id);
  const auto& names = *world.state.principals;
  if (path.size() == 1) return names.Name(id);
  std::vector<std::string> steps;
  for (const PrincipalId step : path) steps.push_back(names.Name(step));
  return fmt::format("{} ({})", names.Name(id), fmt::join(steps, " → "));
}

std::string NotBegun(const World& world, const Subject& subject, const Clause& clause) {
  std::string text;
  const auto tell = [&](std::string_view verb, const Coming& coming) {
    if (coming.from == kNever) return;
    text += fmt::format("; {} {} from {}", verb, coming.what, FormatTime(coming.from));
  };
  tell("allows", ComingOf(world, subject.principals, clause.allow));
  tell("denies", ComingOf(world, subject.principals, clause.deny));
  tell("denies", ComingOf(world, subject.application_principals, clause.deny));
  return text;
}

}  // namespace cordon
