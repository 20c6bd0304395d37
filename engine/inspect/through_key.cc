#include "engine/inspect/through_key.h"

#include <fmt/format.h>

#include <set>

namespace cordon {

StatusOr<ThroughKey> ThroughKey::Of(const TenantState& state, Micros at, const std::string& key_id,
                                    const std::string& destination, bool dev) {
  const auto key = state.keys->find(key_id);
  if (key == state.keys->end()) {
    return NotFound("key_id", "no such key; 'cordon key list' shows them");
  }
  ThroughKey through(state, at, key_id, key->second.grant, dev);
  const PolicyRules& rules = *state.policy.rules;
  std::set<std::string> names;
  if (!destination.empty()) {
    names.insert(destination);
  } else {
    for (const auto& [name, known] : rules.destinations) names.insert(name);
    names.insert(std::string(kDevDestination));
  }
  for (const auto& name : names) {
    if (!through.grant_->MayNameDestination(name)) continue;
    if (FindDestination(rules, name, dev) != nullptr) through.destinations_.push_back(name);
  }
  return through;
}

Verdict ThroughKey::MayAsk(const std::string& name, const std::string& collection) const {
  const auto no = [](std::string because) { return Verdict{"key", false, std::move(because)}; };
  if (grant_->expires <= at_) return no("it has ended");
  if (!grant_->rights.Has(Right::kQuery)) return no("it lacks the right 'query'");
  if (!grant_->MayUseCollection(collection)) return no("it may not use the collection");
  if (destinations_.empty()) return no("it may name no such destination");
  const bool itself = name == CanonicalName(state_->policy, grant_->principal);
  if (itself) return {"key", true, fmt::format("{} may ask for itself", name)};
  if (!grant_->rights.Has(Right::kActAs)) return no("it lacks the right 'act-as'");
  if (grant_->MayActAs(name)) {
    return {"key", true, fmt::format("{} may act for {}", grant_->principal, name)};
  }
  if (!name.starts_with("user:")) return no(fmt::format("it may not act for {}", name));
  return {"key", true,
          fmt::format("{} may ask for {} by the user's own token only", grant_->principal, name)};
}

StatusOr<std::vector<Subject>> ThroughKey::Subjects(const std::string& name) const {
  std::vector<Subject> subjects;
  const std::vector<std::string> none = {""};
  for (const auto& destination : destinations_.empty() ? none : destinations_) {
    auto subject = ResolveThrough(world(), *grant_, name, destination, dev_);
    if (!subject.ok()) {
      return Status(subject.status().code(), subject.status().field(),
                    fmt::format("{}: {}", name, subject.status().message()));
    }
    subjects.push_back(*std::move(subject));
  }
  return subjects;
}

Status ThroughKey::CheckBreakGlass(const Subject& subject) const {
  if (subject.break_glass == nullptr) return OkStatus();
  if (subject.break_glass->key_id == key_id_ && grant_->rights.Has(Right::kBreakGlass)) {
    return OkStatus();
  }
  return Invalid("break_glass", "not an access that this key may use; name the key that opened it");
}

}  // namespace cordon
