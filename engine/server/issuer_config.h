// The issuers of users' tokens in the server's settings.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

#include "engine/identity/issuer.h"

namespace cordon {

// Reads the value of the key `issuers` of the file `path`. Refuses unknown keys, keys given twice,
// wrong values and what CheckIssuers() refuses, naming key and line.
Status ReadIssuers(const std::string& path, const YAML::Node& node, std::vector<Issuer>* issuers);

}  // namespace cordon
