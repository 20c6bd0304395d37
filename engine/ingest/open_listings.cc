#include "engine/ingest/open_listings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/limits.h"

namespace cordon {
namespace {

constexpr int64_t kTryAgain_ms = 1000;  // listings take seconds at least

// Whether both may be about the same document.
bool Overlap(const ListingScope& a, const ListingScope& b) {
  return a.tenant == b.tenant && a.collection == b.collection && a.source == b.source &&
         (a.id_prefix.starts_with(b.id_prefix) || b.id_prefix.starts_with(a.id_prefix));
}

Status TooMany(size_t open) {
  return Exhausted(
      "begin", fmt::format("{} listings are on their way in; try again when one has ended", open),
      kTryAgain_ms);
}

}  // namespace

Status OpenListings::InTheWayOf(const ListingScope& scope) const {
  size_t of_tenant = 0, of_caller = 0;
  for (const Place* place : open_) {
    const ListingScope& other = place->scope_;
    if (Overlap(other, scope)) {
      return Exhausted(
          "begin.source",
          "another listing of this source is on its way in; try again when it has ended",
          kTryAgain_ms);
    }
    of_tenant += other.tenant == scope.tenant;
    of_caller += other.tenant == scope.tenant && other.caller == scope.caller;
  }
  if (of_tenant >= limits::kListingsPerTenant) return TooMany(of_tenant);
  return of_caller >= limits::kListingsOfOne ? TooMany(of_caller) : OkStatus();
}

StatusOr<std::unique_ptr<OpenListings::Place>> OpenListings::Enter(ListingScope scope, Micros now,
                                                                   std::function<void()> lost) {
  constexpr Micros kSilence = Micros{limits::kListingSilence_s} * 1'000'000;
  std::lock_guard lock(mutex_);
  if (!InTheWayOf(scope).ok()) {
    // Only for who needs it: a listing that is slow and in nobody's way goes on.
    open_.remove_if([&](Place* place) {
      const bool silent = !place->working_ && now - place->resting_since_ >= kSilence;
      const bool goes = silent && place->scope_.tenant == scope.tenant;
      if (!goes) return false;
      place->lost_ = true;
      if (place->tell_lost_) place->tell_lost_();
      return true;
    });
  }
  RETURN_IF_ERROR(InTheWayOf(scope));
  std::unique_ptr<Place> place(new Place(this, std::move(scope), std::move(lost)));
  open_.push_back(place.get());
  return place;
}

Status ListingLost() {
  return Status(StatusCode::kAborted, "",
                fmt::format("nothing of it came for {} s and another listing has begun; what is "
                            "written stays, nothing was deleted; send the listing again",
                            limits::kListingSilence_s));
}

OpenListings::Place::~Place() {
  std::lock_guard lock(of_->mutex_);
  of_->open_.remove(this);
}

Status OpenListings::Place::Resume() {
  std::lock_guard lock(of_->mutex_);
  if (lost_) return ListingLost();
  working_ = true;
  return OkStatus();
}

void OpenListings::Place::Rest(Micros now) {
  std::lock_guard lock(of_->mutex_);
  working_ = false;
  resting_since_ = now;
}

}  // namespace cordon
