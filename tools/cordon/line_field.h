// Refusals of a file's lines: which line it was, and where in it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace cordon {

// `status` as about a line of a file.
Status OnLine(uint64_t line, std::string_view field, const Status& status);

// The server's refusal with its field `LIST[i].members[2]` as `members[2]` of the line lines[i].
Status AtLine(const Status& status, std::string_view list, const std::vector<uint64_t>& lines);

}  // namespace cordon
