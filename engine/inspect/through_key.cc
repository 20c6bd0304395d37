#include "engine/inspect/through_key.h"

#include <fmt/format.h>

#include <set>

namespace cordon {

StatusOr<ThroughKey> ThroughKey::Of(const Judged& judged, const std::string& key_id) {
  const auto& keys = *judged.state().keys;
  const auto key = keys.find(key_id);
  if (key == keys.end()) {
    return NotFound("key_id", "no such key; 'cordon key list' shows them");
  }
  ThroughKey through(judged, key_id, key->second.grant);
  const PolicyRules& rules = *judged.state().policy.rules;
  std::set<std::string> names;
  if (!judged.destination().empty()) {
    names.insert(judged.destination());
  } else {
    for (const auto& [name, known] : rules.destinations) names.insert(name);
    names.insert(std::string(kDevDestination));
  }
  for (const auto& name : names) {
    if (!through.grant_->MayNameDestination(name)) continue;
    const auto* found = FindDestination(rules, name, judged.dev());
    if (found != nullptr) through.destinations_.push_back(*found);
  }
  if (through.MayRetrieve()) {
    const std::string& own = through.grant_->principal;
    const Status resolved = through.Subjects(own).status();
    if (IsUndetermined(resolved)) {
      return Status(resolved.code(), "key_id", fmt::format("{}: {}", own, resolved.message()));
    }
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

StatusOr<JudgedSubjects> ThroughKey::Subjects(const std::string& name) const {
  ASSIGN_OR_RETURN(Subject subject, ResolveThrough({state_->policy, at_}, *grant_, name,
                                                   /*destination=*/"", /*dev=*/false));
  if (destinations_.empty()) return JudgedSubjects(std::move(subject));
  return JudgedSubjects(std::move(subject), destinations_);
}

Status ThroughKey::CheckBreakGlass(const Subject& subject) const {
  if (subject.break_glass == nullptr) return OkStatus();
  if (subject.break_glass->key_id == key_id_ && grant_->rights.Has(Right::kBreakGlass)) {
    return OkStatus();
  }
  return Invalid("break_glass", "not an access that this key may use; name the key that opened it");
}

}  // namespace cordon
