// The first steps of every read: collection, View and subject.
#pragma once

#include <memory>
#include <string>

#include "cordon/v1/retrieval.pb.h"
#include "engine/view/journaled.h"

namespace cordon {

// A pinned View with the collection and the subject that a request is about.
struct Access {
  PinnedView view;
  std::shared_ptr<const Collection> collection;
  std::shared_ptr<KnownCaller> caller;

  const Subject& subject() const { return caller->subject(); }
  // The break-glass access under which it asks; empty as a rule.
  std::string break_glass() const {
    return subject().break_glass ? subject().break_glass->id : std::string();
  }
  // What the subject may see, as the index understands it.
  AllowedSet Allowed() const;
};

// Checks `right`, pins a View, and resolves who asks. FAILED_PRECONDITION if the asked
// revision is not reached: the server has waited for it, without a thread, before it called.
// Notes in `record` what the journal keeps of it, as soon as it is known.
// A `collection` that is hidden or absent is the same NOT_FOUND. Null: the call has none.
StatusOr<Access> Enter(const ReadContext& context, const std::string* collection,
                       const v1::Scope& scope, journal::v1::Record* record,
                       Right right = Right::kQuery);

}  // namespace cordon
