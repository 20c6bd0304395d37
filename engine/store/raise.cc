#include <fmt/format.h>

#include <algorithm>

#include "engine/base/planted.h"
#include "engine/store/apply.h"

namespace cordon {
namespace {

// When a principal belongs to each of its groups.
std::map<PrincipalId, TimeSpans> MembershipsOf(const PolicyState& state, const std::string& name) {
  std::vector<PrincipalId> start;
  if (const auto id = state.principals->Find(name)) start.push_back(*id);
  if (name.starts_with("user:")) start.push_back(PrincipalTable::kEveryoneId);
  return state.directory->Memberships(start);
}

// The clearance in which one asks for itself by a grant, as directory, policy and grant give it.
Clearance OwnClearance(const PolicyState& state, const Grant& grant) {
  const auto id = state.principals->Find(grant.principal);
  const auto* record = id ? state.directory->Find(state.directory->Canonical(*id)) : nullptr;
  if (record != nullptr && record->clearance) return *record->clearance;
  return grant.principal.starts_with("user:") ? state.rules->default_clearance : grant.clearance;
}

// By what a caller may ask for itself, as the same principal: its own grant, the other keys in
// force, and the other spellings of a user, who needs no key.
std::vector<Grant> GrantsOfCaller(const TenantState& state, const Grant& own, Micros now) {
  const PolicyState& policy = state.policy;
  const std::string name = CanonicalName(policy, own.principal);
  std::vector<Grant> grants = {own};
  for (const auto& [id, key] : *state.keys) {
    const bool same = CanonicalName(policy, key.grant->principal) == name;
    if (same && now < key.grant->expires) grants.push_back(*key.grant);
  }
  const auto id = policy.principals->Find(name);
  if (!id || !name.starts_with("user:")) return grants;
  grants.emplace_back().principal = name;
  for (const PrincipalId alias : policy.directory->AliasesOf(*id)) {
    grants.emplace_back().principal = policy.principals->Name(alias);
  }
  return grants;
}

// Whether the caller gains a clearance: by the grant with which it calls, or by another that is its
// own before or after, beyond all that it had. That one key loses what another has is no gain.
bool ClearanceRaised(const TenantState& before, const TenantState& after, const Grant& own,
                     Micros now) {
  const Scheme& scheme = after.policy.rules->scheme;
  if (!Covers(scheme, OwnClearance(before.policy, own), OwnClearance(after.policy, own))) {
    return true;
  }
  std::vector<Grant> grants = GrantsOfCaller(before, own, now);
  std::vector<Clearance> held;
  for (const Grant& grant : grants) held.push_back(OwnClearance(before.policy, grant));
  for (Grant& grant : GrantsOfCaller(after, own, now)) grants.push_back(std::move(grant));
  return !std::all_of(grants.begin(), grants.end(), [&](const Grant& grant) {
    const Clearance gained = OwnClearance(after.policy, grant);
    return std::any_of(held.begin(), held.end(), [&](const Clearance& clearance) {
      return Covers(scheme, clearance, gained);
    });
  });
}

}  // namespace

Status CheckNotRaised(const TenantState& state_before, const TenantState& state_after,
                      const Authenticated& caller, Micros now) {
  if (Planted(Bug::kRaiseUnchecked)) return OkStatus();
  const PolicyState& before = state_before.policy;
  const PolicyState& after = state_after.policy;
  // Nothing else says who belongs to whom and who is cleared for what.
  if (before.directory == after.directory && before.rules == after.rules) return OkStatus();
  const Grant& grant = caller.grant();
  const auto held = MembershipsOf(before, grant.principal);
  const auto gained = MembershipsOf(after, grant.principal);
  const auto self = after.principals->Find(grant.principal);  // `before` may not know the name
  const TimeSpans from_now({{now, kNever}});
  for (const auto& [group, times] : gained) {
    if (group == self) continue;
    const auto it = held.find(group);
    if (!Both(times, from_now).Within(it == held.end() ? TimeSpans() : it->second)) {
      return Denied("members", fmt::format("would give the caller itself what is for {}; ask "
                                           "another admin",
                                           after.principals->Name(group)));
    }
  }
  if (ClearanceRaised(state_before, state_after, grant, now)) {
    return Denied("clearance",
                  "would raise the caller's own clearance, with this key or another of its own; "
                  "ask another admin");
  }
  return OkStatus();
}

}  // namespace cordon
