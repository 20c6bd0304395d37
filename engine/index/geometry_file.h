// A geometry as bytes: what outlives a restart, so that fast answers stay what they were. The lists
// themselves are made of it and of the rows (docs/storage-format.md has the format).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/index/geometry.h"

namespace cordon {

std::string EncodeGeometry(const Geometry& geometry);

// DATA_LOSS for anything but what EncodeGeometry() made, whatever the bytes: a geometry is trained
// anew then.
StatusOr<std::shared_ptr<Geometry>> DecodeGeometry(std::string_view bytes);

// The same with a file. Writing replaces it as a whole, durably, or not at all. NOT_FOUND if there
// is none.
Status WriteGeometry(const Geometry& geometry, const std::string& path);
StatusOr<std::shared_ptr<Geometry>> ReadGeometry(const std::string& path);

}  // namespace cordon
