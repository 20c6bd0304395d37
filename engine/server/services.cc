#include "engine/server/services.h"

#include "engine/server/find_keys.h"
#include "engine/server/ingest_stream.h"
#include "engine/server/revision_wait.h"

namespace cordon {
namespace {

// A read: `call(context, request, done)` with what a reading call needs.
template <typename Request, typename Response, typename Call>
Reactor* Read(Front* front, CallContext* context, const Request* request, Response* response,
              Call call) {
  return Unary(
      front, context, request, response,
      [front, call](const Authenticated& caller, const Request& in, std::function<bool()> stop,
                    auto done) { call(front->engine->ReadAs(caller, std::move(stop)), in, done); });
}

// A read that may wait for a revision first.
template <typename Request, typename Response, typename Call>
Reactor* ReadAt(Front* front, CallContext* context, const Request* request, Response* response,
                Call call) {
  return Unary(
      front, context, request, response,
      [front, call](const Authenticated& caller, const Request& in,
                    const std::function<bool()>& stop, auto done) {
        WhenVisible(
            front, caller, in.scope().at_least_revision(), stop,
            [=, &in] { call(front->engine->ReadAs(caller, stop), in, done); },
            [done] { done(Overloaded()); });
      },
      limits::kQueryMessageBytes, Where::kHereIfFree);
}

// A write: the same with what a writing call needs.
template <typename Request, typename Response, typename Call>
Reactor* Write(Front* front, CallContext* context, const Request* request, Response* response,
               Call call) {
  return Unary(
      front, context, request, response,
      [front, call](const Authenticated& caller, const Request& in, const std::function<bool()>&,
                    auto done) { call(front->engine->WriteAs(caller), in, done); },
      limits::kIngestMessageBytes);
}

// A key that identity/ has made, or the refusal passed to `done`.
template <typename Done>
std::optional<MadeKey> NewKeyOr(const StatusOr<NewKey>& key, Done done) {
  if (key.ok()) return MadeKey{key->id, key->bearer, key->digest};
  done(key.status());
  return std::nullopt;
}

}  // namespace

Reactor* RetrievalService::Retrieve(CallContext* context, const v1::RetrieveRequest* request,
                                    v1::RetrieveResponse* response) {
  return ReadAt(front_, context, request, response, cordon::Retrieve);
}

Reactor* RetrievalService::GetDocument(CallContext* context, const v1::GetDocumentRequest* request,
                                       v1::GetDocumentResponse* response) {
  return ReadAt(front_, context, request, response, cordon::GetDocument);
}

Reactor* RetrievalService::CheckAccess(CallContext* context, const v1::CheckAccessRequest* request,
                                       v1::CheckAccessResponse* response) {
  return ReadAt(front_, context, request, response, cordon::CheckAccess);
}

Reactor* RetrievalService::AllowedDestinations(CallContext* context,
                                               const v1::AllowedDestinationsRequest* request,
                                               v1::AllowedDestinationsResponse* response) {
  return ReadAt(front_, context, request, response, cordon::AllowedDestinations);
}

grpc::ServerBidiReactor<v1::IngestRequest, v1::IngestResponse>* IngestService::Ingest(
    CallContext* context) {
  return new IngestStream(front_, context);
}

Reactor* IngestService::SetAccess(CallContext* context, const v1::SetAccessRequest* request,
                                  v1::SetAccessResponse* response) {
  return Write(front_, context, request, response, cordon::SetAccess);
}

Reactor* IngestService::Delete(CallContext* context, const v1::DeleteRequest* request,
                               v1::DeleteResponse* response) {
  return Write(front_, context, request, response, cordon::Delete);
}

Reactor* IngestService::Erase(CallContext* context, const v1::EraseRequest* request,
                              v1::EraseResponse* response) {
  return Write(front_, context, request, response, cordon::Erase);
}

Reactor* IngestService::EraseStatus(CallContext* context, const v1::EraseStatusRequest* request,
                                    v1::EraseStatusResponse* response) {
  return Read(front_, context, request, response, cordon::EraseStatus);
}

Reactor* IngestService::SetHold(CallContext* context, const v1::SetHoldRequest* request,
                                v1::SetHoldResponse* response) {
  return Write(front_, context, request, response, cordon::SetHold);
}

Reactor* IngestService::ListHolds(CallContext* context, const v1::ListHoldsRequest* request,
                                  v1::ListHoldsResponse* response) {
  return Read(front_, context, request, response, cordon::ListHolds);
}

Reactor* DirectoryService::ApplyDirectory(CallContext* context,
                                          const v1::ApplyDirectoryRequest* request,
                                          v1::ApplyDirectoryResponse* response) {
  return Write(front_, context, request, response, cordon::ApplyDirectory);
}

Reactor* PolicyService::ApplyPolicy(CallContext* context, const v1::ApplyPolicyRequest* request,
                                    v1::ApplyPolicyResponse* response) {
  return Write(front_, context, request, response, cordon::ApplyPolicy);
}

Reactor* PolicyService::Explain(CallContext* context, const v1::ExplainRequest* request,
                                v1::ExplainResponse* response) {
  return Read(front_, context, request, response, cordon::Explain);
}

Reactor* PolicyService::WhoCanSee(CallContext* context, const v1::WhoCanSeeRequest* request,
                                  v1::WhoCanSeeResponse* response) {
  return Read(front_, context, request, response, cordon::WhoCanSee);
}

Reactor* PolicyService::AccessReport(CallContext* context, const v1::AccessReportRequest* request,
                                     v1::AccessReportResponse* response) {
  return Read(front_, context, request, response, cordon::AccessReport);
}

// A read that carries a change: as large as one.
Reactor* PolicyService::Simulate(CallContext* context, const v1::SimulateRequest* request,
                                 v1::SimulateResponse* response) {
  return Unary(
      front_, context, request, response,
      [engine = front_->engine](const Authenticated& caller, const v1::SimulateRequest& in,
                                std::function<bool()> stop, auto done) {
        const auto try_change = [&](const v1::SimulateRequest& change) {
          return TryChange(engine->WriteAs(caller), change);
        };
        cordon::Simulate(engine->ReadAs(caller, std::move(stop)), in, try_change, done);
      },
      limits::kIngestMessageBytes);
}

Reactor* AdminService::CreateTenant(CallContext* context, const v1::CreateTenantRequest* request,
                                    v1::CreateTenantResponse* response) {
  return Write(front_, context, request, response,
               [](const WriteContext& write, const v1::CreateTenantRequest& in, auto done) {
                 auto key = NewKeyOr(MakeKey(in.name()), done);
                 if (key) cordon::CreateTenant(write, in, *std::move(key), done);
               });
}

Reactor* AdminService::CreateCollection(CallContext* context,
                                        const v1::CreateCollectionRequest* request,
                                        v1::CreateCollectionResponse* response) {
  return Write(front_, context, request, response, cordon::CreateCollection);
}

Reactor* AdminService::ListCollections(CallContext* context,
                                       const v1::ListCollectionsRequest* request,
                                       v1::ListCollectionsResponse* response) {
  return Read(
      front_, context, request, response,
      [](const ReadContext& read, const auto&, auto done) { cordon::ListCollections(read, done); });
}

Reactor* AdminService::DeleteCollection(CallContext* context,
                                        const v1::DeleteCollectionRequest* request,
                                        v1::DeleteCollectionResponse* response) {
  return Write(front_, context, request, response, cordon::DeleteCollection);
}

Reactor* AdminService::CreateKey(CallContext* context, const v1::CreateKeyRequest* request,
                                 v1::CreateKeyResponse* response) {
  return Write(
      front_, context, request, response,
      [front = front_](const WriteContext& write, const v1::CreateKeyRequest& in, auto done) {
        auto key = NewKeyOr(MakeKey(write.tenant->name), done);
        if (!key) return;
        key->certificate_taken = !FindCertificate(*front->engine, in.grant().certificate()).empty();
        cordon::CreateKey(write, in, *std::move(key), done);
      });
}

Reactor* AdminService::RotateKey(CallContext* context, const v1::RotateKeyRequest* request,
                                 v1::RotateKeyResponse* response) {
  return Write(front_, context, request, response,
               [](const WriteContext& write, const v1::RotateKeyRequest& in, auto done) {
                 auto key = NewKeyOr(RemakeKey(in.id()), done);
                 if (key) cordon::RotateKey(write, in, *std::move(key), done);
               });
}

Reactor* AdminService::ListKeys(CallContext* context, const v1::ListKeysRequest* request,
                                v1::ListKeysResponse* response) {
  return Read(
      front_, context, request, response,
      [](const ReadContext& read, const auto&, auto done) { cordon::ListKeys(read, done); });
}

Reactor* AdminService::RevokeKey(CallContext* context, const v1::RevokeKeyRequest* request,
                                 v1::RevokeKeyResponse* response) {
  return Write(front_, context, request, response, cordon::RevokeKey);
}

Reactor* AdminService::Stats(CallContext* context, const v1::StatsRequest* request,
                             v1::StatsResponse* response) {
  return Read(front_, context, request, response, cordon::Stats);
}

Reactor* AdminService::QueryJournal(CallContext* context, const v1::QueryJournalRequest* request,
                                    v1::QueryJournalResponse* response) {
  return Read(front_, context, request, response, cordon::QueryJournal);
}

Reactor* AdminService::VerifyJournal(CallContext* context, const v1::VerifyJournalRequest* request,
                                     v1::VerifyJournalResponse* response) {
  return Read(front_, context, request, response,
              [engine = front_->engine](const ReadContext& read, const auto&, auto done) {
                cordon::VerifyJournal(read, engine->JournalOf(read.tenant->name), done);
              });
}

Reactor* AdminService::CreateBackup(CallContext* context, const v1::CreateBackupRequest* request,
                                    v1::CreateBackupResponse* response) {
  return Read(front_, context, request, response,
              [engine = front_->engine](const ReadContext& read, const auto& in, auto done) {
                cordon::CreateBackup(
                    read, in, [engine](uint32_t keep) { return engine->Backup(keep); }, done);
              });
}

Reactor* AdminService::ListBackups(CallContext* context, const v1::ListBackupsRequest* request,
                                   v1::ListBackupsResponse* response) {
  return Read(front_, context, request, response,
              [engine = front_->engine](const ReadContext& read, const auto& in, auto done) {
                cordon::ListBackups(
                    read, in, [engine](bool verify) { return engine->Backups(verify); }, done);
              });
}

Reactor* AdminService::Capabilities(CallContext* context, const v1::CapabilitiesRequest* request,
                                    v1::CapabilitiesResponse* response) {
  return Read(
      front_, context, request, response,
      [](const ReadContext& read, const auto&, auto done) { cordon::Capabilities(read, done); });
}

}  // namespace cordon
