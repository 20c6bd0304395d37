// How many rows an AllowedSet permits: what plans are chosen by.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>

#include "engine/base/status.h"
#include "engine/index/scan.h"
#include "engine/index/segment.h"

namespace cordon {

// The permitted rows of `segments`; some number above `enough` as soon as there are more. With a
// filter, or where documents have times, each row is looked at: `stop` (may be empty) is asked
// every few thousand of them, and before each segment. DEADLINE_EXCEEDED when it says true.
StatusOr<uint64_t> CountPermitted(std::span<const Segment> segments, const AllowedSet& allowed,
                                  const std::function<bool()>& stop,
                                  uint64_t enough = std::numeric_limits<uint64_t>::max());

}  // namespace cordon
