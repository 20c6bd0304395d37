// What recent callers may see, remembered for one View.
//
// Entitle() is a function of the World and the Subject. A View's World never changes, and an entry
// is used only for a Subject of which every part that a decision reads is equal: there is nothing
// to invalidate. The next View begins with nothing.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>

#include "engine/policy/decide.h"

namespace cordon {

// Thread-safe. Every call must be given the same World.
class EntitlementCache {
 public:
  std::shared_ptr<const Entitlements> Of(const World& world, const Subject& subject);

 private:
  static constexpr size_t kEntries = 256;  // 3 MiB with 100,000 classes

  struct Entry {
    Subject subject;
    std::shared_ptr<const Entitlements> entitlements;
  };

  std::mutex mutex_;
  // By the hash of the name; guarded by mutex_. Made with the first entry.
  std::unique_ptr<std::array<std::shared_ptr<const Entry>, kEntries>> entries_;
};

}  // namespace cordon
