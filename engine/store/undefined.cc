#include <algorithm>

#include "engine/store/apply.h"

namespace cordon {
namespace {

// All clauses that a class is judged by, those above its containers included.
class ClauseWalk {
 public:
  explicit ClauseWalk(const PolicyState& state) : state_(state) {}

  void Class(ClassId id) {
    for (const ClauseId clause : state_.classes.classes[id].clauses) {
      if (!clauses_.insert(clause).second) continue;
      const ClauseSlot& slot = state_.classes.clauses[clause];
      if (slot.container.empty()) {
        List(slot.clause);
      } else {
        Up(slot.container);
      }
    }
  }

  const std::set<PrincipalId>& named() const { return named_; }

 private:
  void List(const Clause& clause) {
    for (const auto* list : {&clause.allow, &clause.deny}) {
      for (const auto& entry : *list) named_.insert(entry.principal);
    }
  }

  void Up(const std::string& name) {
    const auto it = state_.rules->containers.find(name);
    if (it == state_.rules->containers.end() || !containers_.insert(name).second) return;
    List(it->second.clause);
    for (const auto& parent : it->second.inherit) Up(parent);
  }

  const PolicyState& state_;
  std::set<ClauseId> clauses_;
  std::set<std::string> containers_;
  std::set<PrincipalId> named_;
};

}  // namespace

std::set<PrincipalId> NamedBy(const PolicyState& state, const std::vector<bool>& in_use) {
  ClauseWalk walk(state);
  for (ClassId id = 0; id < in_use.size(); ++id) {
    if (in_use[id]) walk.Class(id);
  }
  return walk.named();
}

std::vector<std::string> UndefinedPrincipals(const PolicyState& state,
                                             const std::set<ClassId>& classes) {
  ClauseWalk walk(state);
  for (const ClassId id : classes) walk.Class(id);
  std::vector<std::string> names;
  for (const PrincipalId id : walk.named()) {
    std::string name = state.principals->Name(id);
    const bool group = name.starts_with("group:") || name.starts_with("role:");
    const PrincipalId canonical = state.directory->Canonical(id);
    if (group && state.directory->Find(canonical) == nullptr) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace cordon
