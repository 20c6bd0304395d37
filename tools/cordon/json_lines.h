// A file of JSON values, one a line, that is read whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "tools/cordon/json_reader.h"

namespace cordon {

// Calls `read` with the value of each line of `path` (gzip or not; - is standard input) that is not
// blank, in order; the value is borrowed for the call. Gives the numbers of those lines, from 1.
// The first error ends it, with its line's number; INVALID_ARGUMENT for a line of more than
// `line_bytes_max` bytes. For one thread.
StatusOr<std::vector<uint64_t>> ReadJsonLines(const std::string& path, size_t line_bytes_max,
                                              const std::function<Status(JsonValue)>& read);

}  // namespace cordon
