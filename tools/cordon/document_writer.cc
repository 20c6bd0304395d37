#include "tools/cordon/document_writer.h"

#include <map>

#include "tools/cordon/message_json.h"

namespace cordon {
namespace {

void WriteChunk(JsonWriter& json, const v1::Chunk& chunk) {
  json.BeginObject().Key("ordinal").Unsigned(chunk.ordinal());
  json.Key("text").String(chunk.text());
  if (chunk.embedding_size() > 0) {
    json.Key("embedding").BeginArray();
    for (const float number : chunk.embedding()) json.Double(number);
    json.EndArray();
  }
  if (chunk.has_acl()) WriteAcl(json.Key("acl"), chunk.acl());
  if (chunk.has_label()) WriteLabel(json.Key("label"), chunk.label());
  json.EndObject();
}

void WriteAttributes(JsonWriter& json, const v1::Document& document) {
  if (document.attributes().empty()) return;
  const std::map<std::string, v1::AttributeValue> sorted(document.attributes().begin(),
                                                         document.attributes().end());
  json.Key("attributes").BeginObject();
  for (const auto& [name, value] : sorted) WriteValue(json.Key(name), value);
  json.EndObject();
}

}  // namespace

void WriteIngestLine(JsonWriter& json, const v1::Document& document) {
  json.BeginObject().Key("id").String(document.id());
  if (!document.title().empty()) json.Key("title").String(document.title());
  if (!document.uri().empty()) json.Key("uri").String(document.uri());
  if (document.has_acl()) WriteAcl(json.Key("acl"), document.acl());
  if (document.has_label()) WriteLabel(json.Key("label"), document.label());
  if (document.has_valid_from()) json.Key("valid_from").String(TimeText(document.valid_from()));
  if (document.has_valid_until()) json.Key("valid_until").String(TimeText(document.valid_until()));
  if (document.has_version()) json.Key("version").Unsigned(document.version());
  if (document.subjects_size() > 0) json.Key("subjects").Strings(document.subjects());
  WriteAttributes(json, document);
  if (document.has_provenance()) {
    json.Key("provenance").BeginObject();
    json.Key("source").String(document.provenance().source());
    json.Key("trust").String(document.provenance().trust()).EndObject();
  }
  json.Key("chunks").BeginArray();
  for (const v1::Chunk& chunk : document.chunks()) WriteChunk(json, chunk);
  json.EndArray().EndObject();
}

}  // namespace cordon
