// The HTTP endpoints in the server's settings.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

#include "engine/embed/endpoint.h"

namespace cordon {

// Reads the value of the key `endpoints` of the file `path`: a list of maps with the keys name,
// kind (embeddings or rerank), url, ca_file, model, response_model, dimension, key_file, key_env,
// deadline_ms, pause_ms, batch, concurrency. Refuses unknown keys, keys and names given twice,
// wrong values and what CheckEndpoint() refuses, naming key and line.
Status ReadEndpoints(const std::string& path, const YAML::Node& node,
                     std::vector<EndpointConfig>* endpoints);

}  // namespace cordon
