// Random bytes for secrets. Tests and benches take base/random.h instead.
#pragma once

#include <cstddef>
#include <string>

#include "engine/base/status.h"

namespace cordon {

// `count` bytes from OpenSSL's generator, seeded by the system. UNAVAILABLE if it cannot vouch for
// them: never weaker bytes instead. Thread-safe.
StatusOr<std::string> RandomBytes(size_t count);

}  // namespace cordon
