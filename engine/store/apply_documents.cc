#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <unordered_map>

#include "engine/base/planted.h"
#include "engine/store/apply_steps.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

using store::v1::ChunkEntry;
using store::v1::ChunkRecord;
using store::v1::DocumentRecord;

constexpr size_t kReadAtOnce = 256;  // documents: the reads share their way down

// What is to be written over a document's own; null leaves it.
struct NewAccess {
  const v1::Acl* acl;
  const v1::Label* label;
};

NewAccess AccessOf(const auto& request) {
  return {request.has_acl() ? &request.acl() : nullptr,
          request.has_label() ? &request.label() : nullptr};
}

StatusOr<Collection> CopyCollection(const TenantState& state, const std::string& name) {
  const auto found = state.FindCollection(name);
  if (!found) return CollectionNotFound();
  return *found;
}

// All of a document but its content: chunks and text.
v1::Document WithoutContent(const v1::Document& from) {
  v1::Document to;
  to.set_id(from.id());
  to.set_title(from.title());
  to.set_uri(from.uri());
  if (from.has_acl()) *to.mutable_acl() = from.acl();
  if (from.has_label()) *to.mutable_label() = from.label();
  if (from.has_valid_from()) *to.mutable_valid_from() = from.valid_from();
  if (from.has_valid_until()) *to.mutable_valid_until() = from.valid_until();
  *to.mutable_subjects() = from.subjects();
  *to.mutable_attributes() = from.attributes();
  if (from.has_provenance()) *to.mutable_provenance() = from.provenance();
  to.set_canary(from.canary());
  return to;
}

void PublishCollection(Collection collection, TenantState* state) {
  auto all = std::make_shared<TenantState::Collections>(*state->collections);
  const std::string name = collection.config.name();
  (*all)[name] = std::make_shared<const Collection>(std::move(collection));
  state->collections = std::move(all);
}

// Works on one collection within one mutation.
class DocumentWriter {
 public:
  DocumentWriter(const ApplyContext& context, Collection collection, Applied* applied)
      : context_(context), collection_(std::move(collection)), applied_(applied) {}

  Status Replace(const v1::Document& document);
  // Calls visit(i, record) for the stored record of each document, in turn, which it may change;
  // null if there is none.
  using Ids = std::vector<const std::string*>;
  Status ReadEach(const Ids& documents,
                  const std::function<Status(size_t, DocumentRecord*)>& visit);
  // Gives a document another list or label; `record` is what is stored, null if it is absent. An
  // absent document is judged like a present one, so that both are answered alike.
  Status Reclass(const NewAccess& access, DocumentRecord* record);
  Status Remove(const std::string& document);
  // The undefined principals of what was written.
  void TellUndefined() {
    applied_->undefined = UndefinedPrincipals(applied_->next.policy, classes_);
  }
  // Publishes the collection's new figures.
  void Finish() { PublishCollection(std::move(collection_), &applied_->next); }

 private:
  uint32_t tenant() const { return applied_->next.id; }
  PolicyState* policy() { return &applied_->next.policy; }

  StatusOr<bool> Read(const std::string& document, DocumentRecord* record) {
    return context_.database.Get(Family::kDocuments,
                                 DocumentKey(tenant(), collection_.id, document), record);
  }
  // The numbers of a document's clauses.
  StatusOr<std::vector<ClauseId>> DocumentClauses(const v1::Acl& acl);
  // Gives every chunk of `record` the class that its lists and labels make.
  Status Classify(DocumentRecord* record);
  // Drops the stored chunks of `old` that `record` does not have.
  void DropChunks(const DocumentRecord& old, const DocumentRecord& record);
  void PutChunk(const std::string& document, const v1::Chunk& chunk, uint32_t ordinal);
  void Put(const DocumentRecord& record) {
    applied_->batch.Put(Family::kDocuments,
                        DocumentKey(tenant(), collection_.id, record.document().id()), record);
  }
  RowChange RowsOf(const DocumentRecord& record, RowChange::Kind kind, bool may_exist);
  // Reads the texts of the change's rows, which stay what they are.
  Status ReadTexts(RowChange* change);

  const ApplyContext& context_;
  Collection collection_;
  Applied* applied_;
  std::set<ClassId> classes_;  // of what was written
  // By list: the documents of one mutation often share them.
  std::unordered_map<std::string, std::vector<ClauseId>> clauses_of_;
  ChunkRecord chunk_;  // PutChunk's, whose memory serves all chunks
};

StatusOr<std::vector<ClauseId>> DocumentWriter::DocumentClauses(const v1::Acl& acl) {
  const auto [known, added] = clauses_of_.try_emplace(acl.SerializeAsString());
  if (added) {
    RETURN_IF_ERROR(
        context_.interner.AddClauses(acl, policy(), tenant(), &applied_->batch, &known->second)
            .Within("acl"));
  }
  return known->second;
}

Status DocumentWriter::Classify(DocumentRecord* record) {
  const Scheme& scheme = policy()->rules->scheme;
  ASSIGN_OR_RETURN(std::vector<ClauseId> document_clauses,
                   DocumentClauses(record->document().acl()));
  if (const std::string& source = record->document().provenance().source(); !source.empty()) {
    document_clauses.push_back(
        context_.interner.Source(source, policy(), tenant(), &applied_->batch));
  }
  const Label document_label = FromProto(record->document().label());
  RETURN_IF_ERROR(scheme.CheckLabel(document_label).Within("label"));
  for (int i = 0; i < record->chunks_size(); ++i) {
    ChunkEntry* chunk = record->mutable_chunks(i);
    const std::string path = fmt::format("chunks[{}]", i);
    std::vector<ClauseId> clauses = document_clauses;
    Label label = document_label;
    if (chunk->has_acl()) {
      if (Planted(Bug::kChunkAclWidens)) clauses.clear();
      RETURN_IF_ERROR(
          context_.interner.AddClauses(chunk->acl(), policy(), tenant(), &applied_->batch, &clauses)
              .Within("acl")
              .Within(path));
    }
    if (chunk->has_label()) {
      const Label own = FromProto(chunk->label());
      RETURN_IF_ERROR(scheme.CheckLabel(own).Within("label").Within(path));
      label = Join(scheme, document_label, own);
    }
    chunk->set_class_id(
        context_.interner.ClassOf(std::move(clauses), label, policy(), tenant(), &applied_->batch));
    classes_.insert(chunk->class_id());
  }
  return OkStatus();
}

void DocumentWriter::DropChunks(const DocumentRecord& old, const DocumentRecord& record) {
  std::set<uint32_t> kept;
  for (const auto& chunk : record.chunks()) kept.insert(chunk.ordinal());
  for (const auto& chunk : old.chunks()) {
    if (kept.contains(chunk.ordinal()) || Planted(Bug::kOldChunksKept)) continue;
    applied_->batch.Delete(
        Family::kChunks, ChunkKey(tenant(), collection_.id, old.document().id(), chunk.ordinal()));
  }
  collection_.documents -= 1;
  collection_.chunks -= static_cast<uint64_t>(old.chunks_size());
}

void DocumentWriter::PutChunk(const std::string& document, const v1::Chunk& chunk,
                              uint32_t ordinal) {
  chunk_.set_text(chunk.text());
  chunk_.set_embedding(reinterpret_cast<const char*>(chunk.embedding().data()),
                       static_cast<size_t>(chunk.embedding_size()) * sizeof(float));
  applied_->batch.Put(Family::kChunks, ChunkKey(tenant(), collection_.id, document, ordinal),
                      chunk_);
}

RowChange DocumentWriter::RowsOf(const DocumentRecord& record, RowChange::Kind kind,
                                 bool may_exist) {
  const Validity validity = *ValidityOf(record.document());
  RowChange change{record.document().id(), kind, may_exist, validity.from, validity.until, {}};
  for (const auto& chunk : record.chunks()) {
    change.rows.push_back({chunk.ordinal(), chunk.class_id(), nullptr, {}});
  }
  return change;
}

Status DocumentWriter::ReadTexts(RowChange* change) {
  std::vector<std::string> keys;
  for (const auto& row : change->rows) {
    keys.push_back(ChunkKey(tenant(), collection_.id, change->document, row.ordinal));
  }
  change->texts.resize(keys.size());
  size_t read = 0;
  RETURN_IF_ERROR(context_.database.GetMany(Family::kChunks, keys,
                                            [&](size_t i, std::string_view payload) -> Status {
                                              RETURN_IF_ERROR(ParseRecord(payload, &chunk_));
                                              change->texts[i] = std::move(*chunk_.mutable_text());
                                              ++read;
                                              return OkStatus();
                                            }));
  if (read < keys.size()) return Corrupt("a stored chunk is missing; restore from a backup");
  for (size_t i = 0; i < keys.size(); ++i) change->rows[i].text = change->texts[i];
  return OkStatus();
}

Status DocumentWriter::Replace(const v1::Document& document) {
  DocumentRecord record;
  *record.mutable_document() = WithoutContent(document);
  record.set_revision(applied_->next.revision);
  // By ordinal, whatever the order in which they came.
  std::vector<const v1::Chunk*> chunks;
  for (const auto& chunk : document.chunks()) chunks.push_back(&chunk);
  std::stable_sort(chunks.begin(), chunks.end(),
                   [](const auto* a, const auto* b) { return a->ordinal() < b->ordinal(); });
  for (const auto* chunk : chunks) {
    ChunkEntry* entry = record.add_chunks();
    entry->set_ordinal(chunk->ordinal());
    if (chunk->has_acl()) *entry->mutable_acl() = chunk->acl();
    if (chunk->has_label()) *entry->mutable_label() = chunk->label();
    PutChunk(document.id(), *chunk, chunk->ordinal());
  }
  RETURN_IF_ERROR(Classify(&record));
  DocumentRecord old;
  ASSIGN_OR_RETURN(const bool existed, Read(document.id(), &old));
  if (existed) DropChunks(old, record);
  collection_.documents += 1;
  collection_.chunks += static_cast<uint64_t>(record.chunks_size());
  Put(record);
  RowChange change = RowsOf(record, RowChange::kReplace, existed);
  for (size_t i = 0; i < chunks.size(); ++i) {
    change.rows[i].embedding = chunks[i]->embedding().data();
    change.rows[i].text = chunks[i]->text();
  }
  change.attributes = &document.attributes();
  applied_->rows.push_back(std::move(change));
  applied_->documents.push_back(document.id());
  return OkStatus();
}

Status DocumentWriter::ReadEach(const Ids& documents,
                                const std::function<Status(size_t, DocumentRecord*)>& visit) {
  std::vector<std::string> keys;
  DocumentRecord record;  // its memory serves all
  for (size_t from = 0; from < documents.size(); from += keys.size()) {
    keys.clear();
    for (size_t i = from; i < documents.size() && keys.size() < kReadAtOnce; ++i) {
      keys.push_back(DocumentKey(tenant(), collection_.id, *documents[i]));
    }
    size_t next = 0;  // of keys: those before are visited
    const auto absent_up_to = [&](size_t end) -> Status {
      for (; next < end; ++next) RETURN_IF_ERROR(visit(from + next, nullptr));
      return OkStatus();
    };
    RETURN_IF_ERROR(context_.database.GetMany(Family::kDocuments, keys,
                                              [&](size_t i, std::string_view payload) -> Status {
                                                RETURN_IF_ERROR(absent_up_to(i));
                                                ++next;
                                                RETURN_IF_ERROR(ParseRecord(payload, &record));
                                                return visit(from + i, &record);
                                              }));
    RETURN_IF_ERROR(absent_up_to(keys.size()));
  }
  return OkStatus();
}

Status DocumentWriter::Reclass(const NewAccess& access, DocumentRecord* record) {
  if (record == nullptr) {
    if (access.acl != nullptr) {
      RETURN_IF_ERROR(CheckContainers(*policy()->rules, *access.acl).Within("acl"));
    }
    if (access.label == nullptr) return OkStatus();
    return policy()->rules->scheme.CheckLabel(FromProto(*access.label)).Within("label");
  }
  if (access.acl != nullptr) *record->mutable_document()->mutable_acl() = *access.acl;
  if (access.label != nullptr) *record->mutable_document()->mutable_label() = *access.label;
  RETURN_IF_ERROR(Classify(record));
  record->set_revision(applied_->next.revision);
  Put(*record);
  if (Planted(Bug::kReclassNotIndexed)) return OkStatus();
  RowChange change = RowsOf(*record, RowChange::kReclass, true);
  RETURN_IF_ERROR(ReadTexts(&change));
  applied_->rows.push_back(std::move(change));
  return OkStatus();
}

Status DocumentWriter::Remove(const std::string& document) {
  applied_->documents.push_back(document);
  DocumentRecord old;
  ASSIGN_OR_RETURN(applied_->existed, Read(document, &old));
  if (!applied_->existed) return OkStatus();
  DropChunks(old, DocumentRecord());
  applied_->batch.Delete(Family::kDocuments, DocumentKey(tenant(), collection_.id, document));
  applied_->rows.push_back({document, RowChange::kRemove, true, INT64_MIN, kNever, {}});
  return OkStatus();
}

StatusOr<DocumentWriter> WriterFor(const ApplyContext& context, const std::string& name,
                                   Applied* applied) {
  ASSIGN_OR_RETURN(Collection collection, CopyCollection(applied->next, name));
  applied->collection = name;
  return DocumentWriter(context, std::move(collection), applied);
}

}  // namespace

Status ApplyIngest(const ApplyContext& context, const store::v1::IngestBatch& batch,
                   Applied* applied) {
  ASSIGN_OR_RETURN(DocumentWriter writer, WriterFor(context, batch.collection(), applied));
  std::unordered_map<std::string_view, int> last;
  for (int i = 0; i < batch.documents_size(); ++i) last[batch.documents(i).id()] = i;
  for (int i = 0; i < batch.documents_size(); ++i) {
    if (last.at(batch.documents(i).id()) != i) continue;
    RETURN_IF_ERROR(writer.Replace(batch.documents(i)).Within(fmt::format("documents[{}]", i)));
  }
  writer.TellUndefined();
  writer.Finish();
  return OkStatus();
}

Status ApplySetAccess(const ApplyContext& context, const v1::SetAccessRequest& request,
                      Applied* applied) {
  ASSIGN_OR_RETURN(DocumentWriter writer, WriterFor(context, request.collection(), applied));
  applied->documents.push_back(request.document());
  RETURN_IF_ERROR(writer.ReadEach({&request.document()}, [&](size_t, DocumentRecord* record) {
    applied->existed = record != nullptr;
    return writer.Reclass(AccessOf(request), record);
  }));
  writer.Finish();
  return OkStatus();
}

Status ApplySetAccessMany(const ApplyContext& context, const v1::SetAccessManyRequest& request,
                          Applied* applied) {
  ASSIGN_OR_RETURN(DocumentWriter writer, WriterFor(context, request.collection(), applied));
  DocumentWriter::Ids ids;
  for (const auto& change : request.changes()) {
    ids.push_back(&change.document());
    applied->documents.push_back(change.document());
  }
  RETURN_IF_ERROR(writer.ReadEach(ids, [&](size_t i, DocumentRecord* record) {
    applied->existed_each.push_back(record != nullptr);
    return writer.Reclass(AccessOf(request.changes(static_cast<int>(i))), record)
        .Within(fmt::format("changes[{}]", i));
  }));
  writer.Finish();
  return OkStatus();
}

Status ApplyAccessBatch(const ApplyContext& context, const store::v1::AccessBatch& batch,
                        Applied* applied) {
  ASSIGN_OR_RETURN(DocumentWriter writer, WriterFor(context, batch.collection(), applied));
  DocumentWriter::Ids ids;
  for (const auto& id : batch.documents()) {
    ids.push_back(&id);
    applied->documents.push_back(id);
  }
  // A batch of none is judged like one of some.
  RETURN_IF_ERROR(writer.Reclass(AccessOf(batch), nullptr));
  RETURN_IF_ERROR(writer.ReadEach(ids, [&](size_t, DocumentRecord* record) -> Status {
    const bool still =
        record != nullptr && (!batch.has_only_source() ||
                              record->document().provenance().source() == batch.only_source());
    applied->existed_each.push_back(still);
    return still ? writer.Reclass(AccessOf(batch), record) : OkStatus();
  }));
  writer.Finish();
  return OkStatus();
}

Status ApplyDelete(const ApplyContext& context, const v1::DeleteRequest& request,
                   Applied* applied) {
  ASSIGN_OR_RETURN(DocumentWriter writer, WriterFor(context, request.collection(), applied));
  RETURN_IF_ERROR(writer.Remove(request.document()));
  writer.Finish();
  return OkStatus();
}

}  // namespace cordon
