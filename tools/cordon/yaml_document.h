// The text of a YAML file → its tree.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string_view>

#include "engine/base/status.h"

namespace cordon {

// Refuses what is not exactly one YAML document, with the line where the reader stopped. The tree
// may hold aliases, and so be endless: whoever walks it counts.
StatusOr<YAML::Node> ReadYaml(std::string_view text);

}  // namespace cordon
