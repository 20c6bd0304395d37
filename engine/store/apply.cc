#include "engine/store/apply.h"

#include "engine/store/apply_steps.h"
#include "engine/store/ingest_runs.h"

namespace cordon {
namespace {

using store::v1::Mutation;

Status ApplyChange(const ApplyContext& context, const Mutation& mutation, Applied* applied) {
  switch (mutation.change_case()) {
    case Mutation::kIngest:
      RETURN_IF_ERROR(NoteRun(context, mutation, applied));
      return ApplyIngest(context, mutation.ingest(), applied);
    case Mutation::kSetAccess:
      return ApplySetAccess(context, mutation.set_access(), applied);
    case Mutation::kSetAccessMany:
      return ApplySetAccessMany(context, mutation.set_access_many(), applied);
    case Mutation::kSetAccessSelected:
      return ApplyAccessBatch(context, mutation.set_access_selected(), applied);
    case Mutation::kUpdateMetadata:
      return ApplyUpdateMetadata(context, mutation.update_metadata(), applied);
    case Mutation::kDeleteDocument:
      return ApplyDelete(context, mutation.delete_document(), applied);
    case Mutation::kSource:
      return ApplySource(context, mutation.source(), applied);
    case Mutation::kDirectory:
      return ApplyDirectoryRecords(mutation.directory(), applied);
    case Mutation::kSync:
      return ApplyDirectorySync(context, mutation.sync(), applied);
    case Mutation::kPolicy:
      return ApplyPolicyFile(context, mutation.policy(), applied);
    case Mutation::kCreateCollection:
      return ApplyNewCollection(mutation.create_collection(), applied);
    case Mutation::kDeleteCollection:
      return ApplyDropCollection(context, mutation.delete_collection().name(), applied);
    case Mutation::kBeginEmbedding:
      return ApplyBeginEmbedding(mutation.begin_embedding(), applied);
    case Mutation::kSwitchEmbedding:
      return ApplySwitchEmbedding(mutation.switch_embedding(), applied);
    case Mutation::kDropEmbedding:
      return ApplyDropEmbedding(mutation.drop_embedding(), applied);
    case Mutation::kEmbed:
      return ApplyEmbeddingBatch(context, mutation.embed(), applied);
    case Mutation::kKey:
      return ApplyKey(context, mutation.key(), applied);
    case Mutation::kTenant:
      return ApplyNewTenant(context, mutation.tenant(), applied);
    case Mutation::kExported:
      return ApplyExported(context, mutation.exported(), applied);
    case Mutation::kBreakGlass:
      return ApplyBreakGlass(mutation.break_glass(), applied);
    case Mutation::kErase:
      return ApplyErase(context, mutation.erase(), applied);
    case Mutation::kHold:
      return ApplyHold(context, mutation.hold(), applied);
    case Mutation::kHeld:
      return ApplyHeld(context, mutation.held(), applied);
    case Mutation::CHANGE_NOT_SET:
      break;
  }
  return Internal("a mutation without a change");
}

// What only changes documents is no change of who may do what.
bool IsAboutDocuments(const Mutation& mutation) {
  return mutation.has_ingest() || mutation.has_set_access() || mutation.has_set_access_many() ||
         mutation.has_set_access_selected() || mutation.has_delete_document() ||
         mutation.has_update_metadata() || mutation.has_source() || mutation.has_erase() ||
         mutation.has_embed();
}

// A restored store lacks the vectors that came since its backup: it stays in the embedding space
// that it had, and what was begun or switched since is begun or switched again.
bool IsAboutSpaces(const Mutation& mutation) {
  return mutation.has_begin_embedding() || mutation.has_switch_embedding() ||
         mutation.has_drop_embedding();
}

}  // namespace

void PutHead(const TenantState& state, Batch* batch) {
  store::v1::HeadRecord head;
  head.set_revision(state.revision);
  head.set_time_us(state.time);
  head.set_next_collection(state.next_collection);
  head.set_next_document(state.next_document);
  head.set_spaces(state.spaces);
  batch->Put(Family::kHeads, HeadKey(state.id), head);
}

namespace {

// What a restored store must be told of a change that is no document's: all of it, for it revokes
// as much as it grants. Documents come from their sources again, and have noted theirs.
Status NoteMutation(const ApplyContext& context, const Mutation& mutation, Applied* applied) {
  if (IsAboutDocuments(mutation) || IsAboutSpaces(mutation)) return OkStatus();
  Mutation told;
  if (applied->told) {
    told = *std::move(applied->told);
    told.set_key_id(mutation.key_id());
    told.set_actor(mutation.actor());
    told.set_reason(mutation.reason());
  }
  const Mutation& all = applied->told ? told : mutation;
  ASSIGN_OR_RETURN(*applied->replay.mutable_sealed_mutation(),
                   context.vault.SealFor("mutation", all.SerializeAsString()));
  return OkStatus();
}

void PutRevision(const ApplyContext& context, const Mutation& mutation, Applied* applied) {
  store::v1::RevisionRecord record;
  record.set_call(std::string(CallOf(mutation)));
  record.set_key_id(mutation.key_id());
  record.set_time_us(mutation.time_us());
  record.set_actor(context.pseudonym("principal", mutation.actor()));
  record.set_collection(applied->collection);
  record.set_dropped_collection(applied->dropped);
  for (const auto& id : applied->documents) {
    applied->names.push_back(context.pseudonym("document", id));
  }
  record.mutable_touched()->Assign(applied->names.begin(), applied->names.end());
  record.set_digest(std::string(AsBytes(context.digest)));
  record.set_reason(mutation.reason());
  if (!IsAboutDocuments(mutation)) {
    applied->batch.Put(Family::kPolicy, PolicyRevisionKey(applied->next.id, applied->next.revision),
                       record);
  }
  const bool told = applied->replay.ByteSizeLong() > 0;
  if (told) record.mutable_replay()->Swap(&applied->replay);  // lent: it may hold 24 MiB
  applied->batch.Put(Family::kRevisions, RevisionKey(applied->next.id, applied->next.revision),
                     record);
  if (told) record.mutable_replay()->Swap(&applied->replay);
}

}  // namespace

StatusOr<Applied> Apply(const ApplyContext& context, const TenantState& head,
                        const Mutation& mutation, Batch batch) {
  Applied applied;
  applied.batch = std::move(batch);
  applied.next = head;
  applied.next.policy.principals = std::make_shared<PrincipalTable>(head.policy.principals);
  applied.next.revision = head.revision + 1;
  applied.next.time = std::max(head.time, static_cast<Micros>(mutation.time_us()));
  RETURN_IF_ERROR(ApplyChange(context, mutation, &applied));
  applied.next.policy.ExtendPostings();
  PutHead(applied.next, &applied.batch);
  if (applied.created) PutHead(*applied.created, &applied.batch);
  RETURN_IF_ERROR(NoteMutation(context, mutation, &applied));
  PutRevision(context, mutation, &applied);
  return applied;
}

void AdoptNames(const TenantState& head, TenantState* next) {
  head.policy.principals->Adopt(*next->policy.principals);
  next->policy.principals = head.policy.principals;
}

void FinishReplay(const ApplyContext& context, const std::string& call, Applied* applied) {
  applied->next.policy.ExtendPostings();
  PutHead(applied->next, &applied->batch);
  store::v1::RevisionRecord record;
  record.set_call(call);
  record.set_time_us(applied->next.time);
  record.set_collection(applied->collection);
  record.set_dropped_collection(applied->dropped);
  for (const auto& id : applied->documents) {
    record.add_touched(context.pseudonym("document", id));
  }
  applied->batch.Put(Family::kRevisions, RevisionKey(applied->next.id, applied->next.revision),
                     record);
}

std::string_view CallOf(const Mutation& mutation) {
  switch (mutation.change_case()) {
    case Mutation::kIngest:
      return "Ingest";
    case Mutation::kSetAccess:
      return "SetAccess";
    case Mutation::kSetAccessMany:
      return "SetAccessMany";
    case Mutation::kSetAccessSelected:
      return "SetAccessSelected";
    case Mutation::kUpdateMetadata:
      return "UpdateMetadata";
    case Mutation::kDeleteDocument:
      return "Delete";
    case Mutation::kSource:
      return "SyncSource";
    case Mutation::kDirectory:
      return "ApplyDirectory";
    case Mutation::kSync:
      return "SyncDirectory";
    case Mutation::kPolicy:
      return "ApplyPolicy";
    case Mutation::kCreateCollection:
      return "CreateCollection";
    case Mutation::kDeleteCollection:
      return "DeleteCollection";
    case Mutation::kBeginEmbedding:
      return "BeginEmbedding";
    case Mutation::kSwitchEmbedding:
      return "SwitchEmbedding";
    case Mutation::kDropEmbedding:
      return "DropEmbedding";
    case Mutation::kEmbed:
      return "Embed";
    case Mutation::kKey:
      if (mutation.key().has_rotation()) return "RotateKey";
      return mutation.key().has_record() ? "CreateKey" : "RevokeKey";
    case Mutation::kTenant:
      return "CreateTenant";
    case Mutation::kExported:
      return "Export";
    case Mutation::kBreakGlass:
      return mutation.break_glass().has_open() ? "OpenBreakGlass" : "CloseBreakGlass";
    case Mutation::kErase:
      return "Erase";
    case Mutation::kHold:
    case Mutation::kHeld:
      return "SetHold";
    case Mutation::CHANGE_NOT_SET:
      break;
  }
  return "Unknown";
}

}  // namespace cordon
