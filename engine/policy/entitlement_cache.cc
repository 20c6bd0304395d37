#include "engine/policy/entitlement_cache.h"

#include <algorithm>

#include "engine/base/planted.h"

namespace cordon {
namespace {

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
  ASSIGN_OR_RETURN(Subject subject, ResolveSubject(world, caller, as, destination));
  if (!break_glass.empty()) {
    RETURN_IF_ERROR(BreakGlass(world, caller, break_glass, &subject));
  }
  known->grant_ = caller.shared_grant();
  known->HoldIn(world,
                std::min(subject.principals.until(), subject.application_principals.until()));
  known->subject_ = std::make_shared<const Subject>(std::move(subject));
  return known;
}

bool KnownCaller::AddMovedByRules(const World& world, Moved* moved) const {
  const PolicyRules* rules = world.state.rules.get();
  if (rules == rules_.lock().get()) return true;
  const RulesChange* const then = rules_change_.get();
  // Other rules without a note of what has changed: somebody forgot it.
  if (then == nullptr || then == rules->last_change.get()) return false;
  for (const auto* change = rules->last_change.get(); change != then;
       change = change->before.get()) {
    if (change == nullptr || change->before == nullptr || change->labels) return false;
    for (const auto& changed : change->containers) {
      if (KeepsVerdicts(world, *subject_, changed, &moved->until)) continue;
      if (!change->reached) return false;
      if (Planted(Bug::kHeirsForgotten)) {
        moved->containers.insert(changed.name);
      } else {
        moved->containers.insert(change->reached->begin(), change->reached->end());
      }
    }
  }
  return true;
}

std::optional<KnownCaller::Moved> KnownCaller::MovedIn(const World& world) const {
  Moved moved{{}, until_};
  if (world.now < from_ || until_ <= world.now) return std::nullopt;
  if (!world.state.directory->Unchanged(change_.get(), subject_->principals,
                                        subject_->application_principals)) {
    return std::nullopt;
  }
  if (!AddMovedByRules(world, &moved)) return std::nullopt;
  return moved;
}

void KnownCaller::HoldIn(const World& world, Micros until) {
  until_ = until;
  // What other rules permit was compared at this time, and not before.
  if (rules_.lock() != world.state.rules) from_ = world.now;
  rules_ = world.state.rules;
  rules_change_ = world.state.rules->last_change;
  change_ = world.state.directory->last_change();
}

std::shared_ptr<const Entitlements> KnownCaller::StillKnown(const World& world) const {
  if (Planted(Bug::kStaleEntitlements)) return entitlements_;
  const bool known = entitlements_ && judged_at_ <= world.now &&
                     world.now < entitlements_->until() &&
                     entitlements_->classes() <= world.state.classes.classes.size();
  return known ? entitlements_ : nullptr;
}

std::shared_ptr<KnownCaller> KnownCaller::Follow(std::shared_ptr<KnownCaller> known,
                                                 const World& world) {
  if (Planted(Bug::kStaleEntitlements)) return known;
  for (const auto& name : known->unknown_) {
    if (world.state.principals->Find(name)) return nullptr;
  }
  std::shared_ptr<const Entitlements> before;
  std::optional<Moved> moved;
  {
    std::lock_guard lock(known->mutex_);
    moved = known->MovedIn(world);
    if (!moved) return nullptr;
    if (moved->containers.empty()) {
      known->HoldIn(world, moved->until);
      return known;
    }
    before = known->StillKnown(world);
  }
  auto next = std::make_shared<KnownCaller>();
  next->subject_ = known->subject_;
  next->grant_ = known->grant_;
  next->unknown_ = known->unknown_;
  next->HoldIn(world, moved->until);
  if (before != nullptr) {
    next->entitlements_ = std::make_shared<const Entitlements>(
        Entitle(world, *next->subject_, before.get(), moved->containers));
    next->judged_at_ = world.now;
  }
  return next;
}

std::shared_ptr<const Entitlements> KnownCaller::EntitlementsIn(const World& world) {
  const size_t classes = world.state.classes.classes.size();
  std::shared_ptr<const Entitlements> known;
  {
    std::lock_guard lock(mutex_);
    known = StillKnown(world);
  }
  if (known && known->classes() == classes) return known;
  auto fresh = std::make_shared<const Entitlements>(Entitle(world, *subject_, known.get()));
  std::lock_guard lock(mutex_);
  // Not back to what an older View asked for.
  if (!entitlements_ || (judged_at_ <= world.now && entitlements_->classes() <= classes)) {
    entitlements_ = fresh;
    judged_at_ = world.now;
  }
  return fresh;
}

size_t KnownCaller::bytes() const {
  return sizeof(*this) + sizeof(*subject_) + subject_->principals.bytes() +
         subject_->application_principals.bytes();
}

StatusOr<std::shared_ptr<KnownCaller>> EntitlementCache::Find(const World& world,
                                                              const Authenticated& caller,
                                                              std::string_view as,
                                                              std::string_view destination) {
  const std::string key = KeyOf(caller, as, destination);
  const size_t classes_bytes = world.state.classes.classes.size() / 8;
  const auto before = Lookup(key, classes_bytes);
  auto known = before == nullptr ? nullptr : KnownCaller::Follow(before, world);
  if (known != nullptr && known == before) return known;
  if (known == nullptr) {
    ASSIGN_OR_RETURN(known, KnownCaller::Resolve(world, caller, as, destination));
  }
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
