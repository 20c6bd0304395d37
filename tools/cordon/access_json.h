// JSON → the messages about access: lists, labels, clearances, the directory, attribute schemas.
// All readers are strict (json_reader.h); what values mean is the server's to judge.
#pragma once

#include <string_view>

#include "cordon/v1/admin.pb.h"
#include "cordon/v1/types.pb.h"
#include "engine/base/status.h"
#include "tools/cordon/json_reader.h"

namespace cordon {

// `"user:ana"` or {"principal","from","until"}.
Status ReadEntry(JsonValue value, v1::Entry* entry);

// Appends entries.
Status ReadEntries(JsonValue value, google::protobuf::RepeatedPtrField<v1::Entry>* entries);

// {"allow","deny","inherit"}.
Status ReadAcl(JsonValue value, v1::Acl* acl);

// {"level","compartments","tags"}.
Status ReadLabel(JsonValue value, v1::Label* label);

// `"all"`, `"lowest"` or {"level","compartments"}.
Status ReadClearance(JsonValue value, v1::Clearance* clearance);

// One line of a directory file: {"principal"} with "members", "clearance", or "delete".
Status ReadPrincipal(JsonValue value, v1::Principal* principal);

// The value of an attribute: a number, a string or a truth value.
Status ReadAttributeValue(JsonValue value, v1::AttributeValue* attribute);
// An attribute schema: [{"name","type","label"}].
Status ReadAttributeSpecs(JsonValue value,
                          google::protobuf::RepeatedPtrField<v1::AttributeSpec>* specs);

// The same from the text of an option. The field of a refusal begins with `option`.
StatusOr<v1::Acl> ParseAclOption(std::string_view option, std::string_view text);
StatusOr<v1::Label> ParseLabelOption(std::string_view option, std::string_view text);
// Also takes the bare words `all` and `lowest`.
StatusOr<v1::Quota> ParseQuotaOption(std::string_view option, std::string_view text);
StatusOr<v1::Clearance> ParseClearanceOption(std::string_view option, std::string_view text);

}  // namespace cordon
