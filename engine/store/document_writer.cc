#include "engine/store/document_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/planted.h"
#include "engine/store/codec.h"
#include "engine/store/document_version.h"
#include "engine/store/embedding_spaces.h"

namespace cordon {
namespace {

using store::v1::ChunkEntry;
using store::v1::DocumentRecord;

constexpr size_t kReadAtOnce = 256;  // documents: the reads share their way down

// Rows that get another class keep their words. The index finds them by a look at all words of the
// segments that have such rows, at worst of all segments; to read the texts of one document and
// take them apart again costs about as much as a look at the words of so many chunks.
constexpr uint64_t kChunksForTexts = 256;

// Of lists and labels that one mutation tells a restored store: the rest of a journal record, which
// holds 24 MiB, is room for names. Copies of documents beyond it go in a restore.
constexpr size_t kToldAccessBytes = 16 << 20;

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
  if (from.has_erase_after()) *to.mutable_erase_after() = from.erase_after();
  if (from.has_version()) to.set_version(from.version());
  return to;
}

// By ordinal, whatever the order in which they came.
std::vector<const v1::Chunk*> ChunksInOrder(const v1::Document& document) {
  std::vector<const v1::Chunk*> chunks;
  for (const auto& chunk : document.chunks()) chunks.push_back(&chunk);
  std::stable_sort(chunks.begin(), chunks.end(),
                   [](const auto* a, const auto* b) { return a->ordinal() < b->ordinal(); });
  return chunks;
}

// As it is to be stored, but for where.
DocumentRecord Described(const v1::Document& document,
                         const std::vector<const v1::Chunk*>& chunks) {
  DocumentRecord record;
  *record.mutable_document() = WithoutContent(document);
  for (const v1::Chunk* chunk : chunks) {
    ChunkEntry* entry = record.add_chunks();
    entry->set_ordinal(chunk->ordinal());
    if (chunk->has_acl()) *entry->mutable_acl() = chunk->acl();
    if (chunk->has_label()) *entry->mutable_label() = chunk->label();
  }
  return record;
}

void PublishCollection(Collection collection, TenantState* state) {
  auto all = std::make_shared<TenantState::Collections>(*state->collections);
  const std::string name = collection.config.name();
  (*all)[name] = std::make_shared<const Collection>(std::move(collection));
  state->collections = std::move(all);
}

bool NarrowsChunks(const DocumentRecord& record) {
  return std::any_of(record.chunks().begin(), record.chunks().end(),
                     [](const ChunkEntry& chunk) { return chunk.has_acl() || chunk.has_label(); });
}

}  // namespace

StatusOr<DocumentWriter> DocumentWriter::For(const ApplyContext& context, const std::string& name,
                                             Applied* applied) {
  const auto found = applied->next.FindCollection(name);
  if (!found) return CollectionNotFound();
  applied->collection = name;
  return DocumentWriter(context, *found, applied);
}

void DocumentWriter::Finish() { PublishCollection(std::move(collection_), &applied_->next); }

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
    const auto path = [i] { return fmt::format("chunks[{}]", i); };
    std::vector<ClauseId> clauses = document_clauses;
    Label label = document_label;
    if (chunk->has_acl()) {
      if (Planted(Bug::kChunkAclWidens)) clauses.clear();
      RETURN_IF_ERROR(
          context_.interner.AddClauses(chunk->acl(), policy(), tenant(), &applied_->batch, &clauses)
              .Within("acl")
              .Within(path()));
    }
    if (chunk->has_label()) {
      const Label own = FromProto(chunk->label());
      RETURN_IF_ERROR(scheme.CheckLabel(own).Within("label").Within(path()));
      label = Join(scheme, document_label, own);
    }
    chunk->set_class_id(
        context_.interner.ClassOf(std::move(clauses), label, policy(), tenant(), &applied_->batch));
    classes_.insert(chunk->class_id());
  }
  return OkStatus();
}

void DocumentWriter::Drop(const DocumentRecord& old) {
  for (const auto& chunk : old.chunks()) {
    if (Planted(Bug::kOldChunksKept)) continue;
    applied_->batch.Delete(Family::kChunks,
                           ChunkKey(tenant(), collection_.id, old.number(), chunk.ordinal()));
  }
  applied_->batch.Delete(Family::kDocuments, DocumentKey(tenant(), collection_.id, old.number()));
  Count(old, /*comes=*/false);
}

void DocumentWriter::PutChunk(const DocumentRecord& record, const v1::Chunk& chunk,
                              const SecretKey& key, const SealNonce& nonce) {
  chunk_.Clear();
  chunk_.set_text(chunk.text());
  SetVector({reinterpret_cast<const char*>(chunk.embedding().data()),
             static_cast<size_t>(chunk.embedding_size()) * sizeof(float)},
            collection_, collection_.space, &chunk_);
  Vault::Put(Family::kChunks, ChunkKey(tenant(), collection_.id, record.number(), chunk.ordinal()),
             key, nonce, chunk_, &applied_->batch);
}

void DocumentWriter::PutDocument(const DocumentRecord& record, const SecretKey& key,
                                 const SealNonce& nonce) {
  Vault::Put(Family::kDocuments, DocumentKey(tenant(), collection_.id, record.number()), key, nonce,
             record, &applied_->batch);
}

void DocumentWriter::NoteAccess(uint64_t before, const DocumentRecord& record, const SecretKey& key,
                                const SealNonce& nonce) {
  const Validity validity = *ValidityOf(record.document());
  auto* access = applied_->replay.add_access();
  access->set_before(before);
  access->set_now(record.number());
  access->set_valid_from_us(validity.from);
  access->set_valid_until_us(validity.until);
  // Lists and labels of chunks cannot be given to other chunks: without them the copy must go.
  if (before != record.number() && NarrowsChunks(record)) return;
  if (told_bytes_ > kToldAccessBytes) return;
  const auto& document = record.document();
  access->set_erase_after_us(document.has_erase_after() ? *FromProto(document.erase_after())
                                                        : kNever);
  *told_.mutable_acl() = document.acl();
  *told_.mutable_label() = document.label();
  *told_.mutable_subjects() = document.subjects();
  access->set_sealed(Vault::SealWith(key, nonce, "access", told_.SerializeAsString()));
  told_bytes_ += access->sealed().size();
}

void DocumentWriter::PutNewest(const DocumentRecord* old, const DocumentRecord& record,
                               const SecretKey& key, const SealNonce& nonce) {
  if (old != nullptr) {
    Drop(*old);
    MarkOld(*old);
    const auto behind = static_cast<uint32_t>(record.chunks_size() + 1);  // those of the chunks
    NoteAccess(old->number(), record, key, NonceAfter(nonce, behind));
  }
  Count(record, /*comes=*/true);
  PutDocument(record, key, nonce);
  PutNames(record);
}

RowChange DocumentWriter::RowsOf(const DocumentRecord& record, RowChange::Kind kind,
                                 bool may_exist) {
  const Validity validity = *ValidityOf(record.document());
  RowChange change{record.document().id(), kind, may_exist, validity.from, validity.until, {}};
  change.stored = record.number();
  change.in_other = InOther(record);
  for (const auto& chunk : record.chunks()) {
    change.rows.push_back({chunk.ordinal(), chunk.class_id(), nullptr, {}});
  }
  return change;
}

Status DocumentWriter::ReadTexts(const DocumentRecord& record, RowChange* change) {
  std::vector<Documents::ChunkPlace> places;
  for (const auto& row : change->rows) places.push_back({record.number(), row.ordinal});
  change->texts.resize(places.size());
  RETURN_IF_ERROR(documents_.ReadChunks(
      collection_.id, places, [&](size_t i, const store::v1::ChunkRecord* chunk) -> Status {
        if (chunk == nullptr) return Corrupt("the key of a stored chunk is gone");
        change->texts[i] = chunk->text();
        return OkStatus();
      }));
  for (size_t i = 0; i < places.size(); ++i) change->rows[i].text = change->texts[i];
  return OkStatus();
}

Status DocumentWriter::WriteNewest(const Written& written, const std::vector<int>& places) {
  const std::string& id = written.Get(places.front()).id();
  DocumentRecord old;
  ASSIGN_OR_RETURN(const bool existed, documents_.Read(collection_.id, id, &old));
  DocumentVersion version = VersionOf(old.document());
  int newest = -1;
  for (const int place : places) {
    if (IsStale(written.Get(place), version)) {
      applied_->stale.push_back(static_cast<uint32_t>(place));
    } else {
      version = VersionOf(written.Get(place));
      newest = place;
    }
  }
  for (const int place : places) {
    const v1::Document& document = written.Get(place);
    const Status done =
        place == newest ? Replace(document, existed ? &old : nullptr) : Judge(document);
    if (!done.ok()) return done.Within(fmt::format("documents[{}]", place));
  }
  applied_->documents.push_back(id);
  return OkStatus();
}

Status DocumentWriter::Judge(const v1::Document& document) {
  DocumentRecord record = Described(document, ChunksInOrder(document));
  return Classify(&record);
}

Status DocumentWriter::Replace(const v1::Document& document, const DocumentRecord* old) {
  const std::vector<const v1::Chunk*> chunks = ChunksInOrder(document);
  DocumentRecord record = Described(document, chunks);
  record.set_revision(applied_->next.revision);
  record.set_number(applied_->next.next_document++);
  SetSpaces({collection_.space}, collection_, &record);
  RETURN_IF_ERROR(Classify(&record));
  ASSIGN_OR_RETURN(const SecretKey key, context_.vault.NewKey(tenant(), record.number()));
  ASSIGN_OR_RETURN(const SealNonce nonce, RandomSealNonce());
  for (size_t i = 0; i < chunks.size(); ++i) {
    PutChunk(record, *chunks[i], key, NonceAfter(nonce, static_cast<uint32_t>(i + 1)));
  }
  PutNewest(old, record, key, nonce);
  RowChange change = RowsOf(record, RowChange::kReplace, old != nullptr);
  for (size_t i = 0; i < chunks.size(); ++i) {
    change.rows[i].embedding = chunks[i]->embedding().data();
    change.rows[i].text = chunks[i]->text();
  }
  change.attributes = &document.attributes();
  applied_->rows.push_back(std::move(change));
  return OkStatus();
}

Status DocumentWriter::ReadEach(const Ids& documents, const VisitEach& visit) {
  ExpectRewrites(documents.size());
  for (size_t from = 0; from < documents.size(); from += kReadAtOnce) {
    const std::span<const std::string_view> ids =
        std::span(documents).subspan(from, std::min(kReadAtOnce, documents.size() - from));
    size_t next = 0;  // of ids: those before are visited
    const auto absent_up_to = [&](size_t end) -> Status {
      for (; next < end; ++next) RETURN_IF_ERROR(visit(from + next, nullptr));
      return OkStatus();
    };
    RETURN_IF_ERROR(
        documents_.ReadMany(collection_.id, ids, [&](size_t i, DocumentRecord& record) -> Status {
          RETURN_IF_ERROR(absent_up_to(i));
          ++next;
          return visit(from + i, &record);
        }));
    RETURN_IF_ERROR(absent_up_to(ids.size()));
  }
  return OkStatus();
}

void DocumentWriter::ExpectRewrites(size_t documents) {
  reads_texts_ = documents * kChunksForTexts < collection_.chunks;
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
  return Rewrite(record);
}

Status DocumentWriter::Regrant(const DocumentRecord& old, const journal::v1::ReplayedAccess& access,
                               const journal::v1::ToldAccess& told) {
  applied_->documents.push_back(old.document().id());
  DocumentRecord record = old;
  v1::Document* const document = record.mutable_document();
  *document->mutable_acl() = told.acl();
  *document->mutable_label() = told.label();
  document->clear_valid_from();
  document->clear_valid_until();
  const Validity validity{access.valid_from_us(), access.valid_until_us()};
  if (validity.from != INT64_MIN) *document->mutable_valid_from() = ToProtoTime(validity.from);
  if (validity.until != kNever) *document->mutable_valid_until() = ToProtoTime(validity.until);
  for (const auto& subject : told.subjects()) {
    const auto& known = document->subjects();
    if (std::find(known.begin(), known.end(), subject) == known.end()) {
      document->add_subjects(subject);
    }
  }
  const bool same_version = access.now() == old.number();
  Micros due = same_version ? kNever : DueTime(old);
  if (access.has_erase_after_us()) {
    due = std::min(due, static_cast<Micros>(access.erase_after_us()));
  } else if (document->has_erase_after()) {
    due = std::min(due, *FromProto(document->erase_after()));
  }
  document->clear_erase_after();
  if (due != kNever) *document->mutable_erase_after() = ToProtoTime(due);
  return RewriteDescribed(old, &record, /*attributes=*/nullptr);
}

Status DocumentWriter::Reclassify(const DocumentRecord& old) {
  DocumentRecord record = old;
  if (!Classify(&record).ok()) {
    DropNewest(old);
    return OkStatus();
  }
  const bool same = std::equal(
      old.chunks().begin(), old.chunks().end(), record.chunks().begin(), record.chunks().end(),
      [](const ChunkEntry& a, const ChunkEntry& b) { return a.class_id() == b.class_id(); });
  return same ? OkStatus() : Rewrite(&record);
}

Status DocumentWriter::Redescribe(uint64_t number, const v1::Document& document) {
  DocumentRecord record;
  ASSIGN_OR_RETURN(const bool there, documents_.ReadNumbered(collection_.id, number, &record));
  if (!there) return OkStatus();
  applied_->documents.push_back(record.document().id());
  const DocumentRecord old = record;
  *record.mutable_document() = WithoutContent(document);
  return RewriteDescribed(old, &record, &document.attributes());
}

Status DocumentWriter::RewriteDescribed(const DocumentRecord& old, DocumentRecord* record,
                                        const Attributes* attributes) {
  // Among the marks is when it is due, which may be another time now.
  EachMark(old,
           [&](Family family, const std::string& key) { applied_->batch.Delete(family, key); });
  PutNames(*record);
  return Rewrite(record, attributes);
}

Status DocumentWriter::Rewrite(DocumentRecord* record, const Attributes* attributes) {
  RETURN_IF_ERROR(Classify(record));
  record->set_revision(applied_->next.revision);
  ASSIGN_OR_RETURN(const SecretKey key, context_.vault.KeyOf(tenant(), record->number()));
  ASSIGN_OR_RETURN(const SealNonce nonce, RandomSealNonce());
  PutDocument(*record, key, nonce);
  NoteAccess(record->number(), *record, key, NonceAfter(nonce, 1));
  if (Planted(Bug::kReclassNotIndexed)) return OkStatus();
  RowChange change = RowsOf(*record, RowChange::kReclass, true);
  if (reads_texts_) RETURN_IF_ERROR(ReadTexts(*record, &change));
  change.attributes = attributes;
  applied_->rows.push_back(std::move(change));
  return OkStatus();
}

Status DocumentWriter::Describe(const DocumentRecord& old, const v1::Document& document) {
  DocumentRecord record = old;
  *record.mutable_document() = document;
  const auto& before = old.document();
  const bool found_alike = std::equal(before.subjects().begin(), before.subjects().end(),
                                      document.subjects().begin(), document.subjects().end()) &&
                           before.provenance().source() == document.provenance().source();
  if (found_alike || Planted(Bug::kSubjectsInPlace)) {
    RETURN_IF_ERROR(RewriteDescribed(old, &record, /*attributes=*/nullptr));
  } else {
    RETURN_IF_ERROR(PutVersion(old, &record));
  }
  if (applied_->rows.empty()) return OkStatus();  // as with a planted bug
  RowChange& change = applied_->rows.back();
  change.merged = std::make_shared<const Attributes>(document.attributes());
  change.attributes = change.merged.get();
  return OkStatus();
}

Status DocumentWriter::PutVersion(const DocumentRecord& old, DocumentRecord* record) {
  record->set_number(applied_->next.next_document++);
  record->set_revision(applied_->next.revision);
  ASSIGN_OR_RETURN(const SecretKey key, context_.vault.NewKey(tenant(), record->number()));
  ASSIGN_OR_RETURN(const SealNonce nonce, RandomSealNonce());
  RETURN_IF_ERROR(Classify(record));
  std::vector<Documents::ChunkPlace> places;
  for (const auto& chunk : old.chunks()) places.push_back({old.number(), chunk.ordinal()});
  RowChange change = RowsOf(*record, RowChange::kReclass, true);
  if (reads_texts_) change.texts.resize(places.size());
  RETURN_IF_ERROR(documents_.ReadChunks(
      collection_.id, places, [&](size_t i, const store::v1::ChunkRecord* chunk) -> Status {
        if (chunk == nullptr) return Corrupt("the key of a stored chunk is gone");
        const std::string place =
            ChunkKey(tenant(), collection_.id, record->number(), places[i].ordinal);
        Vault::Put(Family::kChunks, place, key, NonceAfter(nonce, static_cast<uint32_t>(i + 1)),
                   *chunk, &applied_->batch);
        if (reads_texts_) change.texts[i] = chunk->text();
        return OkStatus();
      }));
  for (size_t i = 0; i < change.texts.size(); ++i) change.rows[i].text = change.texts[i];
  PutNewest(&old, *record, key, nonce);
  applied_->rows.push_back(std::move(change));
  return OkStatus();
}

Status DocumentWriter::Remove(const std::string& document) {
  applied_->documents.push_back(document);
  DocumentRecord old;
  ASSIGN_OR_RETURN(applied_->existed, documents_.Read(collection_.id, document, &old));
  if (applied_->existed) DropNewest(old);
  return OkStatus();
}

StatusOr<bool> DocumentWriter::RemoveNumbered(uint64_t number) {
  DocumentRecord old;
  ASSIGN_OR_RETURN(const bool there, documents_.ReadNumbered(collection_.id, number, &old));
  if (!there) return false;
  applied_->documents.push_back(old.document().id());
  DropNewest(old);
  return true;
}

void DocumentWriter::DropNewest(const DocumentRecord& old) {
  const std::string& id = old.document().id();
  Drop(old);
  MarkOld(old);
  applied_->batch.Delete(Family::kNumbers, NumberKeyOf(id));
  applied_->replay.add_removed(old.number());
  applied_->rows.push_back({id, RowChange::kRemove, true, INT64_MIN, kNever, {}});
}

void DocumentWriter::Erase(const DocumentRecord& record) {
  const std::string& id = record.document().id();
  applied_->documents.push_back(id);
  applied_->existed = true;
  Drop(record);
  EachMark(record,
           [&](Family family, const std::string& key) { applied_->batch.Delete(family, key); });
  applied_->batch.Delete(Family::kNumbers, NumberKeyOf(id));
  applied_->replay.add_removed(record.number());
  applied_->erased.push_back(record.number());
  applied_->rows.push_back({id, RowChange::kErase, true, INT64_MIN, kNever, {}});
}

void DocumentWriter::EraseOld(const std::string& pseudonym, uint64_t number) {
  if (!erased_.insert(number).second) return;
  applied_->batch.Delete(Family::kMarks,
                         MarkKey(tenant(), collection_.id, kDocumentMark, pseudonym, number));
  applied_->replay.add_removed(number);
  applied_->erased.push_back(number);
}

}  // namespace cordon
