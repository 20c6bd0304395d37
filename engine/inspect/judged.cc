#include "engine/inspect/judged.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/stop.h"
#include "engine/policy/dev_grant.h"
#include "engine/store/apply.h"

namespace cordon {

Judged::Judged(const TenantState* state, Micros now, const std::string& destination, bool dev)
    : state_(state), now_(now), destination_(destination), dev_(dev) {
  for (const auto& [id, key] : *state->keys) AddKey(*key.grant);
  if (dev) AddKey(DevGrant());
}

void Judged::AddKey(const Grant& grant) {
  if (!grant.principal.starts_with("service:") || grant.expires <= now_) return;
  auto& clearances = by_keys_[CanonicalName(state_->policy, grant.principal)];
  if (std::find(clearances.begin(), clearances.end(), grant.clearance) == clearances.end()) {
    clearances.push_back(grant.clearance);
  }
}

StatusOr<Judged> Judged::In(const TenantState& state, Micros now, const std::string& destination,
                            bool dev) {
  if (!destination.empty() && FindDestination(*state.policy.rules, destination, dev) == nullptr) {
    return Denied("destination", "unknown; define it by policy apply");
  }
  return Judged(&state, now, destination, dev);
}

StatusOr<JudgedSubjects> Judged::Subjects(const std::string& name) const {
  ASSIGN_OR_RETURN(Subject alone, ResolveUserAlone(world(), name, destination_, dev_));
  const auto keys = by_keys_.find(alone.name);
  const auto id = state_->policy.principals->Find(alone.name);
  const auto* record = id ? state_->policy.directory->Find(*id) : nullptr;
  if (keys == by_keys_.end() || (record != nullptr && record->clearance)) {
    return JudgedSubjects(std::move(alone));
  }
  return JudgedSubjects(std::move(alone), keys->second);
}

StatusOr<std::vector<uint64_t>> ClassesOf(const World& world, JudgedSubjects subjects,
                                          const std::function<bool()>& stop) {
  std::vector<uint64_t> classes((world.state.classes.classes.size() + 63) / 64);
  const bool stopped = subjects.Any([&](const Subject& subject) {
    const Entitlements entitlements = Entitle(world, subject);
    for (size_t i = 0; i < classes.size(); ++i) classes[i] |= entitlements.words()[i];
    return !CheckGoesOn(stop).ok();
  });
  if (stopped) return Stopped();
  return classes;
}

std::set<std::string> KnownPrincipals(const TenantState& state, const std::vector<bool>& in_use) {
  std::set<PrincipalId> ids = NamedBy(state.policy, in_use);
  state.policy.directory->ForEach([&](PrincipalId id, const DirectoryRecord& record) {
    ids.insert(id);
    if (!record.members) return;
    for (const auto& entry : *record.members) ids.insert(entry.principal);
  });
  std::set<std::string> names;
  const auto keep = [&](std::string name) {
    if (name.starts_with("user:") || name.starts_with("service:")) names.insert(std::move(name));
  };
  const auto& names_of = *state.policy.principals;
  for (const PrincipalId id : ids) keep(names_of.Name(state.policy.directory->Canonical(id)));
  for (const auto& [id, key] : *state.keys) {
    keep(CanonicalName(state.policy, key.grant->principal));
  }
  return names;
}

std::string UnnamedUser(const TenantState& state) {
  for (uint64_t number = 0;; ++number) {
    std::string name = fmt::format("user:unnamed-{}", number);
    if (!state.policy.principals->Find(name)) return name;
  }
}

}  // namespace cordon
