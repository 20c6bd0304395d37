#include "engine/view/view.h"

#include <algorithm>

namespace cordon {

std::shared_ptr<const View> View::Build(TenantState state, Indexes indexes,
                                        std::shared_ptr<const Snapshot> snapshot,
                                        const Database* database, const Vault* vault, Micros now,
                                        const View* previous) {
  std::shared_ptr<View> view(new View());
  view->state_ = std::move(state);
  view->indexes_ = std::move(indexes);
  view->snapshot_ = std::move(snapshot);
  view->database_ = database;
  view->vault_ = vault;
  view->now_ = previous == nullptr ? now : std::max(now, previous->now_);
  view->callers_ = previous == nullptr ? std::make_shared<EntitlementCache>() : previous->callers_;
  view->FindNextEvent(previous);
  return view;
}

std::shared_ptr<const View> View::At(Micros now) const {
  return Build(state_, indexes_, snapshot_, database_, vault_, now, this);
}

void View::FindNextEvent(const View* previous) {
  // Most Views have the rules of the one before: their next event holds until it has come.
  const bool known = previous != nullptr && previous->policy().rules == policy().rules &&
                     previous->next_rules_event_ > now_;
  next_rules_event_ = known ? previous->next_rules_event_ : policy().rules->NextEvent(now_);
  next_event_ = std::min({policy().classes.events.Next(now_), policy().directory->NextEvent(now_),
                          next_rules_event_, NextEnd(*policy().break_glass, now_)});
  for (const auto& [id, index] : indexes_) {
    next_event_ = std::min(next_event_, index.vectors.NextEvent(now_));
  }
}

std::vector<bool> View::ClassesInUse(const Collection* collection) const {
  std::vector<bool> in_use(policy().classes.classes.size());
  for (const auto& [id, index] : indexes_) {
    if (collection == nullptr || collection->space == id) MarkClassesInUse(index, &in_use);
  }
  return in_use;
}

}  // namespace cordon
