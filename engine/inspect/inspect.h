// Questions about a tenant: figures, explanations, lists, the journal. None returns content.
#pragma once

#include <functional>

#include "cordon/v1/admin.pb.h"
#include "cordon/v1/directory.pb.h"
#include "cordon/v1/embedding.pb.h"
#include "cordon/v1/ingest.pb.h"
#include "cordon/v1/policy.pb.h"
#include "engine/crypto/secret_key.h"
#include "engine/store/backup.h"
#include "engine/view/journaled.h"
#include "engine/view/trial.h"

namespace cordon {

template <typename Response>
using Answer = std::function<void(StatusOr<Response>)>;

// The answer with the name of its record.
template <typename Response>
Response Named(Response response, const JournalReceipt& receipt) {
  response.set_journal_id(receipt.id());
  return response;
}
// The answer as it is.
template <typename Response>
Response Unnamed(Response response, const JournalReceipt&) {
  return response;
}

// Each calls `done` exactly once, after the journal has the call's record. Thread-safe.
void Explain(const ReadContext& context, const v1::ExplainRequest& request,
             Answer<v1::ExplainResponse> done);
void WhoCanSee(const ReadContext& context, const v1::WhoCanSeeRequest& request,
               Answer<v1::WhoCanSeeResponse> done);
void AccessReport(const ReadContext& context, const v1::AccessReportRequest& request,
                  Answer<v1::AccessReportResponse> done);

// What a change would make of the tenant, or its refusal; it is the writer who knows.
using TryChangeOf = std::function<StatusOr<Trial>(const v1::SimulateRequest& request)>;
void Simulate(const ReadContext& context, const v1::SimulateRequest& request,
              const TryChangeOf& try_change, Answer<v1::SimulateResponse> done);

void GetPrincipal(const ReadContext& context, const v1::GetPrincipalRequest& request,
                  Answer<v1::GetPrincipalResponse> done);
void GetPolicy(const ReadContext& context, Answer<v1::GetPolicyResponse> done);
void PolicyHistory(const ReadContext& context, const v1::PolicyHistoryRequest& request,
                   Answer<v1::PolicyHistoryResponse> done);
void Stats(const ReadContext& context, const v1::StatsRequest& request,
           Answer<v1::StatsResponse> done);
void ListKeys(const ReadContext& context, Answer<v1::ListKeysResponse> done);
void ListCollections(const ReadContext& context, Answer<v1::ListCollectionsResponse> done);
void EraseStatus(const ReadContext& context, const v1::EraseStatusRequest& request,
                 Answer<v1::EraseStatusResponse> done);
void ListHolds(const ReadContext& context, const v1::ListHoldsRequest& request,
               Answer<v1::ListHoldsResponse> done);
// How the walk of a re-embedding stands, of which its worker knows.
struct EmbeddingProgress {
  uint64_t left_out = 0;
  std::string waits_for;
};
using EmbeddingProgressOf =
    std::function<EmbeddingProgress(const std::string& tenant, uint32_t collection)>;
void EmbeddingStatus(const ReadContext& context, const v1::EmbeddingStatusRequest& request,
                     const EmbeddingProgressOf& progress_of,
                     Answer<v1::EmbeddingStatusResponse> done);
// Backups, of which the engine knows; all tenants are in one.
using MakeBackupOf = std::function<StatusOr<BackupInfo>(uint32_t keep)>;
using BackupsOf = std::function<StatusOr<std::vector<BackupInfo>>(bool verify)>;
Status CheckMayBackUp(const ReadContext& context);  // PERMISSION_DENIED to all but its admins
void CreateBackup(const ReadContext& context, const v1::CreateBackupRequest& request,
                  const MakeBackupOf& make, Answer<v1::CreateBackupResponse> done);
void ListBackups(const ReadContext& context, const v1::ListBackupsRequest& request,
                 const BackupsOf& list, Answer<v1::ListBackupsResponse> done);
void Capabilities(const ReadContext& context, Answer<v1::CapabilitiesResponse> done);
void QueryJournal(const ReadContext& context, const v1::QueryJournalRequest& request,
                  Answer<v1::QueryJournalResponse> done);

void Usage(const ReadContext& context, const v1::UsageRequest& request,
           Answer<v1::UsageResponse> done);
void ListBreakGlass(const ReadContext& context, Answer<v1::ListBreakGlassResponse> done);

// Where the tenant's journal files lie and their key, for VerifyJournal.
struct JournalPlace {
  std::string directory;
  SecretKey key;
};
void VerifyJournal(const ReadContext& context, const JournalPlace& place,
                   Answer<v1::VerifyJournalResponse> done);

}  // namespace cordon
