#include "tools/cordon/access_json.h"

#include <optional>

namespace cordon {
namespace {

std::optional<v1::Clearance::Symbol> SymbolOf(std::string_view word) {
  if (word == "all") return v1::Clearance::SYMBOL_ALL;
  if (word == "lowest") return v1::Clearance::SYMBOL_LOWEST;
  return std::nullopt;
}

Status ReadAttributeType(JsonValue value, v1::AttributeSpec* spec) {
  std::string name;
  RETURN_IF_ERROR(ReadString(value, &name));
  if (name == "int") {
    spec->set_type(v1::ATTRIBUTE_TYPE_INT);
  } else if (name == "float") {
    spec->set_type(v1::ATTRIBUTE_TYPE_FLOAT);
  } else if (name == "bool") {
    spec->set_type(v1::ATTRIBUTE_TYPE_BOOL);
  } else if (name == "string") {
    spec->set_type(v1::ATTRIBUTE_TYPE_STRING);
  } else if (name == "time") {
    spec->set_type(v1::ATTRIBUTE_TYPE_TIME);
  } else {
    return Invalid("", "must be int, float, bool, string or time");
  }
  return OkStatus();
}

Status ReadQuota(JsonValue value, v1::Quota* quota) {
  const auto bound = [quota](void (v1::Quota::*set)(uint64_t)) {
    return [quota, set](JsonValue v) {
      uint64_t number = 0;
      RETURN_IF_ERROR(ReadUint64(v, &number));
      (quota->*set)(number);
      return OkStatus();
    };
  };
  return ReadObject(value, {{"passages_per_day", bound(&v1::Quota::set_passages_per_day)},
                            {"tokens_per_day", bound(&v1::Quota::set_tokens_per_day)},
                            {"requests_per_minute", bound(&v1::Quota::set_requests_per_minute)}});
}

}  // namespace

Status ReadEntry(JsonValue value, v1::Entry* entry) {
  if (value.is_string()) return ReadString(value, entry->mutable_principal());
  if (!value.is_object()) {
    return WrongType(value, R"(a principal or {"principal":"…","from":"…","until":"…"})");
  }
  const auto from = [&](JsonValue v) {
    return ReadTimeOrNull(v, [&] { return entry->mutable_from(); });
  };
  const auto until = [&](JsonValue v) {
    return ReadTimeOrNull(v, [&] { return entry->mutable_until(); });
  };
  RETURN_IF_ERROR(ReadObject(
      value,
      {StringField("principal", entry->mutable_principal()), {"from", from}, {"until", until}}));
  if (!entry->principal().empty()) return OkStatus();
  return Invalid("principal", "missing; name a user, group, role or service");
}

Status ReadEntries(JsonValue value, google::protobuf::RepeatedPtrField<v1::Entry>* entries) {
  return ReadArray(value, [entries](JsonValue v) { return ReadEntry(v, entries->Add()); });
}

Status ReadAcl(JsonValue value, v1::Acl* acl) {
  return ReadObject(value,
                    {{"allow", [&](JsonValue v) { return ReadEntries(v, acl->mutable_allow()); }},
                     {"deny", [&](JsonValue v) { return ReadEntries(v, acl->mutable_deny()); }},
                     StringsField("inherit", acl->mutable_inherit())});
}

Status ReadLabel(JsonValue value, v1::Label* label) {
  return ReadObject(value, {StringField("level", label->mutable_level()),
                            StringsField("compartments", label->mutable_compartments()),
                            StringsField("tags", label->mutable_tags())});
}

Status ReadClearance(JsonValue value, v1::Clearance* clearance) {
  std::string_view word;
  if (value.get_string().get(word) == simdjson::SUCCESS) {
    const auto symbol = SymbolOf(word);
    if (!symbol) return Invalid("", R"(must be "all", "lowest" or {"level","compartments"})");
    clearance->set_symbol(*symbol);
    return OkStatus();
  }
  if (!value.is_object()) return WrongType(value, R"("all" or {"level","compartments"})");
  RETURN_IF_ERROR(
      ReadObject(value, {StringField("level", clearance->mutable_level()),
                         StringsField("compartments", clearance->mutable_compartments())}));
  if (clearance->level().empty()) return Invalid("level", "missing; name the highest level");
  return OkStatus();
}

Status ReadPrincipal(JsonValue value, v1::Principal* principal) {
  bool remove = false;
  RETURN_IF_ERROR(ReadObject(
      value,
      {StringField("principal", principal->mutable_name()),
       {"members",
        [&](JsonValue v) {
          principal->set_sets_members(true);
          return ReadEntries(v, principal->mutable_members());
        }},
       {"clearance", [&](JsonValue v) { return ReadClearance(v, principal->mutable_clearance()); }},
       StringField("alias_of", principal->mutable_alias_of()),
       StringField("source", principal->mutable_source()),
       LongNumberField("sequence", [=](uint64_t number) { principal->set_sequence(number); }),
       {"delete", [&](JsonValue v) { return ReadBool(v, &remove); }}}));
  principal->set_remove(remove);
  if (principal->name().empty()) return Invalid("principal", "missing; name who this is about");
  const bool sets =
      principal->sets_members() || principal->has_clearance() || !principal->alias_of().empty();
  if (remove && sets) return Invalid("delete", "says nothing else of the principal");
  if (!remove && !sets)
    return Invalid("", "says nothing; give members, clearance, alias_of or delete");
  return OkStatus();
}

Status ReadAttributeValue(JsonValue value, v1::AttributeValue* attribute) {
  using simdjson::dom::element_type;
  switch (value.type()) {
    case element_type::INT64:
      attribute->set_int_value(int64_t(value));
      return OkStatus();
    case element_type::UINT64:
      return Invalid("", "beyond a signed 64-bit integer");
    case element_type::DOUBLE:
      attribute->set_float_value(double(value));
      return OkStatus();
    case element_type::BOOL:
      attribute->set_bool_value(bool(value));
      return OkStatus();
    case element_type::STRING:
      return ReadString(value, attribute->mutable_string_value());
    default:
      return WrongType(value, "a number, a string or a truth value");
  }
}

Status ReadAttributeSpecs(JsonValue value,
                          google::protobuf::RepeatedPtrField<v1::AttributeSpec>* specs) {
  return ReadArray(value, [specs](JsonValue element) {
    v1::AttributeSpec* const spec = specs->Add();
    RETURN_IF_ERROR(ReadObject(
        element, {StringField("name", spec->mutable_name()),
                  {"type", [&](JsonValue v) { return ReadAttributeType(v, spec); }},
                  {"label", [&](JsonValue v) { return ReadLabel(v, spec->mutable_label()); }}}));
    if (spec->type() == v1::ATTRIBUTE_TYPE_UNSPECIFIED) {
      return Invalid("type", "missing; one of int, float, bool, string, time");
    }
    return OkStatus();
  });
}

StatusOr<v1::Acl> ParseAclOption(std::string_view option, std::string_view text) {
  return ParseOption<v1::Acl>(option, text, ReadAcl);
}

StatusOr<v1::Label> ParseLabelOption(std::string_view option, std::string_view text) {
  return ParseOption<v1::Label>(option, text, ReadLabel);
}

StatusOr<v1::Quota> ParseQuotaOption(std::string_view option, std::string_view text) {
  return ParseOption<v1::Quota>(option, text, ReadQuota);
}

StatusOr<v1::Clearance> ParseClearanceOption(std::string_view option, std::string_view text) {
  if (const auto symbol = SymbolOf(text)) {
    v1::Clearance clearance;
    clearance.set_symbol(*symbol);
    return clearance;
  }
  return ParseOption<v1::Clearance>(option, text, ReadClearance);
}

}  // namespace cordon
