#include "engine/store/replay.h"

#include "engine/store/apply_steps.h"
#include "engine/store/document_writer.h"

namespace cordon {

using store::v1::DocumentRecord;

uint64_t Replayer::CopyOf(uint64_t number) const {
  const auto found = copies_.find(number);
  return found == copies_.end() ? number : found->second;
}

StatusOr<bool> Replayer::Find(const TenantState& state, uint64_t number, std::string* collection,
                              DocumentRecord* record) const {
  const Documents documents(&context_.database, &context_.vault, state.id);
  for (const auto& [name, candidate] : *state.collections) {
    ASSIGN_OR_RETURN(const bool there, documents.ReadNumbered(candidate->id, number, record));
    if (!there) continue;
    *collection = name;
    return true;
  }
  return false;
}

Status Replayer::Remove(uint64_t number, Applied* applied) {
  std::string collection;
  DocumentRecord record;
  ASSIGN_OR_RETURN(const bool there, Find(applied->next, CopyOf(number), &collection, &record));
  if (!there) {
    // Perhaps one that no key opens any more: its bytes go as well.
    for (const auto& [name, candidate] : *applied->next.collections) {
      const std::string prefix = DocumentKey(applied->next.id, candidate->id, CopyOf(number));
      applied->batch.DeletePrefix(Family::kDocuments, prefix);
      applied->batch.DeletePrefix(Family::kChunks, prefix);
    }
    return OkStatus();
  }
  ASSIGN_OR_RETURN(DocumentWriter writer, DocumentWriter::For(context_, collection, applied));
  RETURN_IF_ERROR(writer.Remove(record.document().id()));
  writer.Finish();
  return OkStatus();
}

Status Replayer::Regrant(const journal::v1::ReplayedAccess& access, Applied* applied) {
  const uint64_t copy = CopyOf(access.before());
  copies_[access.now()] = copy;
  if (lost_(access.now())) return OkStatus();
  std::string collection;
  DocumentRecord record;
  ASSIGN_OR_RETURN(const bool there, Find(applied->next, copy, &collection, &record));
  if (!there) return OkStatus();
  const auto key = context_.vault.KeyOf(applied->next.id, access.now());
  if (access.sealed().empty() || !key.ok()) return Remove(copy, applied);
  ASSIGN_OR_RETURN(const std::string text, Vault::OpenWith(*key, "access", access.sealed()));
  journal::v1::ToldAccess told;
  if (!told.ParseFromString(text)) return Corrupt("an access in the journal is damaged");
  ASSIGN_OR_RETURN(DocumentWriter writer, DocumentWriter::For(context_, collection, applied));
  const Status granted = writer.Regrant(record, access, told);
  // A name that the scheme or the containers no longer have: the copy goes rather than open.
  if (!granted.ok()) return Remove(copy, applied);
  writer.Finish();
  return OkStatus();
}

StatusOr<Applied> Replayer::Apply(const TenantState& head, const journal::v1::Record& record) {
  const uint64_t revision = record.mutation() ? record.revision() : head.revision;
  TenantState before = head;
  before.revision = revision - 1;
  store::v1::Mutation mutation;
  if (const auto& sealed = record.replay().sealed_mutation(); !sealed.empty()) {
    ASSIGN_OR_RETURN(const std::string text, context_.vault.OpenFor("mutation", sealed));
    if (!mutation.ParseFromString(text)) return Corrupt("a change in the journal is damaged");
    mutation.set_time_us(record.time_us());
    ASSIGN_OR_RETURN(Applied applied, cordon::Apply(context_, before, mutation));
    AdoptNames(before, &applied.next);
    names_kept_ = names_kept_ && KeepsNames(*before.policy.rules, *applied.next.policy.rules);
    return applied;
  }
  // Several changes of one record all read the store as it was before the first: to take a copy
  // away twice does no harm, and the collections' figures are counted anew by loading.
  Applied applied;
  applied.next = std::move(before);
  applied.next.revision = revision;
  applied.next.time = std::max(head.time, static_cast<Micros>(record.time_us()));
  for (const uint64_t number : record.replay().removed()) {
    RETURN_IF_ERROR(Remove(number, &applied));
  }
  for (const auto& access : record.replay().access()) RETURN_IF_ERROR(Regrant(access, &applied));
  FinishReplay(context_, record.call(), &applied);
  return applied;
}

StatusOr<Applied> Replayer::Reclassify(const TenantState& head) const {
  Applied applied;
  applied.next = head;
  if (names_kept_) return applied;
  const Documents documents(&context_.database, &context_.vault, head.id);
  for (const auto& [name, collection] : *head.collections) {
    ASSIGN_OR_RETURN(DocumentWriter writer, DocumentWriter::For(context_, name, &applied));
    RETURN_IF_ERROR(documents.Scan(
        collection->id, [&](const DocumentRecord& record) { return writer.Reclassify(record); }));
    writer.Finish();
  }
  // Lists and labels are as they were, and one mutation's room is too little to tell them all: what
  // is told without them would go in the next restore.
  applied.replay.clear_access();
  return applied;
}

}  // namespace cordon
