#include "engine/base/limits.h"
#include "engine/ingest/check_change.h"
#include "engine/ingest/directory_sync.h"
#include "engine/ingest/selection.h"
#include "engine/ingest/source_sync.h"

namespace cordon {
namespace {

using store::v1::Mutation;
using v1::SimulateRequest;

// Of what is tried and gets no other name.
constexpr const char* kTriedId = "simulated";

// A mutation that holds the request itself, once that is checked.
template <typename Request>
StatusOr<Mutation> Whole(const Status& checked, const Request& request,
                         Request* (Mutation::*part)()) {
  RETURN_IF_ERROR(checked);
  Mutation mutation;
  *(mutation.*part)() = request;
  return mutation;
}

StatusOr<Mutation> SelectedOf(const WriteContext& context,
                              const v1::SetAccessSelectedRequest& request,
                              const std::function<bool()>& stop) {
  RETURN_IF_ERROR(CheckSetAccessSelected(context, request));
  return Selection(context, request, stop).AsOne();
}

StatusOr<Mutation> UpdatedOf(const WriteContext& context,
                             const v1::UpdateMetadataRequest& request) {
  Mutation mutation;
  *mutation.mutable_update_metadata() = request;
  RETURN_IF_ERROR(CheckUpdateMetadata(context, mutation.mutable_update_metadata()));
  return mutation;
}

// Whether another tenant has a certificate is not known here, and nobody sees more by it.
StatusOr<Mutation> KeyOf(const WriteContext& context, const v1::CreateKeyRequest& request) {
  RETURN_IF_ERROR(CheckAdmin(context, request.reason()));
  if (!request.grant().certificate().empty()) {
    return Invalid("certificate", "changes nobody's access; leave it out of what is simulated");
  }
  return NewKeyOf(context, request, {.id = kTriedId, .bearer = "", .digest = ""});
}

StatusOr<Mutation> OpenedOf(const WriteContext& context, const v1::OpenBreakGlassRequest& request) {
  Mutation mutation;
  mutation.mutable_break_glass()->set_id(kTriedId);
  ASSIGN_OR_RETURN(*mutation.mutable_break_glass()->mutable_open(),
                   AccessToOpen(context, request, kTriedId));
  return mutation;
}

StatusOr<Mutation> ClosedOf(const WriteContext& context,
                            const v1::CloseBreakGlassRequest& request) {
  RETURN_IF_ERROR(CheckCloseBreakGlass(context, request));
  Mutation mutation;
  mutation.mutable_break_glass()->set_id(request.id());
  return mutation;
}

// A snapshot is staged for as long as it is tried.
StatusOr<Trial> TrySnapshot(const WriteContext& context, const v1::SyncDirectoryRequest& request) {
  if (!request.has_commit()) {
    return Invalid("commit", "missing; a snapshot that is simulated comes in one message");
  }
  OpenSyncs alone;  // those on their way in are others: the writer bounds how many trials wait
  DirectorySync sync(&alone);
  RETURN_IF_ERROR(sync.Add(context, request));
  return sync.Try(context);
}

// Tries `mutation` as the caller's.
StatusOr<Trial> TryMutation(const WriteContext& context, Mutation mutation) {
  mutation.set_key_id(context.caller.key_id());
  mutation.set_actor(context.caller.grant().principal);
  return context.writer->Try(context.tenant, context.caller, std::move(mutation));
}

// Who sees a document depends on nothing that is in it: without that there is less to write.
void DropContent(store::v1::IngestBatch* batch) {
  for (auto& document : *batch->mutable_documents()) {
    for (auto& chunk : *document.mutable_chunks()) {
      chunk.clear_text();
      chunk.clear_embedding();
    }
  }
}

StatusOr<Trial> TryIngest(const WriteContext& context, v1::IngestRequest request) {
  ASSIGN_OR_RETURN(CheckedBatch checked, CheckIngest(context, &request, /*sent_to=*/nullptr));
  Mutation mutation;
  store::v1::IngestBatch* const batch = mutation.mutable_ingest();
  auto* refused = &checked.validated.refused;
  std::vector<v1::Refusal> again;
  if (checked.run.known) {
    // Applied before: it would write nothing.
    batch->set_collection(request.collection());
    again.assign(checked.run.known->refused().begin(), checked.run.known->refused().end());
    refused = &again;
  } else {
    *batch = std::move(checked.validated.batch);
    DropContent(batch);
    if (checked.run.next) *batch->mutable_run() = *std::move(checked.run.next);
  }
  ASSIGN_OR_RETURN(Trial trial, TryMutation(context, std::move(mutation)));
  trial.refused = std::move(*refused);
  return trial;
}

// As a dry run, so that no endpoint gets a text.
StatusOr<Trial> TryListing(const WriteContext& context, v1::SyncSourceRequest request,
                           const std::function<bool()>& stop) {
  if (!request.has_begin() || !request.has_commit()) {
    return Invalid(request.has_begin() ? "commit" : "begin",
                   "missing; a listing that is simulated comes in one message");
  }
  request.mutable_begin()->set_dry_run(true);
  OpenListings alone;  // as of a snapshot
  SourceSync sync(&alone);
  RETURN_IF_ERROR(sync.Take(context, std::move(request)));
  ASSIGN_OR_RETURN(Mutation mutation, sync.AsOne(context, stop));
  DropContent(mutation.mutable_source()->mutable_written());
  ASSIGN_OR_RETURN(Trial trial, TryMutation(context, std::move(mutation)));
  trial.refused.assign(sync.refused().begin(), sync.refused().end());
  return trial;
}

StatusOr<Mutation> MutationOf(const WriteContext& context, const SimulateRequest& request,
                              const std::function<bool()>& stop) {
  switch (request.change_case()) {
    case SimulateRequest::kDirectory:
      return Whole(CheckApplyDirectory(context, request.directory()), request.directory(),
                   &Mutation::mutable_directory);
    case SimulateRequest::kPolicy:
      return Whole(CheckAdmin(context, request.policy().reason()), request.policy(),
                   &Mutation::mutable_policy);
    case SimulateRequest::kSetAccess:
      return Whole(CheckSetAccess(context, request.set_access()), request.set_access(),
                   &Mutation::mutable_set_access);
    case SimulateRequest::kSetAccessMany:
      return Whole(CheckSetAccessMany(context, request.set_access_many()),
                   request.set_access_many(), &Mutation::mutable_set_access_many);
    case SimulateRequest::kSetAccessSelected:
      return SelectedOf(context, request.set_access_selected(), stop);
    case SimulateRequest::kDeleteDocument:
      return Whole(CheckDelete(context, request.delete_document()), request.delete_document(),
                   &Mutation::mutable_delete_document);
    case SimulateRequest::kUpdateMetadata:
      return UpdatedOf(context, request.update_metadata());
    case SimulateRequest::kErase:
      return EraseOf(context, request.erase());
    case SimulateRequest::kDeleteCollection:
      return DeletedCollectionOf(context, request.delete_collection());
    case SimulateRequest::kCreateKey:
      return KeyOf(context, request.create_key());
    case SimulateRequest::kRevokeKey:
      return RevokedKeyOf(context, request.revoke_key());
    case SimulateRequest::kOpenBreakGlass:
      return OpenedOf(context, request.open_break_glass());
    case SimulateRequest::kCloseBreakGlass:
      return ClosedOf(context, request.close_break_glass());
    case SimulateRequest::kIngest:    // has refusals beside its mutation: TryIngest
    case SimulateRequest::kListing:   // likewise: TryListing
    case SimulateRequest::kSnapshot:  // no mutation before it is staged: TrySnapshot
    case SimulateRequest::CHANGE_NOT_SET:
      break;
  }
  return Invalid("change",
                 "missing; give one that decides who sees what: of the directory, the policy, "
                 "access, metadata, keys or break-glass, documents, a deletion or an erasure");
}

}  // namespace

StatusOr<Trial> TryChange(const WriteContext& context, const SimulateRequest& request,
                          const std::function<bool()>& stop) {
  if (request.has_snapshot()) return TrySnapshot(context, request.snapshot());
  if (request.has_ingest()) return TryIngest(context, request.ingest());
  if (request.has_listing()) return TryListing(context, request.listing(), stop);
  ASSIGN_OR_RETURN(Mutation mutation, MutationOf(context, request, stop));
  const std::string break_glass = mutation.break_glass().id();
  ASSIGN_OR_RETURN(Trial trial, TryMutation(context, std::move(mutation)));
  if (trial.more) {
    return Invalid("erase", "takes more than one revision; simulate a smaller one");
  }
  trial.break_glass = break_glass;
  return trial;
}

}  // namespace cordon
