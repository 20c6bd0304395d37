// Writing: every call that changes a tenant (docs/life-of-a-document.md follows one through here).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cordon/v1/admin.pb.h"
#include "cordon/v1/directory.pb.h"
#include "cordon/v1/embedding.pb.h"
#include "cordon/v1/ingest.pb.h"
#include "cordon/v1/policy.pb.h"
#include "engine/base/executor.h"
#include "engine/embed/endpoint.h"
#include "engine/ingest/writer.h"
#include "engine/view/tenant.h"

namespace cordon {

// What a write call needs.
struct WriteContext {
  std::shared_ptr<Tenant> tenant;
  Clock* clock;
  Writer* writer;
  Authenticated caller;
  Executor* background = nullptr;  // for calls that take long
  Endpoints* endpoints = nullptr;  // what embeds, if the server was given any
};

// An acknowledged batch of documents, and the names that its stream adds to its sum.
struct IngestedBatch {
  v1::IngestResponse response;  // without undefined_principals
  std::vector<std::string> undefined;
};

// Each calls `done` exactly once, after the journal has the call's record, perhaps on the writer's
// or the journal's thread. Thread-safe.
template <typename Response>
using Acknowledge = std::function<void(StatusOr<Response>)>;

// The start of a stream of batches: whether the caller may ingest at all. `done` gets the refusal.
void OpenIngest(const WriteContext& context, std::function<void(Status)> done);
void IngestDocuments(const WriteContext& context, v1::IngestRequest request,
                     Acknowledge<IngestedBatch> done);
void SetAccess(const WriteContext& context, const v1::SetAccessRequest& request,
               Acknowledge<v1::SetAccessResponse> done);
void SetAccessMany(const WriteContext& context, v1::SetAccessManyRequest request,
                   Acknowledge<v1::SetAccessManyResponse> done);
// Works on the context's background thread, mutation by mutation, each with its own record.
// `stop` (may be empty) says true when the caller is gone or the deadline has passed: then what is
// done stays, and the answer is DEADLINE_EXCEEDED.
void SetAccessSelected(const WriteContext& context, const v1::SetAccessSelectedRequest& request,
                       std::function<bool()> stop, Acknowledge<v1::SetAccessSelectedResponse> done);
void UpdateMetadata(const WriteContext& context, v1::UpdateMetadataRequest request,
                    Acknowledge<v1::UpdateMetadataResponse> done);
void Delete(const WriteContext& context, const v1::DeleteRequest& request,
            Acknowledge<v1::DeleteResponse> done);
void Erase(const WriteContext& context, const v1::EraseRequest& request,
           Acknowledge<v1::EraseResponse> done);
void SetHold(const WriteContext& context, const v1::SetHoldRequest& request,
             Acknowledge<v1::SetHoldResponse> done);
void ApplyDirectory(const WriteContext& context, v1::ApplyDirectoryRequest request,
                    Acknowledge<v1::ApplyDirectoryResponse> done);
void ApplyPolicy(const WriteContext& context, v1::ApplyPolicyRequest request,
                 Acknowledge<v1::ApplyPolicyResponse> done);
void CreateCollection(const WriteContext& context, v1::CreateCollectionRequest request,
                      Acknowledge<v1::CreateCollectionResponse> done);
void DeleteCollection(const WriteContext& context, const v1::DeleteCollectionRequest& request,
                      Acknowledge<v1::DeleteCollectionResponse> done);

// A collection's second embedding space (docs/decisions/re-embedding.md).
void BeginEmbedding(const WriteContext& context, v1::BeginEmbeddingRequest request,
                    Acknowledge<v1::BeginEmbeddingResponse> done);
// With `allow_missing` on the context's background thread; `stop` as of SetAccessSelected().
void SwitchEmbedding(const WriteContext& context, const v1::SwitchEmbeddingRequest& request,
                     std::function<bool()> stop, Acknowledge<v1::SwitchEmbeddingResponse> done);
void DropEmbedding(const WriteContext& context, const v1::DropEmbeddingRequest& request,
                   Acknowledge<v1::DropEmbeddingResponse> done);

// What a change would make of the tenant, which is not made (SimulateRequest.change). Refused as
// the call itself would be, by its rights too; the journal gets its record from whoever asks. Waits
// for the writer. DEADLINE_EXCEEDED once `stop` says true, which is asked for each document that is
// looked at to find what changes.
StatusOr<Trial> TryChange(const WriteContext& context, const v1::SimulateRequest& request,
                          const std::function<bool()>& stop = {});

// A key whose secret identity/ has made; `bearer` travels to the response only.
struct MadeKey {
  std::string id;
  std::string bearer;
  std::string digest;
  bool certificate_taken = false;  // another tenant has the certificate that is asked for
};
void CreateKey(const WriteContext& context, const v1::CreateKeyRequest& request, MadeKey key,
               Acknowledge<v1::CreateKeyResponse> done);
void RotateKey(const WriteContext& context, const v1::RotateKeyRequest& request, MadeKey key,
               Acknowledge<v1::RotateKeyResponse> done);
void RevokeKey(const WriteContext& context, const v1::RevokeKeyRequest& request,
               Acknowledge<v1::RevokeKeyResponse> done);
void CreateTenant(const WriteContext& context, const v1::CreateTenantRequest& request, MadeKey key,
                  Acknowledge<v1::CreateTenantResponse> done);

// Records that documents are about to leave to a model, whose label rises: once `done` has what was
// committed, durable and published, they may. `record` is the call's as far as it is known.
void RecordExport(const WriteContext& context, store::v1::ExportedBatch batch,
                  journal::v1::Record record, Writer::Done done);

// `id` is the new access's.
void OpenBreakGlass(const WriteContext& context, const v1::OpenBreakGlassRequest& request,
                    const std::string& id, Acknowledge<v1::OpenBreakGlassResponse> done);
void CloseBreakGlass(const WriteContext& context, const v1::CloseBreakGlassRequest& request,
                     Acknowledge<v1::CloseBreakGlassResponse> done);

// The grant of a tenant's first key: service:admin, the right admin only.
v1::KeyGrant FirstAdminGrant();

}  // namespace cordon
