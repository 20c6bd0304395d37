#include "engine/policy/entitlement_cache.h"

#include <functional>

#include "engine/base/planted.h"

namespace cordon {
namespace {

// All that Entitle() reads of a subject. The order in which principals were reached is a function
// of the World, which is the same.
bool SameForDecisions(const Subject& a, const Subject& b) {
  return a.name == b.name && a.principals.all() == b.principals.all() &&
         a.application_principals.all() == b.application_principals.all() &&
         a.clearance == b.clearance && a.application_clearance == b.application_clearance &&
         a.destination == b.destination;
}

}  // namespace

std::shared_ptr<const Entitlements> EntitlementCache::Of(const World& world,
                                                         const Subject& subject) {
  const bool anybody = Planted(Bug::kCacheWithoutCaller);
  const size_t place = anybody ? 0 : std::hash<std::string>()(subject.name) % kEntries;
  std::shared_ptr<const Entry> entry;
  {
    std::lock_guard lock(mutex_);
    if (entries_) entry = (*entries_)[place];
  }
  if (entry && (anybody || SameForDecisions(entry->subject, subject))) return entry->entitlements;
  auto entitlements = std::make_shared<const Entitlements>(Entitle(world, subject));
  entry = std::make_shared<const Entry>(Entry{subject, entitlements});
  std::lock_guard lock(mutex_);
  if (!entries_) entries_ = std::make_unique<std::array<std::shared_ptr<const Entry>, kEntries>>();
  (*entries_)[place] = std::move(entry);
  return entitlements;
}

}  // namespace cordon
