// The collections that a question may be about, and what else an auditor's right covers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/view/journaled.h"

namespace cordon {

// The collection, for callers whose key may use it; hidden and absent are the same NOT_FOUND. Notes
// it and the View's revision in `record`.
StatusOr<std::shared_ptr<const Collection>> FindCollection(const ReadContext& context,
                                                           const View& view,
                                                           const std::string& name,
                                                           journal::v1::Record* record);

// All that the caller's key may use, by name.
std::vector<std::shared_ptr<const Collection>> UsableCollections(const ReadContext& context,
                                                                 const View& view);

// Whether an auditor's right covers what changed the tenant: of a collection that its key may use,
// or of the whole tenant, such as the directory, the policy or keys. `dropped` is the number of a
// collection that has no name any more, else 0.
bool CoversChange(const Authenticated& caller, const std::string& collection, uint32_t dropped);

// The same for a record of the journal. A read or a refusal that names no collection may have been
// about any: it is for who may use all of them, and for the caller itself.
bool CoversRecord(const ReadContext& context, const journal::v1::Record& record);

// Which classes have a stored chunk in one of those.
std::vector<bool> UsableClasses(const ReadContext& context, const View& view);

}  // namespace cordon
