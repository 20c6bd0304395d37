#include "engine/retrieve/guard.h"

#include <cstring>
#include <set>

#include "engine/base/planted.h"
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
  if (Planted(Bug::kSkipFinalCheck)) return true;
  const auto validity = ValidityOf(record.document());
  if (!validity.ok()) return false;
  return Decide(view_.world(), subject_, {entry.class_id(), validity->from, validity->until});
}

Status Guard::PrefetchDocuments(std::span<const Wanted> wanted) {
  std::set<std::string_view> names;
  for (const Wanted& one : wanted) {
    if (!documents_.contains(one.document)) names.insert(one.document);
  }
  std::vector<std::string> keys;
  std::vector<store::v1::DocumentRecord> records(names.size());
  std::vector<google::protobuf::MessageLite*> targets;
  for (const auto name : names) {
    keys.push_back(DocumentKey(view_.state().id, collection_.id, name));
    targets.push_back(&records[targets.size()]);
  }
  std::vector<bool> found;
  RETURN_IF_ERROR(view_.GetMany(Family::kDocuments, keys, targets, &found));
  size_t i = 0;
  for (const auto name : names) {
    documents_.emplace(std::string(name),
                       found[i] ? std::optional(std::move(records[i])) : std::nullopt);
    ++i;
  }
  return OkStatus();
}

Status Guard::Prefetch(std::span<const Wanted> wanted) {
  RETURN_IF_ERROR(PrefetchDocuments(wanted));
  chunks_.clear();
  std::vector<std::string> keys;
  std::vector<store::v1::ChunkRecord> records(wanted.size());
  std::vector<google::protobuf::MessageLite*> targets;
  for (const Wanted& one : wanted) {
    keys.push_back(ChunkKey(view_.state().id, collection_.id, one.document, one.ordinal));
    targets.push_back(&records[targets.size()]);
  }
  std::vector<bool> found;
  RETURN_IF_ERROR(view_.GetMany(Family::kChunks, keys, targets, &found));
  for (size_t i = 0; i < keys.size(); ++i) {
    if (found[i]) chunks_.emplace(std::move(keys[i]), std::move(records[i]));
  }
  return OkStatus();
}

StatusOr<Cleared<ClearedChunk>> Guard::Load(const store::v1::DocumentRecord& record,
                                            const store::v1::ChunkEntry& entry) {
  const std::string& id = record.document().id();
  const std::string key = ChunkKey(view_.state().id, collection_.id, id, entry.ordinal());
  store::v1::ChunkRecord chunk;
  bool found = true;
  if (auto prefetched = chunks_.extract(key)) {
    chunk = std::move(prefetched.mapped());
  } else {
    ASSIGN_OR_RETURN(found, view_.Get(Family::kChunks, key, &chunk));
  }
  const size_t dimension = collection_.config.dimension();
  if (!found || chunk.embedding().size() != dimension * sizeof(float)) {
    return Corrupt("a stored chunk is missing or damaged; restore from a backup");
  }
  ClearedChunk out;
  out.document = id;
  out.ordinal = entry.ordinal();
  out.score = 0;
  if (!query_.empty()) {
    embedding_.resize(dimension);
    std::memcpy(embedding_.data(), chunk.embedding().data(), chunk.embedding().size());
    out.score =
        Score(view_.index(collection_).metric(), query_.data(), embedding_.data(), dimension);
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
  if (cleared.empty() && Planted(Bug::kHiddenIsDenied)) return Denied("document", "hidden");
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
