#include "tools/cordon/document_json.h"

#include <fmt/format.h>

#include <limits>

#include "tools/cordon/access_json.h"

namespace cordon {
namespace {

Status ReadAttributes(JsonValue value, v1::Document* document) {
  if (!value.is_object()) return WrongType(value, "an object");
  for (const auto [key, member] : simdjson::dom::object(value)) {
    const auto [place, added] = document->mutable_attributes()->try_emplace(std::string(key));
    if (!added) return Invalid(key, "given twice; keep one");
    if (Status status = ReadAttributeValue(member, &place->second); !status.ok()) {
      return status.Within(key);
    }
  }
  return OkStatus();
}

// An embedding that is stated must have numbers: an empty one would be embedded from the text.
Status ReadEmbedding(JsonValue value, v1::Chunk* chunk) {
  if (value.is_null()) return OkStatus();
  RETURN_IF_ERROR(ReadFloats(value, chunk->mutable_embedding()));
  if (chunk->embedding().empty()) {
    return Invalid("",
                   "empty; give as many numbers as the collection's dimension, or leave it out");
  }
  return OkStatus();
}

Status ReadChunk(JsonValue value, v1::Chunk* chunk) {
  return ReadObject(value,
                    {StringField("text", chunk->mutable_text()),
                     {"embedding", [&](JsonValue v) { return ReadEmbedding(v, chunk); }},
                     NumberField("ordinal", [=](uint32_t n) { chunk->set_ordinal(n); }),
                     {"acl", [&](JsonValue v) { return ReadAcl(v, chunk->mutable_acl()); }},
                     {"label", [&](JsonValue v) { return ReadLabel(v, chunk->mutable_label()); }}});
}

Status ReadProvenance(JsonValue value, v1::Provenance* provenance) {
  return ReadObject(value, {StringField("source", provenance->mutable_source()),
                            StringField("trust", provenance->mutable_trust())});
}

Status ReadDocument(JsonValue value, v1::Document* document) {
  const auto chunks = [&](JsonValue v) {
    return ReadArray(v, [&](JsonValue chunk) { return ReadChunk(chunk, document->add_chunks()); });
  };
  const auto valid_from = [&](JsonValue v) {
    return ReadTimeOrNull(v, [&] { return document->mutable_valid_from(); });
  };
  const auto valid_until = [&](JsonValue v) {
    return ReadTimeOrNull(v, [&] { return document->mutable_valid_until(); });
  };
  const auto erase_after = [&](JsonValue v) {
    return ReadTimeOrNull(v, [&] { return document->mutable_erase_after(); });
  };
  return ReadObject(
      value, {StringField("id", document->mutable_id()),
              StringField("title", document->mutable_title()),
              StringField("uri", document->mutable_uri()),
              {"acl", [&](JsonValue v) { return ReadAcl(v, document->mutable_acl()); }},
              {"label", [&](JsonValue v) { return ReadLabel(v, document->mutable_label()); }},
              {"valid_from", valid_from},
              {"valid_until", valid_until},
              {"erase_after", erase_after},
              StringsField("subjects", document->mutable_subjects()),
              {"attributes", [&](JsonValue v) { return ReadAttributes(v, document); }},
              {"provenance",
               [&](JsonValue v) { return ReadProvenance(v, document->mutable_provenance()); }},
              FlagField("canary", [=](bool canary) { document->set_canary(canary); }),
              LongNumberField("version", [=](uint64_t version) { document->set_version(version); }),
              {"chunks", chunks},
              StringField("text", document->mutable_text())});
}

}  // namespace

Status ParseDocument(JsonParser& parser, std::string_view line, v1::Document* document) {
  ASSIGN_OR_RETURN(const JsonValue value, parser.Parse(line));
  return ParseDocument(value, document);
}

Status ParseDocument(JsonValue value, v1::Document* document) {
  Status status = ReadDocument(value, document);
  std::string_view id;
  if (!status.ok() && document->id().empty() && value.is_object() &&
      value["id"].get_string().get(id) == simdjson::SUCCESS) {
    document->set_id(std::string(id));
  }
  return status;
}

}  // namespace cordon
