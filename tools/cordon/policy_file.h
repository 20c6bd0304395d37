// A policy file (YAML or JSON) → v1::ApplyPolicyRequest, strictly: unknown keys, keys given twice
// and values of another type are refused with their path, such as `destinations[0].ceiling.level`.
#pragma once

#include <cstddef>
#include <string_view>

#include "cordon/v1/policy.pb.h"
#include "engine/base/status.h"

namespace cordon {

constexpr size_t kPolicyBytesMax = 64 << 20;  // of a file: four times what a message takes

// Reads the text of a policy file. What the names mean is the server's to judge.
StatusOr<v1::ApplyPolicyRequest> ParsePolicy(std::string_view text);

}  // namespace cordon
