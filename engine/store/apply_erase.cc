// Erasure and what holds it back.
#include <fmt/format.h>

#include <set>

#include "engine/base/planted.h"
#include "engine/store/apply_steps.h"
#include "engine/store/document_writer.h"
#include "engine/store/load.h"

namespace cordon {
namespace {

using store::v1::DocumentRecord;
using store::v1::EraseChange;

Status Held(std::string_view field, const std::string& name) {
  return Status(StatusCode::kFailedPrecondition, field,
                fmt::format("the hold '{}' prevents it; nothing was erased", name));
}

// One erasure of documents and of their older versions, which backups may hold.
class Eraser {
 public:
  Eraser(const ApplyContext& context, const EraseChange& change, DocumentWriter* writer,
         Applied* applied)
      : context_(context), change_(change), writer_(*writer), applied_(applied) {}

  Status Run() {
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

  // The destinations that ever received a document of which something was erased.
  const std::set<std::string>& receivers() const { return receivers_; }

 private:
  uint32_t collection() const { return writer_.collection().id; }

  Status NoteReceivers(const std::string& pseudonym) {
    return ReceiversOf(context_.database, writer_.tenant(), collection(), pseudonym, &receivers_);
  }

  // The hold's name; empty if there is none.
  StatusOr<std::string> HoldOn(char kind, std::string_view pseudonym) const {
    store::v1::HoldRecord hold;
    const std::string key = KindKey(writer_.tenant(), collection(), kind, pseudonym);
    ASSIGN_OR_RETURN(const bool held, context_.database.Get(Family::kHolds, key, &hold));
    return held && !Planted(Bug::kHoldIgnored) ? hold.name() : std::string();
  }

  // The newest version; its number is missing if the document is deleted.
  StatusOr<std::optional<uint64_t>> Newest(const std::string& pseudonym) const {
    store::v1::NumberRecord number;
    const std::string key = PseudonymKey(writer_.tenant(), collection(), pseudonym);
    ASSIGN_OR_RETURN(const bool there, context_.database.Get(Family::kNumbers, key, &number));
    return there ? std::optional<uint64_t>(number.number()) : std::nullopt;
  }

  // Erases a stored document with all of its versions. False if it is held and only what is due
  // was asked for.
  StatusOr<bool> Whole(const std::string& pseudonym, const DocumentRecord& record) {
    ASSIGN_OR_RETURN(std::string name, HoldOn(kDocumentMark, pseudonym));
    for (const auto& subject : record.document().subjects()) {
      if (!name.empty()) break;
      ASSIGN_OR_RETURN(name, HoldOn(kSubjectMark, writer_.Pseudonym("subject", subject)));
    }
    if (!name.empty() && change_.due()) return false;
    if (!name.empty()) return Held(Field(), name);
    writer_.Erase(record);
    ++applied_->parts;
    RETURN_IF_ERROR(OldVersions(pseudonym));
    return true;
  }

  // Those of the document whose rows were changed last.
  Status OldVersions(const std::string& pseudonym) {
    RETURN_IF_ERROR(NoteReceivers(pseudonym));
    const std::string prefix = KindKey(writer_.tenant(), collection(), kDocumentMark, pseudonym);
    return context_.database.Scan(Family::kMarks, prefix, [&](auto key, auto) {
      writer_.EraseOld(pseudonym, LastLongNumber(key));
      applied_->rows.back().older = true;
      return OkStatus();
    });
  }

  // What is held is refused before it is known whether there is any.
  Status ByName() {
    const std::string pseudonym = writer_.Pseudonym("document", change_.document());
    ASSIGN_OR_RETURN(const std::string name, HoldOn(kDocumentMark, pseudonym));
    if (!name.empty()) return Held("document", name);
    DocumentRecord record;
    ASSIGN_OR_RETURN(const bool there,
                     writer_.documents().Read(collection(), change_.document(), &record));
    if (there) return Whole(pseudonym, record).status();
    // Noted as it was named; rows of a deleted one may still be in memory.
    applied_->documents.push_back(change_.document());
    applied_->rows.push_back({change_.document(), RowChange::kErase, true, INT64_MIN, kNever, {}});
    return OldVersions(pseudonym);
  }

  Status ByMark(char kind, std::string_view what, const std::string& value) {
    const std::string pseudonym = writer_.Pseudonym(what, value);
    if (kind == kSubjectMark) {
      ASSIGN_OR_RETURN(const std::string name, HoldOn(kind, pseudonym));
      if (!name.empty()) return Held("subject", name);
    }
    const std::string prefix = KindKey(writer_.tenant(), collection(), kind, pseudonym);
    store::v1::MarkRecord mark;
    return context_.database.Scan(Family::kMarks, prefix, [&](auto key, auto payload) -> Status {
      if (applied_->erased.size() >= change_.limit()) return OkStatus();
      RETURN_IF_ERROR(ParseRecord(payload, &mark));
      applied_->batch.Delete(Family::kMarks, key);
      return Marked(mark.document(), LastLongNumber(key));
    });
  }

  // A version that bears the mark: with its document, if it is the newest.
  Status Marked(const std::string& document, uint64_t number) {
    ASSIGN_OR_RETURN(const auto newest, Newest(document));
    DocumentRecord record;
    if (newest == number) {
      ASSIGN_OR_RETURN(const bool there,
                       writer_.documents().ReadNumbered(collection(), number, &record));
      if (there) return Whole(document, record).status();
    }
    ASSIGN_OR_RETURN(const std::string name, HoldOn(kDocumentMark, document));
    if (!name.empty()) return Held(Field(), name);
    writer_.EraseOld(document, number);
    return NoteReceivers(document);
  }

  // Documents of the collection whose time has come. Rows of what is no longer there go, those of
  // what is held stay.
  Status Due() {
    const uint32_t tenant = writer_.tenant();
    store::v1::MarkRecord mark;
    return context_.database.ScanFrom(
        Family::kDue, TenantPrefix(tenant), DueKey(tenant, applied_->next.time + 1, 0, 0),
        [&](auto key, auto payload) -> Status {
          const DuePlace place = DuePlaceOf(key);
          if (place.collection != collection()) return OkStatus();
          if (applied_->erased.size() >= change_.limit()) return OkStatus();
          RETURN_IF_ERROR(ParseRecord(payload, &mark));
          ASSIGN_OR_RETURN(const auto newest, Newest(mark.document()));
          DocumentRecord record;
          bool gone = true;
          if (newest == place.number) {
            ASSIGN_OR_RETURN(const bool there,
                             writer_.documents().ReadNumbered(collection(), place.number, &record));
            if (there) {
              ASSIGN_OR_RETURN(gone, Whole(mark.document(), record));
            }
          }
          if (gone) applied_->batch.Delete(Family::kDue, key);
          return OkStatus();
        });
  }

  std::string_view Field() const {
    if (change_.has_document()) return "document";
    return change_.has_subject() ? "subject" : "source";
  }

  const ApplyContext& context_;
  const EraseChange& change_;
  DocumentWriter& writer_;
  Applied* applied_;
  std::set<std::string> receivers_;
};

void PutErasure(const DocumentWriter& writer, const ApplyContext& context,
                const std::set<std::string>& receivers, Applied* applied) {
  if (applied->erased.empty() && applied->documents.empty()) return;  // nothing to verify
  store::v1::ErasureRecord record;
  record.set_collection_id(writer.collection().id);
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

}  // namespace

Status ApplyErase(const ApplyContext& context, const EraseChange& change, Applied* applied) {
  ASSIGN_OR_RETURN(DocumentWriter writer,
                   DocumentWriter::For(context, change.collection(), applied));
  Eraser eraser(context, change, &writer, applied);
  RETURN_IF_ERROR(eraser.Run());
  applied->more = !change.has_document() && applied->erased.size() >= change.limit();
  applied->replay.set_erased(true);
  PutErasure(writer, context, eraser.receivers(), applied);
  writer.Finish();
  return OkStatus();
}

Status ApplyHold(const ApplyContext& context, const v1::SetHoldRequest& request, Applied* applied) {
  ASSIGN_OR_RETURN(const DocumentWriter writer,
                   DocumentWriter::For(context, request.collection(), applied));
  const bool document = request.has_document();
  const std::string& value = document ? request.document() : request.subject();
  const std::string_view what = document ? "document" : "subject";
  const char kind = document ? kDocumentMark : kSubjectMark;
  const std::string key =
      KindKey(writer.tenant(), writer.collection().id, kind, writer.Pseudonym(what, value));
  store::v1::HoldRecord hold;
  ASSIGN_OR_RETURN(const bool held, context.database.Get(Family::kHolds, key, &hold));
  if (held && hold.name() != request.name()) {
    return Status(StatusCode::kFailedPrecondition, "name",
                  fmt::format("it is held as '{}'; release that first", hold.name()));
  }
  if (request.release()) {
    if (!held) return NotFound("name", "no such hold; see hold list");
    applied->batch.Delete(Family::kHolds, key);
    return OkStatus();
  }
  hold.set_name(request.name());
  if (!held) hold.set_since_us(applied->next.time);
  hold.set_kind(std::string(what));
  hold.set_pseudonym(context.pseudonym(what, value));
  hold.set_collection(request.collection());
  applied->batch.Put(Family::kHolds, key, hold);
  return OkStatus();
}

}  // namespace cordon
