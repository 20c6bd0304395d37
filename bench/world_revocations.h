// Revocations of real permissions, in an engine that has the groups, containers and lists of a
// world, each list that of one document.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bench/permission_world.h"

namespace cordon::bench {

// Users lose a document that they may see, `times` in each of the ways that the world has: `list`,
// what names them or their groups is taken from the document's list; `group`, they leave the group
// that they see it by; `container`, what names them is taken from a container that the document is
// in. Each is undone before the next. `folder` is not there yet.
nlohmann::json RevokeInWorld(const std::string& folder, const PermissionLists& lists, size_t times);

}  // namespace cordon::bench
