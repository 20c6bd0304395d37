// A change that was tried on a tenant and not made: what it was before, and what it would be after.
#pragma once

#include <string>
#include <vector>

#include "cordon/v1/ingest.pb.h"
#include "engine/view/tenant.h"

namespace cordon {

// Immutable. `after` shares what is the same with the state before, and may number classes and
// principals that no View has: it is judged as it is and never comes near a cache.
struct Trial {
  PinnedView before;  // the newest published View; the documents are read by it
  TenantState after;
  // If documents are touched: their collection, which `after` has no more if it is deleted, and
  // what becomes of them; without content.
  std::string collection;
  std::vector<RowChange> rows;
  std::vector<v1::Refusal> refused;  // of documents that are written: those that are not touched
  bool more = false;                 // of Erase: it leaves some to a later mutation
  std::string break_glass;           // the access that is opened or closed
  v1::SyncDirectoryResponse sync;    // of SyncDirectory: all but the revision

  // The time at which both are judged.
  Micros now() const { return before.as_of; }
};

}  // namespace cordon
