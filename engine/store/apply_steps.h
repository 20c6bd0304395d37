// The steps of Apply, one for each kind of mutation. Internal to store/.
#pragma once

#include "engine/store/apply.h"

namespace cordon {

Status ApplyIngest(const ApplyContext& context, const store::v1::IngestBatch& batch,
                   Applied* applied);
Status ApplySetAccess(const ApplyContext& context, const v1::SetAccessRequest& request,
                      Applied* applied);
Status ApplySetAccessMany(const ApplyContext& context, const v1::SetAccessManyRequest& request,
                          Applied* applied);
Status ApplyAccessBatch(const ApplyContext& context, const store::v1::AccessBatch& batch,
                        Applied* applied);
Status ApplyUpdateMetadata(const ApplyContext& context, const v1::UpdateMetadataRequest& request,
                           Applied* applied);
Status ApplyDelete(const ApplyContext& context, const v1::DeleteRequest& request, Applied* applied);
Status ApplySource(const ApplyContext& context, const store::v1::SourceBatch& batch,
                   Applied* applied);
Status ApplyErase(const ApplyContext& context, const store::v1::EraseChange& change,
                  Applied* applied);
Status ApplyHold(const ApplyContext& context, const v1::SetHoldRequest& request, Applied* applied);
// The same by pseudonym.
Status ApplyHeld(const ApplyContext& context, const store::v1::HeldPseudonym& held,
                 Applied* applied);
Status ApplyDirectoryRecords(const v1::ApplyDirectoryRequest& request, Applied* applied);
Status ApplyDirectorySync(const ApplyContext& context, const store::v1::DirectorySync& sync,
                          Applied* applied);
Status ApplyPolicyFile(const ApplyContext& context, const v1::ApplyPolicyRequest& request,
                       Applied* applied);
// Whether every name that a document's lists and labels can have is still there, and the levels are
// in the same order, others in between or not.
bool KeepsNames(const PolicyRules& before, const PolicyRules& after);
// Sets or removes a destination. The label of its model does not fall, unless the change says why.
Status SetDestination(const v1::DestinationChange& change, PolicyRules* rules, Applied* applied);
Status ApplyExported(const ApplyContext& context, const store::v1::ExportedBatch& batch,
                     Applied* applied);
Status ApplyBreakGlass(const store::v1::BreakGlassChange& change, Applied* applied);
// Puts a collection in the place of the one of its name.
void PutCollection(Collection collection, Applied* applied);
Status ApplyBeginEmbedding(const v1::BeginEmbeddingRequest& request, Applied* applied);
Status ApplySwitchEmbedding(const v1::SwitchEmbeddingRequest& request, Applied* applied);
Status ApplyDropEmbedding(const v1::DropEmbeddingRequest& request, Applied* applied);
Status ApplyEmbeddingBatch(const ApplyContext& context, const store::v1::EmbeddingBatch& batch,
                           Applied* applied);
Status ApplyNewCollection(const v1::CollectionConfig& config, Applied* applied);
Status ApplyDropCollection(const ApplyContext& context, const std::string& name, Applied* applied);
Status ApplyKey(const ApplyContext& context, const store::v1::KeyChange& change, Applied* applied);
// Puts what every revision has, for a change that comes from the journal.
void FinishReplay(const ApplyContext& context, const std::string& call, Applied* applied);
Status ApplyNewTenant(const ApplyContext& context, const store::v1::NewTenant& tenant,
                      Applied* applied);

}  // namespace cordon
