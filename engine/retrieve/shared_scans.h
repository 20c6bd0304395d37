// Questions of one batch that share a scan of what their caller may see.
#pragma once

#include <optional>
#include <vector>

#include "engine/retrieve/answer.h"
#include "engine/view/journaled.h"

namespace cordon {

// Those share that follow one another and ask the same collection with the same scope, mode and
// recall, in one View. What is found for them together is what each would find alone; the
// guard's decisions, the record, the quota and the limits stay each question's own. A question with
// a filter, by words alone or for an endpoint is answered by itself.
//   A View is held from the first question of a group to its last. A group is no larger than a scan
// is wide and has no other question between its own: none of its questions waits for an endpoint,
// and a slow answer to somebody else would keep what is revoked meanwhile. For one thread.
class SharedScans {
 public:
  // A question on its way, with its record as far as it is known.
  struct Share {
    journal::v1::Record record;
    std::optional<PreparedQuestion> prepared;  // nothing: to be answered alone, from the beginning
  };

  // Borrows both.
  SharedScans(const ReadContext& context, const v1::BatchRetrieveRequest& batch);

  // Question i. Each is taken once, in their order; the first of a group searches for all of it.
  Share Take(int i);

 private:
  // Of one question.
  struct Place {
    std::optional<Share> share;
    bool tried = false;  // it shares now, or cannot
  };

  void Search(int first);
  int EndOfGroup(int first) const;
  std::vector<int> PrepareGroup(int first);
  bool SearchFor(const std::vector<int>& sharers);
  Share Alone() const;

  const ReadContext& context_;
  const v1::BatchRetrieveRequest& batch_;
  std::vector<Place> places_;
};

}  // namespace cordon
