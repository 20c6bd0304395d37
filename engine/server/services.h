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
  Reactor* GetDocument(CallContext*, const v1::GetDocumentRequest*,
                       v1::GetDocumentResponse*) override;
  Reactor* CheckAccess(CallContext*, const v1::CheckAccessRequest*,
                       v1::CheckAccessResponse*) override;
  Reactor* AllowedDestinations(CallContext*, const v1::AllowedDestinationsRequest*,
                               v1::AllowedDestinationsResponse*) override;

 private:
  Front* const front_;
};

class IngestService final : public v1::Ingest::CallbackService {
 public:
  explicit IngestService(Front* front) : front_(front) {}
  grpc::ServerBidiReactor<v1::IngestRequest, v1::IngestResponse>* Ingest(CallContext*) override;
  Reactor* SetAccess(CallContext*, const v1::SetAccessRequest*, v1::SetAccessResponse*) override;
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

 private:
  Front* const front_;
};

class PolicyService final : public v1::Policy::CallbackService {
 public:
  explicit PolicyService(Front* front) : front_(front) {}
  Reactor* ApplyPolicy(CallContext*, const v1::ApplyPolicyRequest*,
                       v1::ApplyPolicyResponse*) override;
  Reactor* Explain(CallContext*, const v1::ExplainRequest*, v1::ExplainResponse*) override;
  Reactor* WhoCanSee(CallContext*, const v1::WhoCanSeeRequest*, v1::WhoCanSeeResponse*) override;
  Reactor* AccessReport(CallContext*, const v1::AccessReportRequest*,
                        v1::AccessReportResponse*) override;
  Reactor* Simulate(CallContext*, const v1::SimulateRequest*, v1::SimulateResponse*) override;

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
  Reactor* CreateKey(CallContext*, const v1::CreateKeyRequest*, v1::CreateKeyResponse*) override;
  Reactor* ListKeys(CallContext*, const v1::ListKeysRequest*, v1::ListKeysResponse*) override;
  Reactor* RotateKey(CallContext*, const v1::RotateKeyRequest*, v1::RotateKeyResponse*) override;
  Reactor* RevokeKey(CallContext*, const v1::RevokeKeyRequest*, v1::RevokeKeyResponse*) override;
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
