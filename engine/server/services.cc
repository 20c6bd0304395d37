#include "engine/server/services.h"

#include "engine/crypto/encoding.h"
#include "engine/crypto/random_bytes.h"
#include "engine/retrieve/access.h"
#include "engine/server/endpoint_wait.h"
#include "engine/server/export_stream.h"
#include "engine/server/find_keys.h"
#include "engine/server/ingest_stream.h"
#include "engine/server/passage_stream.h"
#include "engine/server/revision_wait.h"
#include "engine/server/source_stream.h"
#include "engine/server/sync_stream.h"

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

// Where a read is handled: a batch is no small task.
Where PlaceOf(const v1::BatchRetrieveRequest&) { return Where::kQueue; }
template <typename Request>
Where PlaceOf(const Request&) {
  return Where::kHereIfFree;
}

// The revision that a read waits for.
uint64_t RevisionOf(const v1::BatchRetrieveRequest& request) {
  uint64_t revision = 0;
  for (const auto& query : request.queries()) {
    revision = std::max(revision, query.scope().at_least_revision());
  }
  return revision;
}
template <typename Request>
uint64_t RevisionOf(const Request& request) {
  return request.scope().at_least_revision();
}

// A read that may wait for a revision first, and then for an endpoint.
template <typename Request, typename Response, typename Call>
Reactor* ReadAt(Front* front, CallContext* context, const Request* request, Response* response,
                Call call) {
  return Unary(
      front, context, request, response,
      [front, context, call](const Authenticated& caller, const Request& in,
                             const std::function<bool()>& stop, auto done) {
        const auto go = [=, &in](const Authenticated& now) {
          call(front->engine->ReadAs(now, stop), in, done);
        };
        const auto entered = [=, &in](const Authenticated& known) {
          return EnteredCall{front, context, known, CallOf(in)};
        };
        WhenVisible(
            entered(caller), Right::kQuery, RevisionOf(in), stop,
            [=, &in](const Authenticated& now) { WhereItMayWait(entered(now), in, go, done); },
            done);
      },
      limits::kQueryMessageBytes, PlaceOf(*request));
}

// A read of who audits, administers or erases that may wait for a revision first. `right` is what
// the call needs: whoever lacks it does not wait, and is refused by the call.
template <typename Request, typename Response, typename Call>
Reactor* ReadSince(Front* front, CallContext* context, const Request* request, Response* response,
                   Right right, Call call, size_t bytes_max = limits::kQueryMessageBytes) {
  return Unary(
      front, context, request, response,
      [=](const Authenticated& caller, const Request& in, const std::function<bool()>& stop,
          auto done) {
        const auto go = [=, &in](const Authenticated& now) {
          const auto tenant = front->engine->FindTenant(now.tenant());
          const PinnedView newest = tenant->publisher.Pin(front->engine->clock());
          const Status reached = CheckReached(*newest.view, in.at_least_revision());
          if (!reached.ok() && now.Require(right).ok()) {
            return RefuseJournaled(tenant, now, CallOf(in), reached, done);
          }
          call(front->engine->ReadAs(now, stop), in, done);
        };
        WhenVisible(EnteredCall{front, context, caller, CallOf(in)}, right, in.at_least_revision(),
                    stop, go, done);
      },
      bytes_max);
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

// Whether a call about backups takes minutes.
bool ReadsEveryFile(const v1::CreateBackupRequest&) { return true; }
bool ReadsEveryFile(const v1::ListBackupsRequest& request) { return request.verify(); }

// A read about backups, a long one on a thread of its own; whoever may not is refused at once. It
// waits there for longer than other calls may take: its own deadline counts alone.
template <typename Request, typename Response, typename Call>
Reactor* ReadBackups(Front* front, CallContext* context, const Request* request, Response* response,
                     Call call) {
  return Unary(
      front, context, request, response,
      [front, context, call](const Authenticated& caller, const Request& in,
                             const std::function<bool()>&, auto done) {
        const auto go = [=, &in](const Authenticated& now) {
          call(front->engine->ReadAs(now, UncappedStopOf(context)), in, done);
        };
        const bool may = CheckMayBackUp(front->engine->ReadAs(caller, nullptr)).ok();
        if (!may || !ReadsEveryFile(in)) return go(caller);
        const Status full(StatusCode::kResourceExhausted, "",
                          "a backup is under way and others wait; try again later");
        GoOnAt(front->backups, EnteredCall{front, context, caller, CallOf(in)}, full, go, done);
      });
}

}  // namespace

Reactor* RetrievalService::Retrieve(CallContext* context, const v1::RetrieveRequest* request,
                                    v1::RetrieveResponse* response) {
  return ReadAt(front_, context, request, response, cordon::Retrieve);
}

Reactor* RetrievalService::BatchRetrieve(CallContext* context,
                                         const v1::BatchRetrieveRequest* request,
                                         v1::BatchRetrieveResponse* response) {
  return ReadAt(front_, context, request, response, cordon::BatchRetrieve);
}

grpc::ServerWriteReactor<v1::RetrieveStreamResponse>* RetrievalService::RetrieveStream(
    CallContext* context, const v1::RetrieveStreamRequest* request) {
  return new PassageStream(front_, context, request);
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

grpc::ServerWriteReactor<v1::ExportResponse>* RetrievalService::Export(
    CallContext* context, const v1::ExportRequest* request) {
  return new ExportStream(front_, context, *request);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* IngestService::Ingest(
    CallContext* context) {
  return new IngestStream(front_, context);
}

Reactor* IngestService::SetAccess(CallContext* context, const v1::SetAccessRequest* request,
                                  v1::SetAccessResponse* response) {
  return Write(front_, context, request, response, cordon::SetAccess);
}

Reactor* IngestService::SetAccessMany(CallContext* context, const v1::SetAccessManyRequest* request,
                                      v1::SetAccessManyResponse* response) {
  return Write(front_, context, request, response, cordon::SetAccessMany);
}

Reactor* IngestService::SetAccessSelected(CallContext* context,
                                          const v1::SetAccessSelectedRequest* request,
                                          v1::SetAccessSelectedResponse* response) {
  return Unary(
      front_, context, request, response,
      [engine = front_->engine](const Authenticated& caller, const v1::SetAccessSelectedRequest& in,
                                const std::function<bool()>& stop, auto done) {
        cordon::SetAccessSelected(engine->WriteAs(caller), in, stop, done);
      },
      limits::kIngestMessageBytes);
}

Reactor* IngestService::UpdateMetadata(CallContext* context,
                                       const v1::UpdateMetadataRequest* request,
                                       v1::UpdateMetadataResponse* response) {
  return Write(front_, context, request, response, cordon::UpdateMetadata);
}

grpc::ServerReadReactor<v1::SyncSourceRequest>* IngestService::SyncSource(
    CallContext* context, v1::SyncSourceResponse* response) {
  return new SourceStream(front_, context, response);
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
  return ReadSince(front_, context, request, response, Right::kErase, cordon::EraseStatus);
}

Reactor* IngestService::SetHold(CallContext* context, const v1::SetHoldRequest* request,
                                v1::SetHoldResponse* response) {
  return Write(front_, context, request, response, cordon::SetHold);
}

Reactor* IngestService::ListHolds(CallContext* context, const v1::ListHoldsRequest* request,
                                  v1::ListHoldsResponse* response) {
  return ReadSince(front_, context, request, response, Right::kAdmin, cordon::ListHolds);
}

Reactor* DirectoryService::ApplyDirectory(CallContext* context,
                                          const v1::ApplyDirectoryRequest* request,
                                          v1::ApplyDirectoryResponse* response) {
  return Write(front_, context, request, response, cordon::ApplyDirectory);
}

grpc::ServerReadReactor<v1::SyncDirectoryRequest>* DirectoryService::SyncDirectory(
    CallContext* context, v1::SyncDirectoryResponse* response) {
  return new SyncStream(front_, context, response);
}

Reactor* DirectoryService::GetPrincipal(CallContext* context,
                                        const v1::GetPrincipalRequest* request,
                                        v1::GetPrincipalResponse* response) {
  return ReadSince(front_, context, request, response, Right::kAdmin, cordon::GetPrincipal);
}

Reactor* PolicyService::GetPolicy(CallContext* context, const v1::GetPolicyRequest* request,
                                  v1::GetPolicyResponse* response) {
  return ReadSince(
      front_, context, request, response, Right::kAdmin,
      [](const ReadContext& read, const auto&, auto done) { cordon::GetPolicy(read, done); });
}

Reactor* PolicyService::PolicyHistory(CallContext* context, const v1::PolicyHistoryRequest* request,
                                      v1::PolicyHistoryResponse* response) {
  return ReadSince(front_, context, request, response, Right::kAudit, cordon::PolicyHistory);
}

Reactor* PolicyService::ApplyPolicy(CallContext* context, const v1::ApplyPolicyRequest* request,
                                    v1::ApplyPolicyResponse* response) {
  return Write(front_, context, request, response, cordon::ApplyPolicy);
}

Reactor* PolicyService::Explain(CallContext* context, const v1::ExplainRequest* request,
                                v1::ExplainResponse* response) {
  return ReadSince(front_, context, request, response, Right::kAudit, cordon::Explain);
}

Reactor* PolicyService::WhoCanSee(CallContext* context, const v1::WhoCanSeeRequest* request,
                                  v1::WhoCanSeeResponse* response) {
  return ReadSince(front_, context, request, response, Right::kAudit, cordon::WhoCanSee);
}

Reactor* PolicyService::AccessReport(CallContext* context, const v1::AccessReportRequest* request,
                                     v1::AccessReportResponse* response) {
  return ReadSince(front_, context, request, response, Right::kAudit, cordon::AccessReport);
}

// A read that carries a change: as large as one.
Reactor* PolicyService::Simulate(CallContext* context, const v1::SimulateRequest* request,
                                 v1::SimulateResponse* response) {
  return ReadSince(
      front_, context, request, response, Right::kAudit,
      [engine = front_->engine](const ReadContext& read, const v1::SimulateRequest& in, auto done) {
        const auto try_change = [&](const v1::SimulateRequest& change) {
          return TryChange(engine->WriteAs(read.caller), change, read.stop);
        };
        cordon::Simulate(read, in, try_change, done);
      },
      limits::kIngestMessageBytes);
}

Reactor* PolicyService::OpenBreakGlass(CallContext* context,
                                       const v1::OpenBreakGlassRequest* request,
                                       v1::OpenBreakGlassResponse* response) {
  return Write(front_, context, request, response,
               [](const WriteContext& write, const v1::OpenBreakGlassRequest& in, auto done) {
                 constexpr size_t kIdBytes = 8;
                 const auto id = RandomBytes(kIdBytes);
                 if (!id.ok()) return done(id.status());
                 cordon::OpenBreakGlass(write, in, HexEncode(*id), done);
               });
}

Reactor* PolicyService::CloseBreakGlass(CallContext* context,
                                        const v1::CloseBreakGlassRequest* request,
                                        v1::CloseBreakGlassResponse* response) {
  return Write(front_, context, request, response, cordon::CloseBreakGlass);
}

Reactor* PolicyService::ListBreakGlass(CallContext* context,
                                       const v1::ListBreakGlassRequest* request,
                                       v1::ListBreakGlassResponse* response) {
  return ReadSince(
      front_, context, request, response, Right::kAudit,
      [](const ReadContext& read, const auto&, auto done) { cordon::ListBreakGlass(read, done); });
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
  return ReadSince(
      front_, context, request, response, Right::kAdmin,
      [](const ReadContext& read, const auto&, auto done) { cordon::ListCollections(read, done); });
}

Reactor* AdminService::DeleteCollection(CallContext* context,
                                        const v1::DeleteCollectionRequest* request,
                                        v1::DeleteCollectionResponse* response) {
  return Write(front_, context, request, response, cordon::DeleteCollection);
}

Reactor* AdminService::BeginEmbedding(CallContext* context,
                                      const v1::BeginEmbeddingRequest* request,
                                      v1::BeginEmbeddingResponse* response) {
  return Write(front_, context, request, response, cordon::BeginEmbedding);
}

Reactor* AdminService::SwitchEmbedding(CallContext* context,
                                       const v1::SwitchEmbeddingRequest* request,
                                       v1::SwitchEmbeddingResponse* response) {
  return Unary(
      front_, context, request, response,
      [engine = front_->engine](const Authenticated& caller, const v1::SwitchEmbeddingRequest& in,
                                const std::function<bool()>& stop, auto done) {
        cordon::SwitchEmbedding(engine->WriteAs(caller), in, stop, done);
      });
}

Reactor* AdminService::DropEmbedding(CallContext* context, const v1::DropEmbeddingRequest* request,
                                     v1::DropEmbeddingResponse* response) {
  return Write(front_, context, request, response, cordon::DropEmbedding);
}

Reactor* AdminService::EmbeddingStatus(CallContext* context,
                                       const v1::EmbeddingStatusRequest* request,
                                       v1::EmbeddingStatusResponse* response) {
  return ReadSince(front_, context, request, response, Right::kAdmin,
                   [engine = front_->engine](const ReadContext& read, const auto& in, auto done) {
                     cordon::EmbeddingStatus(
                         read, in,
                         [engine](const std::string& tenant, uint32_t collection) {
                           return engine->EmbeddingProgressOf(tenant, collection);
                         },
                         done);
                   });
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
  return ReadSince(
      front_, context, request, response, Right::kAdmin,
      [](const ReadContext& read, const auto&, auto done) { cordon::ListKeys(read, done); });
}

Reactor* AdminService::RevokeKey(CallContext* context, const v1::RevokeKeyRequest* request,
                                 v1::RevokeKeyResponse* response) {
  return Write(front_, context, request, response, cordon::RevokeKey);
}

Reactor* AdminService::Usage(CallContext* context, const v1::UsageRequest* request,
                             v1::UsageResponse* response) {
  return Read(front_, context, request, response, cordon::Usage);
}

Reactor* AdminService::Stats(CallContext* context, const v1::StatsRequest* request,
                             v1::StatsResponse* response) {
  return ReadSince(front_, context, request, response,
                   request->as().empty() ? Right::kAdmin : Right::kAudit, cordon::Stats);
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
  return ReadBackups(front_, context, request, response,
                     [engine = front_->engine](const ReadContext& read, const auto& in, auto done) {
                       cordon::CreateBackup(
                           read, in, [engine](uint32_t keep) { return engine->Backup(keep); },
                           done);
                     });
}

Reactor* AdminService::ListBackups(CallContext* context, const v1::ListBackupsRequest* request,
                                   v1::ListBackupsResponse* response) {
  return ReadBackups(front_, context, request, response,
                     [engine = front_->engine](const ReadContext& read, const auto& in, auto done) {
                       cordon::ListBackups(
                           read, in, [engine](bool verify) { return engine->Backups(verify); },
                           done);
                     });
}

Reactor* AdminService::Capabilities(CallContext* context, const v1::CapabilitiesRequest* request,
                                    v1::CapabilitiesResponse* response) {
  return Read(
      front_, context, request, response,
      [](const ReadContext& read, const auto&, auto done) { cordon::Capabilities(read, done); });
}

}  // namespace cordon
