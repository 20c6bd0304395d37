// A change that was tried on a tenant and not made: what it was before, and what it would be after.
#pragma once

#include <string>
#include <vector>

#include "engine/view/tenant.h"

namespace cordon {

// Immutable. `after` shares what is the same with the state before, and may number classes that no
// View has: it is judged as it is and never comes near a cache.
struct Trial {
  PinnedView before;  // the newest published View; the documents are read by it
  TenantState after;
  // Of SetAccess and Delete: the collection, and what becomes of the document, if it is there.
  std::string collection;
  std::vector<RowChange> rows;
  v1::SyncDirectoryResponse sync;  // of SyncDirectory: all but the revision

  // The time at which both are judged.
  Micros now() const { return before.as_of; }
};

}  // namespace cordon
