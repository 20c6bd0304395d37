// Looks for what is left of erased documents in the files of the store.
#pragma once

#include <cstdint>
#include <set>

#include "engine/store/database.h"

namespace cordon {

struct Searched {
  uint64_t files = 0;
  uint64_t records_left = 0;  // records of the documents, hidden ones included
};

// Reads every table between whose keys one of these documents lies, and the whole log, entry by
// entry.
// UNAVAILABLE if files went while they were read: then it is to be tried again.
StatusOr<Searched> SearchRemains(const Database& database, uint32_t tenant, uint32_t collection,
                                 const std::set<uint64_t>& numbers);

}  // namespace cordon
