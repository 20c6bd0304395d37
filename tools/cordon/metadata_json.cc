#include "tools/cordon/metadata_json.h"

#include <functional>

#include "tools/cordon/access_json.h"

namespace cordon {
namespace {

using UpdateRequest = v1::UpdateMetadataRequest;

// A member that is named by the mask as `path`, and read unless it is null.
JsonField PatchedAs(std::string_view name, const std::string& path, UpdateRequest* request,
                    std::function<Status(JsonValue)> read) {
  return {name, [=](JsonValue value) {
            request->mutable_update_mask()->add_paths(path);
            return value.is_null() ? OkStatus() : read(value);
          }};
}

JsonField PatchedText(std::string_view name, const std::string& path, UpdateRequest* request,
                      std::string* text) {
  return PatchedAs(name, path, request, [=](JsonValue value) { return ReadString(value, text); });
}

JsonField PatchedTime(std::string_view name, UpdateRequest* request,
                      google::protobuf::Timestamp* (v1::Document::*mutable_time)()) {
  return PatchedAs(name, std::string(name), request, [=](JsonValue value) {
    return ReadTimeOrNull(value, [=] { return (request->mutable_metadata()->*mutable_time)(); });
  });
}

Status ReadAttributePatch(JsonValue value, UpdateRequest* request) {
  if (!value.is_object()) return WrongType(value, "an object");
  for (const auto [key, member] : simdjson::dom::object(value)) {
    const std::string name(key);
    request->mutable_update_mask()->add_paths("attributes." + name);
    if (member.is_null()) continue;
    auto& attributes = *request->mutable_metadata()->mutable_attributes();
    if (Status status = ReadAttributeValue(member, &attributes[name]); !status.ok()) {
      return status.Within(key);
    }
  }
  return OkStatus();
}

Status ReadProvenancePatch(JsonValue value, UpdateRequest* request) {
  v1::Provenance* const provenance = request->mutable_metadata()->mutable_provenance();
  return ReadObject(
      value, {PatchedText("source", "provenance.source", request, provenance->mutable_source()),
              PatchedText("trust", "provenance.trust", request, provenance->mutable_trust())});
}

}  // namespace

Status ReadMetadata(JsonValue value, UpdateRequest* request) {
  v1::Document* const metadata = request->mutable_metadata();
  const auto subjects = [=](JsonValue v) { return ReadStrings(v, metadata->mutable_subjects()); };
  return ReadObject(value,
                    {PatchedText("title", "title", request, metadata->mutable_title()),
                     PatchedText("uri", "uri", request, metadata->mutable_uri()),
                     PatchedTime("valid_from", request, &v1::Document::mutable_valid_from),
                     PatchedTime("valid_until", request, &v1::Document::mutable_valid_until),
                     PatchedTime("erase_after", request, &v1::Document::mutable_erase_after),
                     PatchedAs("subjects", "subjects", request, subjects),
                     {"attributes", [=](JsonValue v) { return ReadAttributePatch(v, request); }},
                     {"provenance", [=](JsonValue v) { return ReadProvenancePatch(v, request); }}});
}

Status ParseMetadataOption(const std::string& option, const std::string& text,
                           UpdateRequest* request) {
  ASSIGN_OR_RETURN(const UpdateRequest patch,
                   ParseOption<UpdateRequest>(option, text, ReadMetadata));
  *request->mutable_update_mask() = patch.update_mask();
  *request->mutable_metadata() = patch.metadata();
  return OkStatus();
}

}  // namespace cordon
