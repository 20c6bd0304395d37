#include "engine/server/endpoint_config.h"

#include "engine/server/yaml_reader.h"

namespace cordon {
namespace {

StatusOr<EndpointConfig> ReadEndpoint(const YamlReader& reader, const YAML::Node& node) {
  EndpointConfig config;
  int dimension = 0;
  const auto text = [&](const std::string& key, std::string* value) {
    return std::pair(key, [&reader, key, value](const YAML::Node& in) -> Status {
      RETURN_IF_ERROR(reader.Text(in, "endpoints." + key, value));
      return value->empty()
                 ? reader.Bad(in, "endpoints." + key, "empty; give a value, or leave the key out")
                 : OkStatus();
    });
  };
  const auto number = [&](const std::string& key, int* value) {
    return std::pair(key, [&reader, key, value](const YAML::Node& in) {
      return reader.Number(in, "endpoints." + key, value);
    });
  };
  const auto kind = [&](const YAML::Node& in) -> Status {
    std::string name;
    RETURN_IF_ERROR(reader.Text(in, "endpoints.kind", &name));
    if (name != "embeddings" && name != "rerank") {
      return reader.Bad(in, "endpoints.kind", "not 'embeddings' or 'rerank'");
    }
    config.kind =
        name == "rerank" ? EndpointConfig::Kind::kRerank : EndpointConfig::Kind::kEmbeddings;
    return OkStatus();
  };
  RETURN_IF_ERROR(reader.Map(node, "endpoints",
                             {text("name", &config.name),
                              {"kind", kind},
                              text("url", &config.target.url),
                              text("ca_file", &config.target.ca_file),
                              text("model", &config.model),
                              text("response_model", &config.response_model),
                              number("dimension", &dimension),
                              text("key_file", &config.key_file),
                              text("key_env", &config.key_env),
                              number("deadline_ms", &config.deadline_ms),
                              number("pause_ms", &config.pause_ms),
                              number("batch", &config.batch),
                              number("concurrency", &config.concurrency)}));
  if (dimension < 0) return reader.Bad(node, "endpoints.dimension", "less than 0");
  config.dimension = static_cast<uint32_t>(dimension);
  if (const Status checked = CheckEndpoint(config).Within("endpoints"); !checked.ok()) {
    return reader.Bad(node, checked.field(), checked.message());
  }
  return config;
}

}  // namespace

Status ReadEndpoints(const std::string& path, const YAML::Node& node,
                     std::vector<EndpointConfig>* endpoints) {
  const YamlReader reader(path);
  if (!node.IsSequence()) return reader.Bad(node, "endpoints", "not a list");
  if (node.size() > limits::kEndpoints) {
    return reader.Bad(node, "endpoints", fmt::format("more than {}", limits::kEndpoints));
  }
  for (const auto& entry : node) {
    ASSIGN_OR_RETURN(EndpointConfig config, ReadEndpoint(reader, entry));
    for (const EndpointConfig& earlier : *endpoints) {
      if (earlier.name == config.name) {
        return reader.Bad(entry, "endpoints.name", "given twice; keep one");
      }
    }
    endpoints->push_back(std::move(config));
  }
  return OkStatus();
}

}  // namespace cordon
