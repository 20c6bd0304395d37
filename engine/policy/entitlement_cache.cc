#include "engine/policy/entitlement_cache.h"

#include <algorithm>

#include "engine/base/planted.h"

namespace cordon {
namespace {

size_t BytesOf(const PrincipalSet& set) { return set.all().size() * 4 * sizeof(PrincipalId); }

// The grant stands for the key: it is one object for as long as the key is not changed, and an
// entry holds it, so that no other can take its address. A token stands for its claims, and for the
// grant that its issuer gives to users who call alone.
std::string KeyOf(const Authenticated& caller, std::string_view as, std::string_view destination) {
  if (Planted(Bug::kCacheWithoutCaller)) return "";
  const bool alone = caller.user() != nullptr && !caller.forwards();
  std::string key = alone ? "user" : caller.forwards() ? "both" : "key ";
  if (!alone) {
    const Grant* grant = &caller.grant();
    key.append(reinterpret_cast<const char*>(&grant), sizeof(grant));
  }
  if (caller.user() != nullptr) key.append(caller.user()->digest());  // 32 bytes
  key.push_back(caller.dev() ? '1' : '0');
  key.append(as);
  key.push_back('\0');  // no principal and no destination holds one
  key.append(destination);
  return key;
}

}  // namespace

StatusOr<std::shared_ptr<KnownCaller>> KnownCaller::Resolve(const World& world,
                                                            const Authenticated& caller,
                                                            std::string_view as,
                                                            std::string_view destination,
                                                            std::string_view break_glass) {
  auto known = std::make_shared<KnownCaller>();
  // Before they are resolved: a name that becomes known meanwhile must not count as seen.
  std::vector<std::string> names = {std::string(as), caller.grant().principal};
  if (const VerifiedUser* user = caller.user()) {
    names.push_back(user->principal());
    if (user->groups()) names.insert(names.end(), user->groups()->begin(), user->groups()->end());
  }
  for (auto& name : names) {
    if (!name.empty() && !world.state.principals->Find(name)) {
      known->unknown_.push_back(std::move(name));
    }
  }
  known->change_ = world.state.directory->last_change();
  ASSIGN_OR_RETURN(known->subject_, ResolveSubject(world, caller, as, destination));
  if (!break_glass.empty()) {
    RETURN_IF_ERROR(BreakGlass(world, caller, break_glass, &known->subject_));
  }
  known->grant_ = caller.shared_grant();
  known->rules_ = world.state.rules;
  known->from_ = world.now;
  known->until_ =
      std::min(known->subject_.principals.until(), known->subject_.application_principals.until());
  return known;
}

bool KnownCaller::RulesHoldIn(const World& world) {
  const PolicyRules* rules = world.state.rules.get();
  if (rules == rules_.get()) return true;
  const RulesChange* const then = rules_->last_change.get();
  // Other rules without a note of what has changed: somebody forgot it.
  if (then == nullptr || then == rules->last_change.get()) return false;
  Micros until = until_;
  for (const auto* change = rules->last_change.get(); change != then;
       change = change->before.get()) {
    if (change == nullptr || change->before == nullptr || change->labels) {
      return false;
    }
    for (const auto& changed : change->containers) {
      if (!KeepsVerdicts(world, subject_, changed, &until)) return false;
    }
  }
  until_ = until;
  rules_ = world.state.rules;
  return true;
}

bool KnownCaller::HoldsIn(const World& world) {
  if (Planted(Bug::kStaleEntitlements)) return true;
  for (const auto& name : unknown_) {
    if (world.state.principals->Find(name)) return false;
  }
  std::lock_guard lock(mutex_);
  if (world.now < from_ || until_ <= world.now || !RulesHoldIn(world)) return false;
  if (!world.state.directory->Unchanged(change_.get(), subject_.principals,
                                        subject_.application_principals)) {
    return false;
  }
  change_ = world.state.directory->last_change();
  return until_ > world.now;
}

std::shared_ptr<const Entitlements> KnownCaller::EntitlementsIn(const World& world) {
  const size_t classes = world.state.classes.classes.size();
  std::shared_ptr<const Entitlements> known;
  {
    std::lock_guard lock(mutex_);
    if (entitlements_ && judged_at_ <= world.now && world.now < entitlements_->until() &&
        entitlements_->classes() <= classes) {
      known = entitlements_;
    }
    if (Planted(Bug::kStaleEntitlements) && entitlements_) known = entitlements_;
  }
  if (known && known->classes() == classes) return known;
  auto fresh = std::make_shared<const Entitlements>(Entitle(world, subject_, known.get()));
  std::lock_guard lock(mutex_);
  // Not back to what an older View asked for.
  if (!entitlements_ || (judged_at_ <= world.now && entitlements_->classes() <= classes)) {
    entitlements_ = fresh;
    judged_at_ = world.now;
  }
  return fresh;
}

size_t KnownCaller::bytes() const {
  return sizeof(*this) + BytesOf(subject_.principals) + BytesOf(subject_.application_principals);
}

StatusOr<std::shared_ptr<KnownCaller>> EntitlementCache::Find(const World& world,
                                                              const Authenticated& caller,
                                                              std::string_view as,
                                                              std::string_view destination) {
  const std::string key = KeyOf(caller, as, destination);
  const size_t classes_bytes = world.state.classes.classes.size() / 8;
  auto known = Lookup(key, classes_bytes);
  if (known && known->HoldsIn(world)) return known;
  ASSIGN_OR_RETURN(known, KnownCaller::Resolve(world, caller, as, destination));
  Insert(key, known, classes_bytes);
  return known;
}

size_t EntitlementCache::bytes() {
  std::lock_guard lock(mutex_);
  return bytes_;
}

std::shared_ptr<KnownCaller> EntitlementCache::Lookup(const std::string& key,
                                                      size_t classes_bytes) {
  std::lock_guard lock(mutex_);
  const auto place = places_.find(key);
  if (place == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, place->second);
  Entry& entry = *place->second;
  if (classes_bytes > entry.classes_bytes) {
    bytes_ += classes_bytes - entry.classes_bytes;
    entry.classes_bytes = classes_bytes;
    Shrink();
  }
  return entry.caller;
}

void EntitlementCache::Insert(const std::string& key, const std::shared_ptr<KnownCaller>& caller,
                              size_t classes_bytes) {
  const size_t own_bytes = caller->bytes() + 2 * key.size() + sizeof(Entry);
  std::lock_guard lock(mutex_);
  if (const auto old = places_.find(key); old != places_.end()) {
    bytes_ -= old->second->own_bytes + old->second->classes_bytes;
    entries_.erase(old->second);
    places_.erase(old);
  }
  entries_.push_front({key, caller, own_bytes, classes_bytes});
  places_.emplace(key, entries_.begin());
  bytes_ += own_bytes + classes_bytes;
  Shrink();
}

void EntitlementCache::Shrink() {
  while (bytes_ > bytes_max_ && entries_.size() > 1) {
    const Entry& last = entries_.back();
    bytes_ -= last.own_bytes + last.classes_bytes;
    places_.erase(last.key);
    entries_.pop_back();
  }
}

}  // namespace cordon
