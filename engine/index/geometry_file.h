// A geometry as bytes: what outlives a restart, so that fast answers stay what they were. The lists
// themselves are made of it and of the rows (docs/storage-format.md has the format). Centroids are
// averages of vectors: whoever stores the bytes seals them (ingest/upkeep_worker.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/index/geometry.h"

namespace cordon {

struct StoredGeometry {
  std::shared_ptr<Geometry> geometry;
  uint64_t changed;  // vectors that have come or changed since it was trained
};

std::string EncodeGeometry(const Geometry& geometry, uint64_t changed = 0);

// DATA_LOSS for anything but what EncodeGeometry() made, whatever the bytes: a geometry is trained
// anew then.
StatusOr<StoredGeometry> DecodeGeometry(std::string_view bytes);

}  // namespace cordon
