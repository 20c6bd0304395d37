// The View: one immutable picture of a tenant that a request pins and reads from start to end.
//
// Invariants:
//   1. State, indexes and snapshot are of the same revision.
//   2. Between now() and next_event() nothing starts or ends, so that every moment in between gets
//      the same answers as now().
//   3. A View never changes; what is newer is another View.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/planted.h"
#include "engine/policy/decide.h"
#include "engine/policy/entitlement_cache.h"
#include "engine/store/documents.h"
#include "engine/store/state.h"
#include "engine/view/collection_index.h"

namespace cordon {

// Thread-safe; a request holds it by shared_ptr.
class View {
 public:
  // `previous` (may be null) saves work. The snapshot must be of the state's revision.
  static std::shared_ptr<const View> Build(TenantState state, Indexes indexes,
                                           std::shared_ptr<const Snapshot> snapshot,
                                           const Database* database, const Vault* vault, Micros now,
                                           const View* previous);

  // The same revision at a later time.
  std::shared_ptr<const View> At(Micros now) const;

  const TenantState& state() const { return state_; }
  const PolicyState& policy() const { return state_.policy; }
  uint64_t revision() const { return state_.revision; }
  Micros now() const { return now_; }
  Micros next_event() const { return next_event_; }
  World world() const { return {state_.policy, now_}; }

  // Who asks, as ResolveSubject() says, remembered across Views.
  StatusOr<std::shared_ptr<KnownCaller>> CallerOf(const Authenticated& caller, std::string_view as,
                                                  std::string_view destination) const {
    return callers_->Find(world(), caller, as, destination);
  }

  // The same under a break-glass access: rare, and never remembered.
  StatusOr<std::shared_ptr<KnownCaller>> BreakGlassOf(const Authenticated& caller,
                                                      std::string_view as,
                                                      std::string_view destination,
                                                      std::string_view access) const {
    return KnownCaller::Resolve(world(), caller, as, destination, access);
  }

  const Indexes& indexes() const { return indexes_; }
  const CollectionIndex& indexes_of(const Collection& collection) const {
    return indexes_.at(collection.space);
  }
  const VectorIndex& index(const Collection& collection) const {
    return indexes_of(collection).vectors;
  }

  // Reads the tenant's documents as of this View.
  Documents documents() const { return {database_, vault_, state_.id, snapshot_.get()}; }

  // Reads the tenant's other records as of this View, as Database::Scan().
  Status Scan(Family family, const std::string& prefix, const Database::Visit& visit) const {
    return database_->Scan(family, prefix, visit, snapshot_.get());
  }
  // Walks them as they are now, whatever they were in this View.
  std::unique_ptr<Database::Cursor> WalkNewest(Family family, const std::string& from,
                                               const std::string& end) const {
    return database_->Walk(family, from, end, nullptr);
  }
  const Vault& vault() const { return *vault_; }

  // Which classes have a stored chunk in `collection`, or in any if null.
  std::vector<bool> ClassesInUse(const Collection* collection) const;

 private:
  View() = default;
  void FindNextEvent(const View* previous);

  TenantState state_;
  Indexes indexes_;
  std::shared_ptr<const Snapshot> snapshot_;
  const Database* database_ = nullptr;
  const Vault* vault_ = nullptr;
  Micros now_ = 0;
  Micros next_event_ = kNever;
  Micros next_rules_event_ = kNever;           // of containers and terms alone
  std::shared_ptr<EntitlementCache> callers_;  // of all Views of the tenant
};

}  // namespace cordon
