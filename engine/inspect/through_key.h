// What whoever is asked about gets by an application: its key bounds what it may ask at all, its
// clearance is a ceiling, and lists may deny it. Explain, WhoCanSee and AccessReport judge a key
// here.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/store/state.h"

namespace cordon {

// Borrows the state of `world`.
class ThroughKey {
 public:
  // The empty destination is each that the key may name: what one of them may receive is retrieved.
  // NOT_FOUND for "key_id" if the tenant has no such key.
  static StatusOr<ThroughKey> Of(const TenantState& state, Micros at, const std::string& key_id,
                                 const std::string& destination, bool dev);

  const std::shared_ptr<const Grant>& shared_grant() const { return grant_; }

  // Whether it retrieves anything at all, for whomever.
  bool MayRetrieve() const {
    return grant_->expires > at_ && grant_->rights.Has(Right::kQuery) && !destinations_.empty();
  }

  // Whether the key may ask for `name`, which is no alias, in the collection. A user's own token
  // may come with any call, so that no pattern needs to name the user.
  Verdict MayAsk(const std::string& name, const std::string& collection) const;

  // `name` as the key asks for it: one subject for each destination; one without, which must be
  // denied, if there is none. Errors are those of ResolveThrough(), and name the principal.
  StatusOr<std::vector<Subject>> Subjects(const std::string& name) const;

  // INVALID_ARGUMENT if a subject is judged under an access that this key may not use.
  Status CheckBreakGlass(const Subject& subject) const;

 private:
  ThroughKey(const TenantState& state, Micros at, std::string key_id,
             std::shared_ptr<const Grant> grant, bool dev)
      : state_(&state), at_(at), key_id_(std::move(key_id)), grant_(std::move(grant)), dev_(dev) {}

  World world() const { return {state_->policy, at_}; }

  const TenantState* state_;
  Micros at_;
  std::string key_id_;
  std::shared_ptr<const Grant> grant_;
  bool dev_;
  std::vector<std::string> destinations_;  // that may be named and are known
};

// The same if a key is named; nothing if none is.
template <typename Request>
StatusOr<std::optional<ThroughKey>> ThroughKeyOf(const Request& request, const TenantState& state,
                                                 Micros at, bool dev) {
  if (request.key_id().empty()) return std::optional<ThroughKey>();
  ASSIGN_OR_RETURN(ThroughKey through,
                   ThroughKey::Of(state, at, request.key_id(), request.destination(), dev));
  return std::optional<ThroughKey>(std::move(through));
}

}  // namespace cordon
