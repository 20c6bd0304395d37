#include "engine/inspect/next_event.h"

namespace cordon {

void NextEventAfter::AddState(const TenantState& state) {
  Add(state.policy.directory->NextEvent(at_));
  Add(state.policy.rules->NextEvent(at_));
  Add(NextEnd(*state.policy.break_glass, at_));
  for (const auto& [id, key] : *state.keys) Add(key.grant->expires);
}

void NextEventAfter::AddClass(const PolicyState& policy, ClassId id) {
  if (id >= policy.classes.classes.size()) return;
  if (id >= classes_.size()) classes_.resize(id + 1);
  if (classes_[id]) return;
  classes_[id] = true;
  for (const ClauseId clause : policy.classes.classes[id].clauses) {
    Add(NextEvent(policy.classes.clauses[clause].clause, at_));
  }
}

}  // namespace cordon
