#include "tools/cordon/policy_file.h"

#include <charconv>
#include <optional>

#include "tools/cordon/access_json.h"
#include "tools/cordon/json_reader.h"
#include "tools/cordon/yaml_json.h"

namespace cordon {
namespace {

JsonField ClearanceField(std::string_view name, const std::function<v1::Clearance*()>& target) {
  return {name, [target](JsonValue value) { return ReadClearance(value, target()); }};
}

// Null states nothing.
JsonField TimeField(std::string_view name,
                    const std::function<google::protobuf::Timestamp*()>& target) {
  return {name, [target](JsonValue value) { return ReadTimeOrNull(value, target); }};
}

std::optional<uint32_t> ScopeNumber(std::string_view key) {
  uint32_t scope = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), scope);
  if (error != std::errc() || end != key.data() + key.size()) return std::nullopt;
  if (scope < 1 || scope > 5) return std::nullopt;
  return scope;
}

Status ReadScopes(JsonValue value, v1::ScopeRules* scopes) {
  if (!value.is_object()) return WrongType(value, "a map from scope to rule");
  for (const auto [key, member] : simdjson::dom::object(value)) {
    const auto number = ScopeNumber(key);
    if (!number) return Invalid(key, "a scope must be 1, 2, 3, 4 or 5");
    for (const v1::ScopeRule& earlier : scopes->rules()) {
      if (earlier.scope() == *number) return Invalid(key, "given twice; keep one");
    }
    v1::ScopeRule* const rule = scopes->add_rules();
    rule->set_scope(*number);
    const Status status = ReadObject(
        member,
        {ClearanceField("ceiling", [rule] { return rule->mutable_ceiling(); }),
         StringsField("forbidden_tags", rule->mutable_forbidden_tags()),
         StringsField("regions", rule->mutable_regions()),
         TimeField("terms_reviewed_until", [rule] { return rule->mutable_terms_reviewed_until(); }),
         FlagField("trains_on_input", [rule](bool trains) { rule->set_trains_on_input(trains); })});
    if (!status.ok()) return status.Within(key);
  }
  return OkStatus();
}

Status ReadContainer(JsonValue value, v1::ContainerChange* change) {
  v1::Container* const container = change->mutable_container();
  v1::Acl* const acl = container->mutable_acl();
  bool remove = false;
  RETURN_IF_ERROR(ReadObject(
      value, {StringField("name", container->mutable_name()),
              {"allow", [&](JsonValue v) { return ReadEntries(v, acl->mutable_allow()); }},
              {"deny", [&](JsonValue v) { return ReadEntries(v, acl->mutable_deny()); }},
              StringsField("inherit", acl->mutable_inherit()),
              {"delete", [&](JsonValue v) { return ReadBool(v, &remove); }}}));
  change->set_remove(remove);
  if (container->name().empty()) return Invalid("name", "missing");
  return OkStatus();
}

Status ReadDestination(JsonValue value, v1::DestinationChange* change) {
  v1::Destination* const destination = change->mutable_destination();
  bool remove = false;
  RETURN_IF_ERROR(ReadObject(
      value,
      {StringField("name", destination->mutable_name()),
       NumberField("scope", [=](uint32_t scope) { destination->set_scope(scope); }),
       ClearanceField("ceiling", [destination] { return destination->mutable_ceiling(); }),
       StringsField("forbidden_tags", destination->mutable_forbidden_tags()),
       StringField("region", destination->mutable_region()),
       {"model_label",
        [&](JsonValue v) { return ReadLabel(v, destination->mutable_model_label()); }},
       TimeField("terms_reviewed_until",
                 [destination] { return destination->mutable_terms_reviewed_until(); }),
       FlagField("trains_on_input", [=](bool trains) { destination->set_trains_on_input(trains); }),
       StringField("retrained", change->mutable_retrained()),
       {"delete", [&](JsonValue v) { return ReadBool(v, &remove); }}}));
  change->set_remove(remove);
  if (destination->name().empty()) return Invalid("name", "missing");
  return OkStatus();
}

Status ReadSource(JsonValue value, v1::SourceChange* change) {
  bool quarantined = false;
  bool stated = false;
  RETURN_IF_ERROR(ReadObject(
      value, {StringField("source", change->mutable_source()), {"quarantined", [&](JsonValue v) {
                                                                  stated = true;
                                                                  return ReadBool(v, &quarantined);
                                                                }}}));
  change->set_quarantined(quarantined);
  if (change->source().empty()) return Invalid("source", "missing");
  return stated ? OkStatus() : Invalid("quarantined", "missing; say true or false");
}

Status ReadDenied(JsonValue value, v1::DeniedCertificates* denied) {
  return ReadArray(value, [denied](JsonValue entry) {
    auto* certificate = denied->add_certificates();
    return ReadObject(entry, {StringField("fingerprint", certificate->mutable_fingerprint()),
                              StringField("issuer", certificate->mutable_issuer())});
  });
}

}  // namespace

StatusOr<v1::ApplyPolicyRequest> ParsePolicy(std::string_view text) {
  ASSIGN_OR_RETURN(const std::string json, YamlToJson(text));
  JsonParser parser;
  ASSIGN_OR_RETURN(const JsonValue value, parser.Parse(json));
  v1::ApplyPolicyRequest request;
  uint64_t revision = 0;  // told by `policy show`, and not applied
  std::string journal_id;
  const auto names = [](v1::NameList* list, JsonValue v) {
    return ReadStrings(v, list->mutable_names());
  };
  RETURN_IF_ERROR(ReadObject(
      value,
      {{"revision", [&](JsonValue v) { return ReadUint64(v, &revision); }},
       StringField("journal_id", &journal_id),
       {"levels", [&](JsonValue v) { return names(request.mutable_levels(), v); }},
       {"compartments", [&](JsonValue v) { return names(request.mutable_compartments(), v); }},
       {"tags", [&](JsonValue v) { return names(request.mutable_tags(), v); }},
       {"trust", [&](JsonValue v) { return names(request.mutable_trust(), v); }},
       {"sources",
        [&](JsonValue v) {
          return ReadArray(
              v, [&](JsonValue entry) { return ReadSource(entry, request.add_sources()); });
        }},
       ClearanceField("default_clearance", [&] { return request.mutable_default_clearance(); }),
       {"scopes", [&](JsonValue v) { return ReadScopes(v, request.mutable_scopes()); }},
       {"denied_certificates",
        [&](JsonValue v) { return ReadDenied(v, request.mutable_denied_certificates()); }},
       {"containers",
        [&](JsonValue v) {
          return ReadArray(
              v, [&](JsonValue entry) { return ReadContainer(entry, request.add_containers()); });
        }},
       {"destinations", [&](JsonValue v) {
          return ReadArray(v, [&](JsonValue entry) {
            return ReadDestination(entry, request.add_destinations());
          });
        }}}));
  return request;
}

}  // namespace cordon
