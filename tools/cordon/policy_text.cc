#include "tools/cordon/policy_text.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "tools/cordon/json_writer.h"
#include "tools/cordon/message_json.h"

namespace cordon {
namespace {

// A part of the file, each element of a list on its own.
struct Part {
  std::string name;
  std::vector<std::string> elements;  // JSON
  bool list = false;                  // else there is one
};

template <typename Write>
std::string Json(Write write) {
  JsonWriter json;
  write(json);
  return json.text();
}

std::string Names(const v1::NameList& list) {
  return Json([&](JsonWriter& json) { json.Strings(list.names()); });
}

void WriteScopes(JsonWriter& json, const v1::ScopeRules& scopes) {
  json.BeginObject();
  for (const auto& rule : scopes.rules()) {
    json.Key(std::to_string(rule.scope())).BeginObject().Key("ceiling");
    WriteClearance(json, rule.ceiling());
    json.Key("forbidden_tags").Strings(rule.forbidden_tags()).EndObject();
  }
  json.EndObject();
}

void WriteContainer(JsonWriter& json, const v1::Container& container) {
  json.BeginObject().Key("name").String(container.name()).Key("allow");
  WriteEntries(json, container.acl().allow());
  json.Key("deny");
  WriteEntries(json, container.acl().deny());
  json.Key("inherit").Strings(container.acl().inherit()).EndObject();
}

void WriteDestination(JsonWriter& json, const v1::Destination& destination) {
  json.BeginObject().Key("name").String(destination.name());
  json.Key("scope").Unsigned(destination.scope()).Key("ceiling");
  WriteClearance(json, destination.ceiling());
  json.Key("forbidden_tags").Strings(destination.forbidden_tags());
  json.Key("region").String(destination.region());
  if (destination.has_model_label()) {
    json.Key("model_label");
    WriteLabel(json, destination.model_label());
  }
  json.EndObject();
}

void WriteDenied(JsonWriter& json, const v1::DeniedCertificate& denied) {
  const bool single = !denied.fingerprint().empty();
  json.BeginObject().Key(single ? "fingerprint" : "issuer");
  json.String(single ? denied.fingerprint() : denied.issuer()).EndObject();
}

void WriteSource(JsonWriter& json, const v1::SourceChange& change) {
  json.BeginObject().Key("source").String(change.source());
  json.Key("quarantined").Bool(change.quarantined()).EndObject();
}

std::vector<Part> PartsOf(const v1::ApplyPolicyRequest& policy) {
  std::vector<Part> parts = {
      {"levels", {Names(policy.levels())}},
      {"compartments", {Names(policy.compartments())}},
      {"tags", {Names(policy.tags())}},
      {"default_clearance",
       {Json([&](JsonWriter& json) { WriteClearance(json, policy.default_clearance()); })}},
      {"scopes", {Json([&](JsonWriter& json) { WriteScopes(json, policy.scopes()); })}},
      {"containers", {}, true},
      {"destinations", {}, true},
      {"denied_certificates", {}, true},
      {"trust", {Names(policy.trust())}},
      {"sources", {}, true}};
  for (const auto& each : policy.containers()) {
    parts[5].elements.push_back(
        Json([&](JsonWriter& json) { WriteContainer(json, each.container()); }));
  }
  for (const auto& each : policy.destinations()) {
    parts[6].elements.push_back(
        Json([&](JsonWriter& json) { WriteDestination(json, each.destination()); }));
  }
  for (const auto& each : policy.denied_certificates().certificates()) {
    parts[7].elements.push_back(Json([&](JsonWriter& json) { WriteDenied(json, each); }));
  }
  for (const auto& each : policy.sources()) {
    parts[9].elements.push_back(Json([&](JsonWriter& json) { WriteSource(json, each); }));
  }
  return parts;
}

}  // namespace

std::string PolicyJson(const v1::GetPolicyResponse& response) {
  std::string text = "{";
  for (const Part& part : PartsOf(response.policy())) {
    std::string value;
    for (const auto& element : part.elements) value += (value.empty() ? "" : ",") + element;
    text += fmt::format("\"{}\":{},", part.name, part.list ? "[" + value + "]" : value);
  }
  return text + Json([&](JsonWriter& json) {
                  json.BeginObject().Key("revision").Unsigned(response.revision());
                  json.Key("journal_id").String(response.journal_id()).EndObject();
                }).substr(1);
}

std::string PolicyYaml(const v1::GetPolicyResponse& response) {
  std::string text = fmt::format("# The policy in force at revision {}.", response.revision());
  for (const Part& part : PartsOf(response.policy())) {
    text += "\n" + part.name + ":";
    if (part.elements.empty()) text += " []";
    for (const auto& element : part.elements) text += (part.list ? "\n  - " : " ") + element;
  }
  return text;
}

}  // namespace cordon
