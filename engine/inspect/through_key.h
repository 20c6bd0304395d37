// What whoever is asked about gets by an application: its key bounds what it may ask at all, its
// clearance is a ceiling, and lists may deny it. Explain, WhoCanSee and AccessReport judge a key
// here.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/inspect/judged.h"

namespace cordon {

// Borrows the state that `judged` borrows.
class ThroughKey {
 public:
  // In the state, at the time and for the destination of `judged`. The empty destination is each
  // that the key may name: what one of them may receive is retrieved. NOT_FOUND for "key_id" if the
  // tenant has no such key, FAILED_PRECONDITION if it would retrieve and its own principal is
  // undetermined, so that it asks for nobody.
  static StatusOr<ThroughKey> Of(const Judged& judged, const std::string& key_id);

  const std::shared_ptr<const Grant>& shared_grant() const { return grant_; }

  // Whether it retrieves anything at all, for whomever.
  bool MayRetrieve() const {
    return grant_->expires > at_ && grant_->rights.Has(Right::kQuery) && !destinations_.empty();
  }

  // Whether the key may ask for `name`, which is no alias, in the collection. A user's own token
  // may come with any call, so that no pattern needs to name the user.
  Verdict MayAsk(const std::string& name, const std::string& collection) const;

  // `name` as the key asks for it: one subject for each destination; one without, which must be
  // denied, if there is none. Errors are those of Judged::Subjects(). Borrows the destinations.
  StatusOr<JudgedSubjects> Subjects(const std::string& name) const;

  // INVALID_ARGUMENT if a subject is judged under an access that this key may not use.
  Status CheckBreakGlass(const Subject& subject) const;

 private:
  ThroughKey(const Judged& judged, std::string key_id, std::shared_ptr<const Grant> grant)
      : state_(&judged.state()),
        at_(judged.world().now),
        key_id_(std::move(key_id)),
        grant_(std::move(grant)) {}

  const TenantState* state_;
  Micros at_;
  std::string key_id_;
  std::shared_ptr<const Grant> grant_;
  std::vector<Destination> destinations_;  // that may be named and are known
};

// The same if a key is named; nothing if none is.
template <typename Request>
StatusOr<std::optional<ThroughKey>> ThroughKeyOf(const Request& request, const Judged& judged) {
  if (request.key_id().empty()) return std::optional<ThroughKey>();
  ASSIGN_OR_RETURN(ThroughKey through, ThroughKey::Of(judged, request.key_id()));
  return std::optional<ThroughKey>(std::move(through));
}

}  // namespace cordon
