// Holds: what an erasure is refused for.
#include <fmt/format.h>

#include "engine/store/apply_steps.h"
#include "engine/store/document_writer.h"

namespace cordon {

using store::v1::HeldPseudonym;

// A restored store is told the hold by the pseudonym of what is held: its name would be readable in
// the journal and in the row of the revision for ever.
Status ApplyHold(const ApplyContext& context, const v1::SetHoldRequest& request, Applied* applied) {
  ASSIGN_OR_RETURN(const DocumentWriter writer,
                   DocumentWriter::For(context, request.collection(), applied));
  const std::string& value = request.has_document() ? request.document() : request.subject();
  const std::string_view kind = request.has_document() ? "document" : "subject";
  applied->told.emplace();
  HeldPseudonym* held = applied->told->mutable_held();
  held->set_collection(request.collection());
  held->set_name(request.name());
  held->set_release(request.release());
  held->set_kind(std::string(kind));
  held->set_pseudonym(writer.Pseudonym(kind, value));
  held->set_journal_pseudonym(context.pseudonym(kind, value));
  return ApplyHeld(context, *held, applied);
}

Status ApplyHeld(const ApplyContext& context, const HeldPseudonym& held, Applied* applied) {
  const auto collection = applied->next.FindCollection(held.collection());
  if (!collection) return CollectionNotFound();
  applied->collection = held.collection();
  const char kind = held.kind() == "document" ? kDocumentMark : kSubjectMark;
  const std::string key = KindKey(applied->next.id, collection->id, kind, held.pseudonym());
  store::v1::HoldRecord hold;
  ASSIGN_OR_RETURN(const bool there, context.database.Get(Family::kHolds, key, &hold));
  if (there && hold.name() != held.name()) {
    return Status(StatusCode::kFailedPrecondition, "name",
                  fmt::format("it is held as '{}'; release that first", hold.name()));
  }
  if (held.release()) {
    if (!there) return NotFound("name", "no such hold; see hold list");
    applied->batch.Delete(Family::kHolds, key);
    return OkStatus();
  }
  hold.set_name(held.name());
  if (!there) hold.set_since_us(applied->next.time);
  hold.set_kind(held.kind());
  hold.set_pseudonym(held.journal_pseudonym());
  hold.set_collection(held.collection());
  applied->batch.Put(Family::kHolds, key, hold);
  return OkStatus();
}

}  // namespace cordon
