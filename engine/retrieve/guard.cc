#include "engine/retrieve/guard.h"

#include <cstring>

#include "engine/store/codec.h"

namespace cordon {

Guard::Guard(const View& view, const Collection& collection, const Subject& subject,
             std::span<const float> query, bool with_text)
    : view_(view),
      collection_(collection),
      subject_(subject),
      query_(query),
      with_text_(with_text) {}

StatusOr<const store::v1::DocumentRecord*> Guard::Read(std::string_view document) {
  auto it = documents_.find(document);
  if (it == documents_.end()) {
    store::v1::DocumentRecord record;
    ASSIGN_OR_RETURN(const bool found,
                     view_.Get(Family::kDocuments,
                               DocumentKey(view_.state().id, collection_.id, document), &record));
    it =
        documents_
            .emplace(std::string(document), found ? std::optional(std::move(record)) : std::nullopt)
            .first;
  }
  return it->second ? &*it->second : nullptr;
}

bool Guard::Permits(const store::v1::DocumentRecord& record,
                    const store::v1::ChunkEntry& entry) const {
  const auto validity = ValidityOf(record.document());
  if (!validity.ok()) return false;
  return Decide(view_.world(), subject_, {entry.class_id(), validity->from, validity->until});
}

StatusOr<Cleared<ClearedChunk>> Guard::Load(const store::v1::DocumentRecord& record,
                                            const store::v1::ChunkEntry& entry) const {
  const std::string& id = record.document().id();
  store::v1::ChunkRecord chunk;
  ASSIGN_OR_RETURN(
      const bool found,
      view_.Get(Family::kChunks, ChunkKey(view_.state().id, collection_.id, id, entry.ordinal()),
                &chunk));
  const size_t dimension = collection_.config.dimension();
  if (!found || chunk.embedding().size() != dimension * sizeof(float)) {
    return Corrupt("a stored chunk is missing or damaged; restore from a backup");
  }
  ClearedChunk out;
  out.document = id;
  out.ordinal = entry.ordinal();
  out.score = 0;
  if (!query_.empty()) {
    std::vector<float> embedding(dimension);
    std::memcpy(embedding.data(), chunk.embedding().data(), chunk.embedding().size());
    out.score =
        Score(view_.index(collection_).metric(), query_.data(), embedding.data(), dimension);
  }
  if (with_text_) out.text = std::move(*chunk.mutable_text());
  const ClassTable& classes = view_.policy().classes;
  out.label = classes.labels[classes.classes[entry.class_id()].label];
  out.title = record.document().title();
  out.uri = record.document().uri();
  return Cleared<ClearedChunk>(std::move(out));
}

StatusOr<std::optional<Cleared<ClearedChunk>>> Guard::Clear(std::string_view document,
                                                            uint32_t ordinal) {
  using Result = std::optional<Cleared<ClearedChunk>>;
  ASSIGN_OR_RETURN(const auto* record, Read(document));
  if (record == nullptr) return Result();
  for (const auto& entry : record->chunks()) {
    if (entry.ordinal() != ordinal) continue;
    if (!Permits(*record, entry)) return Result();
    ASSIGN_OR_RETURN(auto cleared, Load(*record, entry));
    return Result(std::move(cleared));
  }
  return Result();
}

StatusOr<std::vector<Cleared<ClearedChunk>>> Guard::ClearDocument(std::string_view document) {
  std::vector<Cleared<ClearedChunk>> cleared;
  ASSIGN_OR_RETURN(const auto* record, Read(document));
  if (record == nullptr) return cleared;
  for (const auto& entry : record->chunks()) {
    if (!Permits(*record, entry)) continue;
    ASSIGN_OR_RETURN(auto chunk, Load(*record, entry));
    cleared.push_back(std::move(chunk));
  }
  return cleared;
}

StatusOr<bool> Guard::Sees(std::string_view document) {
  ASSIGN_OR_RETURN(const auto* record, Read(document));
  if (record == nullptr) return false;
  for (const auto& entry : record->chunks()) {
    if (Permits(*record, entry)) return true;
  }
  return false;
}

}  // namespace cordon
