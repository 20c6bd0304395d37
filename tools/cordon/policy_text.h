// The policy in force → a file that ParsePolicy reads again.
#pragma once

#include <string>

#include "cordon/v1/policy.pb.h"

namespace cordon {

// As one line of JSON, with the revision and the journal's record.
std::string PolicyJson(const v1::GetPolicyResponse& response);

// As YAML, for people and version control: a line for each container and destination.
std::string PolicyYaml(const v1::GetPolicyResponse& response);

}  // namespace cordon
