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

// Only what is in the way goes: a listing that is slow and in nobody's way goes on.
StatusOr<std::vector<OpenListings::Place*>> OpenListings::MakingWay(const ListingScope& scope,
                                                                    Micros now) const {
  constexpr Micros kSilence = Micros{limits::kListingSilence_s} * 1'000'000;
  std::vector<Place*> going;
  // Whether no more than `most` of those in the way stay, by as few that go as will do.
  const auto leaves = [&](size_t most, const auto& in_the_way) {
    std::vector<Place*> staying;
    for (Place* place : open_) {
      const bool goes = std::find(going.begin(), going.end(), place) != going.end();
      if (!goes && in_the_way(place->scope_)) staying.push_back(place);
    }
    size_t left = staying.size();
    for (Place* place : staying) {
      if (left <= most) break;
      if (place->working_ || now - place->resting_since_ < kSilence) continue;
      going.push_back(place);
      --left;
    }
    return left <= most;
  };
  if (!leaves(0, [&](const auto& other) { return Overlap(other, scope); })) {
    return Exhausted("begin.source",
                     "another listing of this source is on its way in; try again when it has ended",
                     kTryAgain_ms);
  }
  const auto of_tenant = [&](const auto& other) { return other.tenant == scope.tenant; };
  const auto of_caller = [&](const auto& other) {
    return of_tenant(other) && other.caller == scope.caller;
  };
  if (!leaves(limits::kListingsOfOne - 1, of_caller)) return TooMany(limits::kListingsOfOne);
  if (!leaves(limits::kListingsPerTenant - 1, of_tenant)) {
    return TooMany(limits::kListingsPerTenant);
  }
  return going;
}

StatusOr<std::unique_ptr<OpenListings::Place>> OpenListings::Enter(ListingScope scope, Micros now,
                                                                   std::function<void()> lost) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(const std::vector<Place*> going, MakingWay(scope, now));
  for (Place* place : going) {
    open_.remove(place);
    place->lost_ = true;
    if (place->tell_lost_) place->tell_lost_();
  }
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
