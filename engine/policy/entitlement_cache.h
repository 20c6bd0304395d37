// Who recent callers are and what they may see, remembered from one View to the next.
//
// Nothing is ever flushed. An entry keeps what it was made of, is checked against it on each use,
// and only what moved is made anew:
//   the subject     the rules for labels and consumers; the directory's changes, of which none
//                   concerns one of its principals; the time at which the first of its memberships
//                   ends or another begins; that names which stood for nobody still do
//   the classes     the same; the changes of containers, each of which must leave to the subject
//                   what the container's own list permits, or the classes that inherit from it are
//                   judged anew; the time at which the first of the entries that name the subject
//                   begins or ends; and how many classes there were: later ones are judged when
//                   they are asked for
// Nor does an entry change what it says: where something moved, another one takes its place, so
// that who holds the first for an older View is told what that View says.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "engine/base/limits.h"
#include "engine/policy/decide.h"

namespace cordon {

// A caller as it asks for somebody, for a destination. Thread-safe.
class KnownCaller {
 public:
  // Resolves who asks; the errors are those of ResolveSubject(), and of BreakGlass() if an access
  // is named.
  static StatusOr<std::shared_ptr<KnownCaller>> Resolve(const World& world,
                                                        const Authenticated& caller,
                                                        std::string_view as,
                                                        std::string_view destination,
                                                        std::string_view break_glass = {});

  const Subject& subject() const { return *subject_; }

  // `known` if it holds in `world`: ResolveSubject() would give the same, and all containers permit
  // to it what they did. One made of it if containers permit something else, and nothing else
  // moved. Null if who asks must be resolved anew.
  static std::shared_ptr<KnownCaller> Follow(std::shared_ptr<KnownCaller> known,
                                             const World& world);

  // Entitle(world, subject()), for a world in which this holds.
  std::shared_ptr<const Entitlements> EntitlementsIn(const World& world);

  // Of memory, about.
  size_t bytes() const;

 private:
  // What is not in `world` as this was made of it.
  struct Moved {
    std::set<std::string> containers;  // that may permit something else to the subject
    Micros until;                      // before then all others permit the same
  };
  // Nothing if more moved than containers, or it is not known what. Requires mutex_.
  std::optional<Moved> MovedIn(const World& world) const;
  // Adds what the rules moved; false if it was more. Requires mutex_.
  bool AddMovedByRules(const World& world, Moved* moved) const;

  // This holds in `world`, and there until `until`: later ones are compared with it. Requires
  // mutex_.
  void HoldIn(const World& world, Micros until);
  // Entitlements of this that still are what they were, to the first classes at least; null if
  // there are none. Requires mutex_.
  std::shared_ptr<const Entitlements> StillKnown(const World& world) const;

  std::shared_ptr<const Subject> subject_;
  std::shared_ptr<const Grant> grant_;  // of the caller
  std::vector<std::string>
      unknown_;  // names that stood for nobody, as no list and no group named them

  std::mutex mutex_;
  Micros from_ = 0;   // this holds not before; guarded by mutex_
  Micros until_ = 0;  // nor from then on; guarded by mutex_
  // Not kept alive: callers who ask no more would keep all containers as they once were.
  std::weak_ptr<const PolicyRules> rules_;            // guarded by mutex_
  std::shared_ptr<const RulesChange> rules_change_;   // the last of rules_; guarded by mutex_
  std::shared_ptr<const Directory::Change> change_;   // guarded by mutex_
  std::shared_ptr<const Entitlements> entitlements_;  // guarded by mutex_
  Micros judged_at_ = 0;                              // guarded by mutex_
};

// Holds limits::kCallersBytes; who asked least recently goes first. Thread-safe.
class EntitlementCache {
 public:
  // Only tests choose another bound.
  explicit EntitlementCache(size_t bytes_max = limits::kCallersBytes) : bytes_max_(bytes_max) {}

  // How much it holds, about.
  size_t bytes();

  // The caller as it is in `world`. One cache serves the worlds of one tenant.
  StatusOr<std::shared_ptr<KnownCaller>> Find(const World& world, const Authenticated& caller,
                                              std::string_view as, std::string_view destination);

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<KnownCaller> caller;
    size_t own_bytes;      // without the bitmap
    size_t classes_bytes;  // of the bitmap
  };

  // `classes_bytes` is what a bitmap of the classes takes now: an entry grows with them.
  std::shared_ptr<KnownCaller> Lookup(const std::string& key, size_t classes_bytes);
  void Insert(const std::string& key, const std::shared_ptr<KnownCaller>& caller,
              size_t classes_bytes);
  // Forgets who asked least recently until the rest fits. Requires mutex_.
  void Shrink();

  const size_t bytes_max_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // guarded by mutex_; the most recently asked for first
  std::unordered_map<std::string, std::list<Entry>::iterator> places_;  // guarded by mutex_
  size_t bytes_ = 0;                                                    // guarded by mutex_
};

}  // namespace cordon
