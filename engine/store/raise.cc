#include <fmt/format.h>

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

// The clearance in which a caller may act, as far as directory and policy give it.
Clearance OwnClearance(const PolicyState& state, const Grant& grant) {
  const auto id = state.principals->Find(grant.principal);
  const auto* record = id ? state.directory->Find(state.directory->Canonical(*id)) : nullptr;
  if (record != nullptr && record->clearance) return *record->clearance;
  return grant.principal.starts_with("user:") ? state.rules->default_clearance : grant.clearance;
}

}  // namespace

Status CheckNotRaised(const PolicyState& before, const PolicyState& after,
                      const Authenticated& caller, Micros now) {
  if (Planted(Bug::kRaiseUnchecked)) return OkStatus();
  // Nothing else says who belongs to whom and who is cleared for what.
  if (before.directory == after.directory && before.rules == after.rules) return OkStatus();
  const Grant& grant = caller.grant();
  const auto held = MembershipsOf(before, grant.principal);
  const auto gained = MembershipsOf(after, grant.principal);
  const TimeSpans from_now({{now, kNever}});
  for (const auto& [group, times] : gained) {
    const auto it = held.find(group);
    if (!Both(times, from_now).Within(it == held.end() ? TimeSpans() : it->second)) {
      return Denied("members", fmt::format("would give the caller itself what is for {}; ask "
                                           "another admin",
                                           after.principals->Name(group)));
    }
  }
  if (!Covers(after.rules->scheme, OwnClearance(before, grant), OwnClearance(after, grant))) {
    return Denied("clearance", "would raise the caller's own clearance; ask another admin");
  }
  return OkStatus();
}

}  // namespace cordon
