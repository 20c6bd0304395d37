// Writing: every call that changes a tenant (docs/life-of-a-document.md follows one through here).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cordon/v1/admin.pb.h"
#include "cordon/v1/directory.pb.h"
#include "cordon/v1/ingest.pb.h"
#include "cordon/v1/policy.pb.h"
#include "engine/ingest/writer.h"
#include "engine/view/tenant.h"

namespace cordon {

// What a write call needs.
struct WriteContext {
  std::shared_ptr<Tenant> tenant;
  Clock* clock;
  Writer* writer;
  Authenticated caller;
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

// What a change would make of the tenant, which is not made (SimulateRequest.change). Refused as
// the call itself would be, by its rights too; the journal gets its record from whoever asks. Waits
// for the writer.
StatusOr<Trial> TryChange(const WriteContext& context, const v1::SimulateRequest& request);

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

// The grant of a tenant's first key: service:admin, the right admin only.
v1::KeyGrant FirstAdminGrant();

}  // namespace cordon
