// What is remembered of runs of Ingest, so that a batch that is sent twice has its effect once
// (docs/decisions/ingest-runs.md).
//
// Invariants:
//   1. A run's record is written by the mutation that writes its batch: there is none without the
//      other.
//   2. A batch is applied only as the one after the last.
//   3. A run that is forgotten stands at batch 0: a client that goes on with it is refused, since
//      its next batch is not the first.
#pragma once

#include <string>
#include <string_view>

#include "engine/store/apply.h"

namespace cordon {

// Where the record of a run is, by pseudonyms: the names of keys and runs say too much.
std::string RunKeyOf(const Vault& vault, uint32_t tenant, uint32_t collection,
                     std::string_view key_id, std::string_view run);

// How the content of a batch is remembered; `digest` is that of what the client sent.
std::string RunDigestOf(const Vault& vault, std::string_view digest);

// How many of its documents were refused.
uint64_t CountRefused(const store::v1::AppliedBatch& batch);

// Refuses a batch that is not the next one of its run, by what is stored of that; an empty record
// is that of a new run.
Status CheckNextBatch(const store::v1::RunRecord& record, uint64_t batch);

// Notes the batch of a mutation in its run, if it belongs to one.
Status NoteRun(const ApplyContext& context, const store::v1::Mutation& mutation, Applied* applied);

// Takes the runs of a key in all collections away, or those of a collection.
Status DropRunsOfKey(const ApplyContext& context, const std::string& key_id, Applied* applied);
void DropRunsOfCollection(uint32_t collection, Applied* applied);

}  // namespace cordon
