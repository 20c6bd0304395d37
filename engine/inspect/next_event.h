// When the answer to an auditor's question may become another one: an answer that is true now and
// no more in a minute says so.
#pragma once

#include <algorithm>
#include <vector>

#include "engine/store/codec.h"
#include "engine/store/state.h"

namespace cordon {

// The first moment later than the time asked about at which something begins or ends of what is
// added. Until then nothing does, so that the answer stays as it is.
class NextEventAfter {
 public:
  explicit NextEventAfter(Micros at) : at_(at) {}

  // Memberships, containers, terms of destinations, keys, break-glass.
  void AddState(const TenantState& state);
  // The class's own lists; its containers are of the state. An unknown class has none.
  void AddClass(const PolicyState& policy, ClassId id);
  void AddValidity(const Validity& validity) {
    Add(validity.from);
    Add(validity.until);
  }

  // Nothing is told if nothing is to come.
  template <typename Response>
  void Tell(Response* response) const {
    if (next_ != kNever) *response->mutable_next_event() = ToProtoTime(next_);
  }

 private:
  void Add(Micros time) {
    if (time > at_) next_ = std::min(next_, time);
  }

  const Micros at_;
  Micros next_ = kNever;
  std::vector<bool> classes_;  // that were looked at; of one number in whatever state
};

}  // namespace cordon
