#include "tests/scenarios/story.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <fstream>
#include <sstream>

#include "tools/cordon/access_json.h"
#include "tools/cordon/message_json.h"
#include "tools/cordon/policy_file.h"
#include "tools/cordon/yaml_json.h"

namespace cordon {
namespace {

constexpr uint32_t kDimension = 64;  // of the built-in embedder, unless a story says otherwise

Status ReadRights(JsonValue value, v1::KeyGrant* grant) {
  std::vector<std::string> names;
  RETURN_IF_ERROR(ReadNames(value, &names));
  for (const auto& name : names) {
    if (name == "all") {
      for (int right = v1::RIGHT_QUERY; right <= v1::RIGHT_ADMIN; ++right) {
        grant->add_rights(v1::Right(right));
      }
      continue;
    }
    if (RightByName(name) == v1::RIGHT_UNSPECIFIED) return Invalid("", "no right: " + name);
    grant->add_rights(RightByName(name));
  }
  return OkStatus();
}

Status ReadGrant(JsonValue value, v1::KeyGrant* grant) {
  const auto names = [](google::protobuf::RepeatedPtrField<std::string>* list) {
    return [list](JsonValue v) {
      std::vector<std::string> read;
      RETURN_IF_ERROR(ReadNames(v, &read));
      list->Assign(read.begin(), read.end());
      return OkStatus();
    };
  };
  grant->mutable_clearance()->set_symbol(v1::Clearance::SYMBOL_LOWEST);
  const auto clearance = [grant](JsonValue v) {
    grant->clear_clearance();
    return ReadClearance(v, grant->mutable_clearance());
  };
  return ReadObject(value, {StringField("principal", grant->mutable_principal()),
                            {"rights", [grant](JsonValue v) { return ReadRights(v, grant); }},
                            {"acts_for", names(grant->mutable_as_patterns())},
                            {"clearance", clearance},
                            {"collections", names(grant->mutable_collections())},
                            StringField("id_prefix", grant->mutable_id_prefix()),
                            {"destinations", names(grant->mutable_destinations())},
                            {"quota", [grant](JsonValue v) {
                               ASSIGN_OR_RETURN(*grant->mutable_quota(),
                                                ParseQuotaOption("quota", ToText(v)));
                               return OkStatus();
                             }}});
}

Status ReadCollection(JsonValue value, v1::CollectionConfig* config) {
  std::string metric = "cosine";
  std::string embedder = "builtin";
  uint32_t dimension = kDimension;
  RETURN_IF_ERROR(ReadObject(
      value,
      {StringField("metric", &metric),
       StringField("embedder", &embedder),
       {"dimension", [&](JsonValue v) { return ReadUint32(v, &dimension); }},
       {"default_label",
        [&](JsonValue v) { return ReadLabel(v, config->mutable_default_label()); }},
       {"default_acl", [&](JsonValue v) { return ReadAcl(v, config->mutable_default_acl()); }},
       {"attributes",
        [&](JsonValue v) { return ReadAttributeSpecs(v, config->mutable_attributes()); }}}));
  config->set_dimension(dimension);
  if (metric == "cosine") config->set_metric(v1::METRIC_COSINE);
  if (metric == "ip") config->set_metric(v1::METRIC_INNER_PRODUCT);
  if (metric == "l2") config->set_metric(v1::METRIC_L2);
  if (config->metric() == v1::METRIC_UNSPECIFIED) {
    return Invalid("metric", "must be cosine, ip or l2");
  }
  if (embedder != "builtin" && embedder != "none") {
    return Invalid("embedder", "must be builtin or none");
  }
  config->set_embedder(embedder == "none" ? v1::EMBEDDER_NONE : v1::EMBEDDER_BUILTIN);
  return OkStatus();
}

// `{name: …}`: what `read` makes of each member.
Status ReadNamed(JsonValue value, const std::function<Status(std::string, JsonValue)>& read) {
  if (!value.is_object()) return WrongType(value, "a map from names");
  for (const auto [name, member] : simdjson::dom::object(value)) {
    if (Status status = read(std::string(name), member); !status.ok()) return status.Within(name);
  }
  return OkStatus();
}

StatusOr<Step> ReadStep(JsonValue value) {
  if (!value.is_object()) return WrongType(value, "a step, such as `- sees: {…}`");
  Step step;
  // The first key is the verb.
  for (const auto [name, member] : simdjson::dom::object(value)) {
    if (step.verb.empty()) {
      step.verb = name;
      step.subject = member;
    } else {
      step.beside.emplace(name, member);
    }
  }
  if (step.verb.empty()) return Invalid("", "an empty step");
  return step;
}

Status ReadParts(JsonValue value, Story* story) {
  const auto policy = [story](JsonValue v) {
    ASSIGN_OR_RETURN(story->policy, ParsePolicy(ToText(v)));
    return OkStatus();
  };
  const auto documents = [story](JsonValue v) {
    return ReadArray(v, [story](JsonValue document) {
      story->documents.push_back(document);
      return OkStatus();
    });
  };
  const auto steps = [story](JsonValue v) {
    return ReadArray(v, [story](JsonValue step) {
      ASSIGN_OR_RETURN(story->steps.emplace_back(), ReadStep(step));
      return OkStatus();
    });
  };
  return ReadObject(
      value, {{"proves", [&](JsonValue v) { return ReadNames(v, &story->proves); }},
              StringField("about", &story->about),
              StringField("pending", &story->pending),
              {"policy", policy},
              {"directory", [&](JsonValue v) { return ReadDirectory(v, &story->directory); }},
              {"collections", [&](JsonValue v) { return ReadCollections(v, &story->collections); }},
              {"keys", [&](JsonValue v) { return ReadKeys(v, &story->keys); }},
              {"documents", documents},
              {"steps", steps}});
}

// Where the parts and the steps stand in the file.
void FindLines(const std::string& text, Story* story) {
  const YAML::Node root = YAML::Load(text);
  for (const auto& part : root) {
    story->lines[part.first.as<std::string>()] = part.first.Mark().line + 1;
  }
  for (size_t i = 0; i < story->steps.size(); ++i) {
    story->steps[i].line = root["steps"][i].Mark().line + 1;
  }
}

}  // namespace

std::string ToText(JsonValue value) { return simdjson::minify(value); }

Status ReadNames(JsonValue value, std::vector<std::string>* names) {
  const auto read = [names](JsonValue v) { return ReadString(v, &names->emplace_back()); };
  return value.is_string() ? read(value) : ReadArray(value, read);
}

Status ReadDirectory(JsonValue value, v1::ApplyDirectoryRequest* request) {
  return ReadArray(value, [&](JsonValue v) { return ReadPrincipal(v, request->add_principals()); });
}

Status ReadKeys(JsonValue value, std::map<std::string, v1::KeyGrant>* keys) {
  return ReadNamed(
      value, [keys](const std::string& name, JsonValue v) { return ReadGrant(v, &(*keys)[name]); });
}

Status ReadCollections(JsonValue value, std::vector<v1::CollectionConfig>* collections) {
  return ReadNamed(value, [collections](const std::string& name, JsonValue v) {
    collections->emplace_back().set_name(name);
    return ReadCollection(v, &collections->back());
  });
}

StatusOr<Story> ReadStory(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  ASSIGN_OR_RETURN(const std::string json, YamlToJson(text.str()));
  Story story;
  story.text = std::make_shared<JsonParser>();
  ASSIGN_OR_RETURN(const JsonValue value, story.text->Parse(json));
  RETURN_IF_ERROR(ReadParts(value, &story));
  if (story.proves.empty()) return Invalid("proves", "missing; quote the sentence of DESIGN");
  if (story.steps.empty()) return Invalid("steps", "missing; a story shows something");
  if (story.collections.empty()) {
    JsonParser parser;
    ASSIGN_OR_RETURN(const JsonValue plain, parser.Parse(R"({"docs":{}})"));
    RETURN_IF_ERROR(ReadCollections(plain, &story.collections));
  }
  FindLines(text.str(), &story);
  return story;
}

}  // namespace cordon
