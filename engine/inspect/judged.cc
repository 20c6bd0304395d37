#include "engine/inspect/judged.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/policy/dev_grant.h"

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

StatusOr<std::vector<Subject>> Judged::Subjects(const std::string& name) const {
  auto alone = ResolveUserAlone(world(), name, destination_, dev_);
  if (alone.status().code() == StatusCode::kFailedPrecondition) {
    return Status(StatusCode::kFailedPrecondition, "as",
                  fmt::format("{}: {}", name, alone.status().message()));
  }
  RETURN_IF_ERROR(alone.status());
  std::vector<Subject> subjects = {*std::move(alone)};
  const std::string& canonical = subjects.front().name;
  const auto keys = by_keys_.find(canonical);
  const auto id = state_->policy.principals->Find(canonical);
  const auto* record = id ? state_->policy.directory->Find(*id) : nullptr;
  if (keys == by_keys_.end() || (record != nullptr && record->clearance)) return subjects;
  subjects.resize(keys->second.size(), subjects.front());
  for (size_t i = 0; i < subjects.size(); ++i) subjects[i].clearance = keys->second[i];
  return subjects;
}

std::vector<uint64_t> ClassesOf(const World& world, const std::vector<Subject>& subjects) {
  std::vector<uint64_t> classes((world.state.classes.classes.size() + 63) / 64);
  for (const auto& subject : subjects) {
    const Entitlements entitlements = Entitle(world, subject);
    for (size_t i = 0; i < classes.size(); ++i) classes[i] |= entitlements.words()[i];
  }
  return classes;
}

namespace {

// Whom the lists of some classes name, those of the containers that they inherit from included.
class Listed {
 public:
  Listed(const PolicyState& policy, std::set<PrincipalId>* ids) : policy_(policy), ids_(ids) {}

  void AddClass(ClassId id) {
    for (const ClauseId clause : policy_.classes.classes[id].clauses) {
      if (!clauses_.insert(clause).second) continue;
      const ClauseSlot& slot = policy_.classes.clauses[clause];
      Add(slot.clause);
      AddContainer(slot.container);
    }
  }

 private:
  void Add(const Clause& clause) {
    for (const auto* entries : {&clause.allow, &clause.deny}) {
      for (const auto& entry : *entries) ids_->insert(entry.principal);
    }
  }

  // With all above it.
  void AddContainer(const std::string& lowest) {
    std::vector<std::string> next = {lowest};
    while (!next.empty()) {
      const std::string name = std::move(next.back());
      next.pop_back();
      const auto found = policy_.rules->containers.find(name);
      if (found == policy_.rules->containers.end() || !containers_.insert(name).second) continue;
      Add(found->second.clause);
      next.insert(next.end(), found->second.inherit.begin(), found->second.inherit.end());
    }
  }

  const PolicyState& policy_;
  std::set<PrincipalId>* const ids_;
  std::set<ClauseId> clauses_;
  std::set<std::string> containers_;
};

}  // namespace

std::set<std::string> KnownPrincipals(const TenantState& state, const std::vector<bool>& in_use) {
  std::set<PrincipalId> ids;
  state.policy.directory->ForEach([&](PrincipalId id, const DirectoryRecord& record) {
    ids.insert(id);
    if (!record.members) return;
    for (const auto& entry : *record.members) ids.insert(entry.principal);
  });
  Listed listed(state.policy, &ids);
  for (ClassId id = 0; id < in_use.size(); ++id) {
    if (in_use[id]) listed.AddClass(id);
  }
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
