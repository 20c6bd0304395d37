// The collections that a question may be about.
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

// Which classes have a stored chunk in one of those.
std::vector<bool> UsableClasses(const ReadContext& context, const View& view);

}  // namespace cordon
