// The indexes of a collection at a start: from files of the index as far as they go, and from the
// store for the rest.
#pragma once

#include "engine/store/documents.h"
#include "engine/store/state.h"
#include "engine/view/index_files.h"

namespace cordon {

// That of the space which is searched. Sets the figures of `collection` as well. `geometry` may be
// null. DATA_LOSS if the store is inconsistent; files never are more than left out.
StatusOr<CollectionIndex> LoadIndex(const Documents& documents, const TenantState& state,
                                    IndexFiles* files, const Geometry* geometry,
                                    Collection* collection);

// That of the collection's other space, which it must have.
StatusOr<CollectionIndex> LoadOtherIndex(const Documents& documents, const TenantState& state,
                                         IndexFiles* files, const Geometry* geometry,
                                         const Collection& collection);

}  // namespace cordon
