// Which listings of sources are on their way in (docs/decisions/source-sync.md).
//
// One at a time of what its key may write of a source: of two at once, one would delete or set back
// what the other had compared and left alone. Who has been silent for long gives its place away, so
// that a client which hangs stops nobody.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/status.h"

namespace cordon {

// What a listing is of, and whose.
struct ListingScope {
  std::string tenant;
  std::string collection;
  std::string source;
  std::string id_prefix;  // of the ids that its key writes
  std::string caller;     // by whom it is counted
};

// The refusal of a listing whose place another has got: ABORTED.
Status ListingLost();

// Thread-safe.
class OpenListings {
 public:
  // The place of one listing; it is given back with it.
  class Place {
   public:
    ~Place();
    // Before each message but the first: it is worked on, and the place is safe until Rest().
    // ListingLost() if another listing has got the place.
    Status Resume();
    // After each message, when nothing of it is on its way any more.
    void Rest(Micros now);

   private:
    friend class OpenListings;
    Place(OpenListings* of, ListingScope scope, std::function<void()> lost)
        : of_(of), scope_(std::move(scope)), tell_lost_(std::move(lost)) {}

    OpenListings* const of_;
    const ListingScope scope_;
    const std::function<void()> tell_lost_;
    // Guarded by of_->mutex_.
    bool working_ = true;
    bool lost_ = false;
    Micros resting_since_ = 0;
  };

  // A place, safe at first. RESOURCE_EXHAUSTED if an overlapping listing is on its way in, or as
  // many as may be of the caller or of the tenant. The places do not outlive this. `lost`, if
  // given, is called when another has got the place, so that the listing ends and gives its memory
  // back: by the other's thread, while the place is there, and may not call this.
  StatusOr<std::unique_ptr<Place>> Enter(ListingScope scope, Micros now,
                                         std::function<void()> lost = {});

 private:
  // The silent listings that go, so that one of `scope` gets a place; the refusal if that is not
  // enough, and then none of them goes. Requires mutex_.
  StatusOr<std::vector<Place*>> MakingWay(const ListingScope& scope, Micros now) const;

  std::mutex mutex_;
  std::list<Place*> open_;  // guarded by mutex_; those that have lost their place are not in it
};

}  // namespace cordon
