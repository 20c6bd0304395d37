// The first steps of every read: collection, View and subject.
#pragma once

#include <memory>
#include <string>

#include "cordon/v1/retrieval.pb.h"
#include "engine/view/journaled.h"

namespace cordon {

// A pinned View with the collection and the subject that a request is about. The subject, by whom
// the guard decides, is always resolved in this View, never remembered: what is wrong with what is
// remembered misleads the search alone (docs/decisions/guard.md).
struct Access {
  PinnedView view;
  std::shared_ptr<const Collection> collection;
  Subject subject;

  // The break-glass access under which it asks; empty as a rule.
  std::string break_glass() const {
    return subject.break_glass ? subject.break_glass->id : std::string();
  }
};

// What the subject of `scope` may see, as the index understands it; from what is remembered of it,
// where that still holds.
StatusOr<AllowedSet> AllowedFor(const Access& access, const Authenticated& caller,
                                const v1::Scope& scope);

// FAILED_PRECONDITION unless the View has `revision`.
Status CheckReached(const View& view, uint64_t revision);

// Checks `right`, pins a View, and resolves who asks. FAILED_PRECONDITION if the asked
// revision is not reached: the server has waited for it, without a thread, before it called.
// Notes in `record` what the journal keeps of it, as soon as it is known.
// A `collection` that is hidden or absent is the same NOT_FOUND. Null: the call has none.
StatusOr<Access> Enter(const ReadContext& context, const std::string* collection,
                       const v1::Scope& scope, journal::v1::Record* record,
                       Right right = Right::kQuery);

}  // namespace cordon
