// What the guard lets a model be trained on.
#include <cstring>

#include "engine/base/limits.h"
#include "engine/retrieve/guard.h"
#include "engine/store/codec.h"
#include "engine/store/embedding_spaces.h"
#include "engine/text/tokens.h"

namespace cordon {

void Guard::DescribeForExport(const Record& record, const ExportedParts& parts,
                              ExportedDocument* out) const {
  const v1::Document& stored = record.document();
  v1::Document& document = out->document;
  document.set_id(stored.id());
  document.set_title(stored.title());
  document.set_uri(stored.uri());
  out->canary = stored.canary();
  *document.mutable_label() = stored.label();
  if (stored.has_valid_from()) *document.mutable_valid_from() = stored.valid_from();
  if (stored.has_valid_until()) *document.mutable_valid_until() = stored.valid_until();
  if (stored.has_version()) document.set_version(stored.version());
  if (stored.has_provenance()) *document.mutable_provenance() = stored.provenance();
  for (auto& attribute : Attributes(record)) {
    if (attribute.label) out->labels.insert(*std::move(attribute.label));
    (*document.mutable_attributes())[attribute.name] = std::move(attribute.value);
  }
  if (!parts.lists_and_subjects) return;
  *document.mutable_acl() = stored.acl();
  *document.mutable_subjects() = stored.subjects();
}

void Guard::ExportChunk(const store::v1::ChunkEntry& entry, const store::v1::ChunkRecord& stored,
                        const ExportedParts& parts, ExportedDocument* out) const {
  const ClassTable& classes = view_.policy().classes;
  const Label& label = classes.labels[classes.classes[entry.class_id()].label];
  v1::Chunk* chunk = out->document.add_chunks();
  chunk->set_ordinal(entry.ordinal());
  chunk->set_text(stored.text());
  *chunk->mutable_label() = ToProto(label);
  if (parts.lists_and_subjects && entry.has_acl()) *chunk->mutable_acl() = entry.acl();
  if (parts.vectors) {
    const std::string_view vector = SearchedVector(stored, collection_);
    std::vector<float> embedding(vector.size() / sizeof(float));
    std::memcpy(embedding.data(), vector.data(), vector.size());
    chunk->mutable_embedding()->Assign(embedding.begin(), embedding.end());
  }
  out->tokens.push_back(ApproximateTokens(stored.text()));
  out->labels.insert(label);
}

StatusOr<Guard::Exported> Guard::ClearForExport(std::string_view document,
                                                const ExportedParts& parts) {
  Record record;
  ASSIGN_OR_RETURN(const bool found, view_.documents().Read(collection_.id, document, &record));
  return found ? Export(record, parts) : Exported();
}

StatusOr<Guard::Exported> Guard::Export(const Record& record, const ExportedParts& parts) {
  std::vector<const store::v1::ChunkEntry*> permitted;
  std::vector<Documents::ChunkPlace> places;
  for (const auto& entry : record.chunks()) {
    if (!Permits(record, entry)) continue;
    permitted.push_back(&entry);
    places.push_back({record.number(), entry.ordinal()});
  }
  ExportedDocument out;
  DescribeForExport(record, parts, &out);
  size_t bytes = 0;
  const auto add = [&](size_t i, const store::v1::ChunkRecord* stored) -> Status {
    if (stored == nullptr) return OkStatus();  // erased meanwhile
    bytes +=
        stored->text().size() + (parts.vectors ? SearchedVector(*stored, collection_).size() : 0);
    if (bytes > limits::kExportDocumentBytes) {
      return Invalid("vectors", "a document is larger than one message; leave the vectors out");
    }
    ExportChunk(*permitted[i], *stored, parts, &out);
    return OkStatus();
  };
  RETURN_IF_ERROR(view_.documents().ReadChunks(collection_.id, places, add));
  if (out.document.chunks().empty()) return Exported();
  return Exported(Cleared<ExportedDocument>(std::move(out)));
}

}  // namespace cordon
