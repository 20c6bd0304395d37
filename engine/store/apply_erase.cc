// Erasure, as far as nothing holds it back.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/store/apply_steps.h"
#include "engine/store/document_writer.h"
#include "engine/store/holds.h"
#include "engine/store/load.h"

namespace cordon {
namespace {

using store::v1::DocumentRecord;
using store::v1::EraseChange;

Status Held(std::string_view field, const std::string& name) {
  return Status(StatusCode::kFailedPrecondition, field,
                fmt::format("the hold '{}' prevents it", name));
}

bool IsErased(const ApplyContext& context, uint32_t tenant, uint64_t number) {
  return context.vault.keys().Find(tenant, number).state == KeyStore::State::kDestroyed;
}

// The rows of what is due that the change asks for, and that are due at its time.
std::unique_ptr<Database::Cursor> WalkDue(const ApplyContext& context, const EraseChange& change,
                                          const Applied& applied) {
  const uint32_t tenant = applied.next.id;
  const std::string now = DueKey(tenant, applied.next.time + 1, 0, 0);
  const std::string from = std::max(TenantPrefix(tenant), change.due_from());
  const std::string to = change.due_to().empty() ? now : std::min(now, change.due_to());
  return context.database.Walk(Family::kDue, from, std::max(from, to), nullptr);
}

// One erasure of documents and of their older versions, which backups may hold.
class Eraser {
 public:
  Eraser(const ApplyContext& context, const EraseChange& change, DocumentWriter* writer,
         Applied* applied)
      : context_(context),
        change_(change),
        writer_(*writer),
        applied_(applied),
        holds_(context.database, writer->tenant(), writer->collection().id) {}

  Status Run() {
    RETURN_IF_ERROR(RunOne());
    // The ids of deleted documents are not known any more, and their rows may still be in memory.
    if (swept_) {
      applied_->rows.push_back({"", RowChange::kSweep, false, INT64_MIN, kNever, {}});
    }
    return OkStatus();
  }

  // The destinations that ever received a document of which something was erased.
  const std::set<std::string>& receivers() const { return receivers_; }

 private:
  // kLater: it is due at another time than the row says. kMore: the limit left some of it.
  enum class Outcome { kErased, kHeld, kLater, kMore };

  Status RunOne() {
    switch (change_.which_case()) {
      case EraseChange::kDocument:
        return ByName();
      case EraseChange::kSubject:
        return ByMark(kSubjectMark, "subject", change_.subject());
      case EraseChange::kSource:
        return ByMark(kSourceMark, "source", change_.source());
      case EraseChange::kDue:
        return Due();
      case EraseChange::WHICH_NOT_SET:
        break;
    }
    return Internal("an erasure of nothing");
  }

  uint32_t collection() const { return writer_.collection().id; }
  bool Full() const { return applied_->erased.size() >= change_.limit(); }

  Status NoteReceivers(const std::string& pseudonym) {
    return ReceiversOf(context_.database, writer_.tenant(), collection(), pseudonym, &receivers_);
  }

  // The newest version; its number is missing if the document is deleted.
  StatusOr<std::optional<uint64_t>> Newest(const std::string& pseudonym) const {
    store::v1::NumberRecord number;
    const std::string key = PseudonymKey(writer_.tenant(), collection(), pseudonym);
    ASSIGN_OR_RETURN(const bool there, context_.database.Get(Family::kNumbers, key, &number));
    return there ? std::optional<uint64_t>(number.number()) : std::nullopt;
  }

  // Calls visit(number) for the versions of a document that are not the newest, until it says
  // false. Some may be erased already: a restore marks the copies that it takes away.
  template <typename Visit>
  Status EachOld(const std::string& pseudonym, Visit visit) const {
    const std::string prefix = KindKey(writer_.tenant(), collection(), kDocumentMark, pseudonym);
    const auto cursor = context_.database.Walk(Family::kMarks, prefix);
    for (; cursor->Valid(); cursor->Next()) {
      ASSIGN_OR_RETURN(const bool on, visit(LastLongNumber(cursor->key())));
      if (!on) break;
    }
    return cursor->status();
  }

  // The name of a hold on the document or on one of its older versions, which go with it.
  StatusOr<std::string> HoldOnDocument(const std::string& pseudonym) {
    ASSIGN_OR_RETURN(std::string name, holds_.On(kDocumentMark, pseudonym));
    if (!name.empty()) return name;
    RETURN_IF_ERROR(EachOld(pseudonym, [&](uint64_t number) -> StatusOr<bool> {
      if (IsErased(context_, writer_.tenant(), number)) return true;
      ASSIGN_OR_RETURN(name, holds_.OnVersion(number));
      return name.empty();
    }));
    return name;
  }

  StatusOr<std::string> HoldOnStored(const std::string& pseudonym, const DocumentRecord& record) {
    ASSIGN_OR_RETURN(std::string name, HoldOnDocument(pseudonym));
    for (const auto& subject : record.document().subjects()) {
      if (!name.empty()) break;
      ASSIGN_OR_RETURN(name, holds_.On(kSubjectMark, writer_.Pseudonym("subject", subject)));
    }
    return name;
  }

  // Erases a stored document with all of its versions, itself last.
  StatusOr<Outcome> Whole(const std::string& pseudonym, const DocumentRecord& record) {
    ASSIGN_OR_RETURN(const std::string name, HoldOnStored(pseudonym, record));
    if (!name.empty()) return Refused(name);
    ASSIGN_OR_RETURN(const bool older, OldVersions(pseudonym));
    if (applied_->more) return Outcome::kMore;
    writer_.Erase(record);
    ++applied_->parts;
    applied_->rows.back().older = older;
    return Outcome::kErased;
  }

  // Erases the document's older versions, none of which is held; whether there was any.
  StatusOr<bool> OldVersions(const std::string& pseudonym) {
    RETURN_IF_ERROR(NoteReceivers(pseudonym));
    bool any = false;
    RETURN_IF_ERROR(EachOld(pseudonym, [&](uint64_t number) -> StatusOr<bool> {
      applied_->more = any && Full();
      if (applied_->more) {
        swept_ = true;  // the mutation that erases the document knows nothing of these
        return false;
      }
      any = true;
      writer_.EraseOld(pseudonym, number);
      return true;
    }));
    return any;
  }

  // What is held is refused before it is known whether there is any.
  Status ByName() {
    const std::string pseudonym = writer_.Pseudonym("document", change_.document());
    ASSIGN_OR_RETURN(const std::string name, HoldOnDocument(pseudonym));
    if (!name.empty()) return Held("document", name);
    DocumentRecord record;
    ASSIGN_OR_RETURN(const bool there,
                     writer_.documents().Read(collection(), change_.document(), &record));
    if (there) return Whole(pseudonym, record).status();
    // Noted as it was named; rows of a deleted one may still be in memory.
    applied_->documents.push_back(change_.document());
    applied_->rows.push_back({change_.document(), RowChange::kErase, true, INT64_MIN, kNever, {}});
    ASSIGN_OR_RETURN(applied_->rows.back().older, OldVersions(pseudonym));
    return OkStatus();
  }

  Status ByMark(char kind, std::string_view what, const std::string& value) {
    const std::string pseudonym = writer_.Pseudonym(what, value);
    if (kind == kSubjectMark) {
      ASSIGN_OR_RETURN(const std::string name, holds_.On(kind, pseudonym));
      if (!name.empty()) return Held("subject", name);
    }
    const std::string prefix = KindKey(writer_.tenant(), collection(), kind, pseudonym);
    const auto cursor = context_.database.Walk(Family::kMarks, prefix);
    store::v1::MarkRecord mark;
    size_t taken = 0;
    for (; cursor->Valid(); cursor->Next()) {
      applied_->more = taken > 0 && (Full() || taken >= change_.limit());
      if (applied_->more) break;
      ASSIGN_OR_RETURN(const std::string_view payload, cursor->Payload());
      RETURN_IF_ERROR(ParseRecord(payload, &mark));
      ASSIGN_OR_RETURN(const Outcome outcome,
                       Marked(mark.document(), LastLongNumber(cursor->key())));
      if (outcome == Outcome::kMore) break;  // the mark finds the rest
      if (outcome == Outcome::kHeld) continue;
      applied_->batch.Delete(Family::kMarks, cursor->key());
      ++taken;
    }
    RETURN_IF_ERROR(cursor->status());
    if (held_.empty()) return OkStatus();
    if (taken == 0 && !applied_->more) return Held(what, held_);
    applied_->more = true;  // of what is held, which the last mutation of the call is refused for
    return OkStatus();
  }

  // A version that bears the mark: with its document, if it is the newest.
  StatusOr<Outcome> Marked(const std::string& document, uint64_t number) {
    ASSIGN_OR_RETURN(const auto newest, Newest(document));
    DocumentRecord record;
    if (newest == number) {
      ASSIGN_OR_RETURN(const bool there,
                       writer_.documents().ReadNumbered(collection(), number, &record));
      if (there && change_.due() && !writer_.IsDue(record)) {
        writer_.PutOff(record);
        return Outcome::kLater;
      }
      if (there) return Whole(document, record);
    }
    return Old(document, number);
  }

  // A version that is not the newest, alone.
  StatusOr<Outcome> Old(const std::string& document, uint64_t number) {
    if (IsErased(context_, writer_.tenant(), number)) return Outcome::kErased;
    ASSIGN_OR_RETURN(std::string name, holds_.On(kDocumentMark, document));
    if (name.empty()) {
      ASSIGN_OR_RETURN(name, holds_.OnVersion(number));
    }
    if (!name.empty()) return Refused(name);
    writer_.EraseOld(document, number);
    swept_ = true;
    RETURN_IF_ERROR(NoteReceivers(document));
    return Outcome::kErased;
  }

  // Documents of the collection whose time has come, and versions whose time it was. Rows of what
  // is held stay.
  Status Due() {
    const auto cursor = WalkDue(context_, change_, *applied_);
    store::v1::MarkRecord mark;
    for (; cursor->Valid(); cursor->Next()) {
      const DuePlace place = DuePlaceOf(cursor->key());
      if (place.collection != collection()) continue;
      applied_->more = Full();
      if (applied_->more) break;
      ASSIGN_OR_RETURN(const std::string_view payload, cursor->Payload());
      RETURN_IF_ERROR(ParseRecord(payload, &mark));
      ASSIGN_OR_RETURN(const Outcome outcome, Marked(mark.document(), place.number));
      if (outcome == Outcome::kMore) break;
      if (outcome != Outcome::kHeld) applied_->batch.Delete(Family::kDue, cursor->key());
    }
    return cursor->status();
  }

  // One document that is named is refused; of many the others go.
  StatusOr<Outcome> Refused(const std::string& name) {
    if (change_.has_document()) return Held("document", name);
    if (held_.empty()) held_ = name;
    return Outcome::kHeld;
  }

  const ApplyContext& context_;
  const EraseChange& change_;
  DocumentWriter& writer_;
  Applied* applied_;
  Holds holds_;
  std::set<std::string> receivers_;
  std::string held_;    // by this hold something stays, if by any
  bool swept_ = false;  // versions were erased without their documents
};

// The endpoints that embed the collection's texts and may learn from them: each document may have
// been sent to each.
void AddLearners(const PolicyRules& rules, const Collection& collection,
                 std::set<std::string>* receivers) {
  std::set<std::string> endpoints = {collection.config.embedding_endpoint()};
  if (collection.other) endpoints.insert(collection.other->space.embedding_endpoint());
  for (const std::string& name : endpoints) {
    const auto found = rules.destinations.find(name);
    if (found != rules.destinations.end() && LearnsFromInput(found->second)) {
      receivers->insert(name);
    }
  }
}

void PutErasure(const ApplyContext& context, uint32_t collection,
                const std::set<std::string>& receivers, Applied* applied) {
  applied->replay.set_erased(true);
  if (applied->erased.empty() && applied->documents.empty()) return;  // nothing to verify
  store::v1::ErasureRecord record;
  record.set_collection_id(collection);
  record.set_collection(applied->collection);
  record.mutable_numbers()->Assign(applied->erased.begin(), applied->erased.end());
  for (const auto& id : applied->documents) {
    record.add_documents(context.pseudonym("document", id));
  }
  record.mutable_destinations()->Assign(receivers.begin(), receivers.end());
  record.set_time_us(applied->next.time);
  applied->batch.Put(Family::kErasures, RevisionKey(applied->next.id, applied->next.revision),
                     record);
}

// What was due in a collection that is gone. No record is left of it and nothing holds it, but
// backups have its versions, and their keys open them.
Status EraseDropped(const ApplyContext& context, const EraseChange& change, Applied* applied) {
  const uint32_t tenant = applied->next.id;
  const uint32_t dropped = change.dropped_collection();
  for (const auto& [name, collection] : *applied->next.collections) {
    if (collection->id == dropped) return Internal("an erasure of what a collection still holds");
  }
  applied->dropped = dropped;
  store::v1::MarkRecord mark;
  std::set<std::string> receivers;
  const auto cursor = WalkDue(context, change, *applied);
  for (; cursor->Valid(); cursor->Next()) {
    const DuePlace place = DuePlaceOf(cursor->key());
    if (place.collection != dropped) continue;
    applied->more = applied->erased.size() >= change.limit();
    if (applied->more) break;
    applied->batch.Delete(Family::kDue, cursor->key());
    if (IsErased(context, tenant, place.number)) continue;
    ASSIGN_OR_RETURN(const std::string_view payload, cursor->Payload());
    RETURN_IF_ERROR(ParseRecord(payload, &mark));
    RETURN_IF_ERROR(ReceiversOf(context.database, tenant, dropped, mark.document(), &receivers));
    applied->replay.add_removed(place.number);
    applied->erased.push_back(place.number);
  }
  RETURN_IF_ERROR(cursor->status());
  PutErasure(context, dropped, receivers, applied);
  return OkStatus();
}

}  // namespace

Status ApplyErase(const ApplyContext& context, const EraseChange& change, Applied* applied) {
  if (change.due() && change.collection().empty()) return EraseDropped(context, change, applied);
  ASSIGN_OR_RETURN(DocumentWriter writer,
                   DocumentWriter::For(context, change.collection(), applied));
  Eraser eraser(context, change, &writer, applied);
  RETURN_IF_ERROR(eraser.Run());
  std::set<std::string> receivers = eraser.receivers();
  if (!applied->erased.empty()) {
    AddLearners(*applied->next.policy.rules, writer.collection(), &receivers);
  }
  PutErasure(context, writer.collection().id, receivers, applied);
  writer.Finish();
  return OkStatus();
}

}  // namespace cordon
