// Questions about a tenant: figures, explanations, lists, the journal. None returns content.
#pragma once

#include <functional>

#include "cordon/v1/admin.pb.h"
#include "cordon/v1/policy.pb.h"
#include "engine/crypto/secret_key.h"
#include "engine/view/journaled.h"

namespace cordon {

template <typename Response>
using Answer = std::function<void(StatusOr<Response>)>;

// Each calls `done` exactly once, after the journal has the call's record. Thread-safe.
void Explain(const ReadContext& context, const v1::ExplainRequest& request,
             Answer<v1::ExplainResponse> done);
void Stats(const ReadContext& context, const v1::StatsRequest& request,
           Answer<v1::StatsResponse> done);
void ListKeys(const ReadContext& context, Answer<v1::ListKeysResponse> done);
void ListCollections(const ReadContext& context, Answer<v1::ListCollectionsResponse> done);
void Capabilities(const ReadContext& context, Answer<v1::CapabilitiesResponse> done);
void QueryJournal(const ReadContext& context, const v1::QueryJournalRequest& request,
                  Answer<v1::QueryJournalResponse> done);

// Where the tenant's journal files lie and their key, for VerifyJournal.
struct JournalPlace {
  std::string directory;
  SecretKey key;
};
void VerifyJournal(const ReadContext& context, const JournalPlace& place,
                   Answer<v1::VerifyJournalResponse> done);

}  // namespace cordon
