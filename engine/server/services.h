// The gRPC services: handlers that only translate.
#pragma once

#include "cordon/v1/admin.grpc.pb.h"
#include "cordon/v1/directory.grpc.pb.h"
#include "cordon/v1/ingest.grpc.pb.h"
#include "cordon/v1/policy.grpc.pb.h"
#include "cordon/v1/retrieval.grpc.pb.h"
#include "engine/server/calls.h"

namespace cordon {

using CallContext = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

class RetrievalService final : public v1::Retrieval::CallbackService {
 public:
  explicit RetrievalService(Front* front) : front_(front) {}
  Reactor* Retrieve(CallContext*, const v1::RetrieveRequest*, v1::RetrieveResponse*) override;
  Reactor* BatchRetrieve(CallContext*, const v1::BatchRetrieveRequest*,
                         v1::BatchRetrieveResponse*) override;
  grpc::ServerWriteReactor<v1::RetrieveStreamResponse>* RetrieveStream(
      CallContext*, const v1::RetrieveStreamRequest*) override;
  Reactor* GetDocument(CallContext*, const v1::GetDocumentRequest*,
                       v1::GetDocumentResponse*) override;
  Reactor* CheckAccess(CallContext*, const v1::CheckAccessRequest*,
                       v1::CheckAccessResponse*) override;
  Reactor* AllowedDestinations(CallContext*, const v1::AllowedDestinationsRequest*,
                               v1::AllowedDestinationsResponse*) override;
  grpc::ServerWriteReactor<v1::ExportResponse>* Export(CallContext*,
                                                       const v1::ExportRequest*) override;

 private:
  Front* const front_;
};

// Of v1::Ingest all that is no stream is as gRPC generates it. The stream takes bytes: of a message
// that it cannot parse, gRPC would make the end of a stream that went well.
using IngestBase = v1::Ingest::WithRawCallbackMethod_Ingest<
    v1::Ingest::WithCallbackMethod_SetAccess<v1::Ingest::WithCallbackMethod_SetAccessMany<
        v1::Ingest::WithCallbackMethod_SetAccessSelected<
            v1::Ingest::WithCallbackMethod_UpdateMetadata<
                v1::Ingest::WithCallbackMethod_SyncSource<v1::Ingest::WithCallbackMethod_Delete<
                    v1::Ingest::WithCallbackMethod_Erase<v1::Ingest::WithCallbackMethod_EraseStatus<
                        v1::Ingest::WithCallbackMethod_SetHold<
                            v1::Ingest::WithCallbackMethod_ListHolds<v1::Ingest::Service>>>>>>>>>>>;

class IngestService final : public IngestBase {
 public:
  explicit IngestService(Front* front) : front_(front) {}
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Ingest(CallContext*) override;
  Reactor* SetAccess(CallContext*, const v1::SetAccessRequest*, v1::SetAccessResponse*) override;
  Reactor* SetAccessMany(CallContext*, const v1::SetAccessManyRequest*,
                         v1::SetAccessManyResponse*) override;
  Reactor* SetAccessSelected(CallContext*, const v1::SetAccessSelectedRequest*,
                             v1::SetAccessSelectedResponse*) override;
  Reactor* UpdateMetadata(CallContext*, const v1::UpdateMetadataRequest*,
                          v1::UpdateMetadataResponse*) override;
  grpc::ServerReadReactor<v1::SyncSourceRequest>* SyncSource(CallContext*,
                                                             v1::SyncSourceResponse*) override;
  Reactor* Delete(CallContext*, const v1::DeleteRequest*, v1::DeleteResponse*) override;
  Reactor* Erase(CallContext*, const v1::EraseRequest*, v1::EraseResponse*) override;
  Reactor* EraseStatus(CallContext*, const v1::EraseStatusRequest*,
                       v1::EraseStatusResponse*) override;
  Reactor* SetHold(CallContext*, const v1::SetHoldRequest*, v1::SetHoldResponse*) override;
  Reactor* ListHolds(CallContext*, const v1::ListHoldsRequest*, v1::ListHoldsResponse*) override;

 private:
  Front* const front_;
};

class DirectoryService final : public v1::Directory::CallbackService {
 public:
  explicit DirectoryService(Front* front) : front_(front) {}
  Reactor* ApplyDirectory(CallContext*, const v1::ApplyDirectoryRequest*,
                          v1::ApplyDirectoryResponse*) override;
  grpc::ServerReadReactor<v1::SyncDirectoryRequest>* SyncDirectory(
      CallContext*, v1::SyncDirectoryResponse*) override;
  Reactor* GetPrincipal(CallContext*, const v1::GetPrincipalRequest*,
                        v1::GetPrincipalResponse*) override;

 private:
  Front* const front_;
};

class PolicyService final : public v1::Policy::CallbackService {
 public:
  explicit PolicyService(Front* front) : front_(front) {}
  Reactor* ApplyPolicy(CallContext*, const v1::ApplyPolicyRequest*,
                       v1::ApplyPolicyResponse*) override;
  Reactor* GetPolicy(CallContext*, const v1::GetPolicyRequest*, v1::GetPolicyResponse*) override;
  Reactor* PolicyHistory(CallContext*, const v1::PolicyHistoryRequest*,
                         v1::PolicyHistoryResponse*) override;
  Reactor* Explain(CallContext*, const v1::ExplainRequest*, v1::ExplainResponse*) override;
  Reactor* WhoCanSee(CallContext*, const v1::WhoCanSeeRequest*, v1::WhoCanSeeResponse*) override;
  Reactor* AccessReport(CallContext*, const v1::AccessReportRequest*,
                        v1::AccessReportResponse*) override;
  Reactor* Simulate(CallContext*, const v1::SimulateRequest*, v1::SimulateResponse*) override;
  Reactor* OpenBreakGlass(CallContext*, const v1::OpenBreakGlassRequest*,
                          v1::OpenBreakGlassResponse*) override;
  Reactor* CloseBreakGlass(CallContext*, const v1::CloseBreakGlassRequest*,
                           v1::CloseBreakGlassResponse*) override;
  Reactor* ListBreakGlass(CallContext*, const v1::ListBreakGlassRequest*,
                          v1::ListBreakGlassResponse*) override;

 private:
  Front* const front_;
};

class AdminService final : public v1::Admin::CallbackService {
 public:
  explicit AdminService(Front* front) : front_(front) {}
  Reactor* CreateTenant(CallContext*, const v1::CreateTenantRequest*,
                        v1::CreateTenantResponse*) override;
  Reactor* CreateCollection(CallContext*, const v1::CreateCollectionRequest*,
                            v1::CreateCollectionResponse*) override;
  Reactor* ListCollections(CallContext*, const v1::ListCollectionsRequest*,
                           v1::ListCollectionsResponse*) override;
  Reactor* DeleteCollection(CallContext*, const v1::DeleteCollectionRequest*,
                            v1::DeleteCollectionResponse*) override;
  Reactor* BeginEmbedding(CallContext*, const v1::BeginEmbeddingRequest*,
                          v1::BeginEmbeddingResponse*) override;
  Reactor* SwitchEmbedding(CallContext*, const v1::SwitchEmbeddingRequest*,
                           v1::SwitchEmbeddingResponse*) override;
  Reactor* DropEmbedding(CallContext*, const v1::DropEmbeddingRequest*,
                         v1::DropEmbeddingResponse*) override;
  Reactor* EmbeddingStatus(CallContext*, const v1::EmbeddingStatusRequest*,
                           v1::EmbeddingStatusResponse*) override;
  Reactor* CreateKey(CallContext*, const v1::CreateKeyRequest*, v1::CreateKeyResponse*) override;
  Reactor* ListKeys(CallContext*, const v1::ListKeysRequest*, v1::ListKeysResponse*) override;
  Reactor* RotateKey(CallContext*, const v1::RotateKeyRequest*, v1::RotateKeyResponse*) override;
  Reactor* RevokeKey(CallContext*, const v1::RevokeKeyRequest*, v1::RevokeKeyResponse*) override;
  Reactor* Usage(CallContext*, const v1::UsageRequest*, v1::UsageResponse*) override;
  Reactor* Stats(CallContext*, const v1::StatsRequest*, v1::StatsResponse*) override;
  Reactor* QueryJournal(CallContext*, const v1::QueryJournalRequest*,
                        v1::QueryJournalResponse*) override;
  Reactor* VerifyJournal(CallContext*, const v1::VerifyJournalRequest*,
                         v1::VerifyJournalResponse*) override;
  Reactor* CreateBackup(CallContext*, const v1::CreateBackupRequest*,
                        v1::CreateBackupResponse*) override;
  Reactor* ListBackups(CallContext*, const v1::ListBackupsRequest*,
                       v1::ListBackupsResponse*) override;
  Reactor* Capabilities(CallContext*, const v1::CapabilitiesRequest*,
                        v1::CapabilitiesResponse*) override;

 private:
  Front* const front_;
};

}  // namespace cordon
