// What a change is refused for before it comes to the writer. Internal to ingest/: the real call
// and its trial ask the same.
#pragma once

#include "cordon/store/v1/mutation.pb.h"
#include "engine/ingest/ingest.h"
#include "engine/ingest/run_step.h"
#include "engine/ingest/validate.h"

namespace cordon {

// The collection, if the key may write into it.
StatusOr<std::shared_ptr<const Collection>> Writable(const WriteContext& context, const View& view,
                                                     const std::string& name);

// Whether the vectors of a call may be beside those of the collection. Empty: it does not say.
Status CheckModel(const Collection& collection, const std::string& embedding_model);

// A batch as far as it can be known before the writer has it.
struct CheckedBatch {
  RunStep run;
  Validated validated;  // unless the answer is known
};

// The documents of a batch that can be committed, embedded by the collection's endpoint if it has
// one. `sent_to` as of EmbedDocuments(); null: they are only tried, so that nothing is embedded.
StatusOr<CheckedBatch> CheckIngest(const WriteContext& context, v1::IngestRequest* request,
                                   std::string* sent_to);
Status CheckSetAccess(const WriteContext& context, const v1::SetAccessRequest& request);
Status CheckSetAccessMany(const WriteContext& context, const v1::SetAccessManyRequest& request);
Status CheckSetAccessSelected(const WriteContext& context,
                              const v1::SetAccessSelectedRequest& request);
// Completes what is given.
Status CheckUpdateMetadata(const WriteContext& context, v1::UpdateMetadataRequest* request);
Status CheckDelete(const WriteContext& context, const v1::DeleteRequest& request);
Status CheckApplyDirectory(const WriteContext& context, const v1::ApplyDirectoryRequest& request);
// Completes what is given.
StatusOr<store::v1::Mutation> NewCollectionOf(const WriteContext& context,
                                              v1::CreateCollectionRequest request);
StatusOr<store::v1::Mutation> DeletedCollectionOf(const WriteContext& context,
                                                  const v1::DeleteCollectionRequest& request);
// The first mutation of an erasure, which may leave some to others.
StatusOr<store::v1::Mutation> EraseOf(const WriteContext& context, const v1::EraseRequest& request);
StatusOr<store::v1::Mutation> NewKeyOf(const WriteContext& context,
                                       const v1::CreateKeyRequest& request, const MadeKey& key);
StatusOr<store::v1::Mutation> RotatedKeyOf(const WriteContext& context,
                                           const v1::RotateKeyRequest& request, const MadeKey& key);
StatusOr<store::v1::Mutation> RevokedKeyOf(const WriteContext& context,
                                           const v1::RevokeKeyRequest& request);
StatusOr<store::v1::Mutation> NewTenantOf(const WriteContext& context,
                                          const v1::CreateTenantRequest& request,
                                          const MadeKey& key);
// The access as it is to be opened, for a subject for whom the caller may ask.
StatusOr<v1::BreakGlass> AccessToOpen(const WriteContext& context,
                                      const v1::OpenBreakGlassRequest& request,
                                      const std::string& id);
Status CheckCloseBreakGlass(const WriteContext& context, const v1::CloseBreakGlassRequest& request);
// A change that only admins make.
Status CheckAdmin(const WriteContext& context, const std::string& reason);
Status CheckReason(const std::string& reason);

}  // namespace cordon
