#include "engine/store/ingest_runs.h"

#include <fmt/format.h>

#include <bit>

#include "engine/base/limits.h"
#include "engine/base/planted.h"

namespace cordon {
namespace {

using store::v1::RunRecord;

std::string KeyPseudonym(const Vault& vault, uint32_t tenant, uint32_t collection,
                         std::string_view key_id) {
  return vault.Pseudonym(tenant, collection, "run key", key_id);
}

// Before a new run: takes away those of the key that nobody has gone on with for long, and if there
// would still be too many the one that ended first.
Status MakeRoom(const ApplyContext& context, const std::string& prefix, Applied* applied) {
  constexpr int64_t kMicros = 1'000'000;
  const int64_t stale = applied->next.time - limits::kRunAge_s * kMicros;
  size_t kept = 0;
  std::string first_ended;
  int64_t first_ended_us = INT64_MAX;
  RETURN_IF_ERROR(
      context.database.Scan(Family::kHeads, prefix, [&](auto key, auto payload) -> Status {
        RunRecord record;
        RETURN_IF_ERROR(ParseRecord(payload, &record));
        if (record.time_us() < stale) {
          applied->batch.Delete(Family::kHeads, key);
          return OkStatus();
        }
        ++kept;
        if (record.ended() && record.time_us() < first_ended_us) {
          first_ended = std::string(key);
          first_ended_us = record.time_us();
        }
        return OkStatus();
      }));
  if (kept < limits::kRunsPerKey) return OkStatus();
  if (first_ended.empty()) {
    return Status(StatusCode::kFailedPrecondition, "run",
                  fmt::format("{} runs of this key in the collection have not ended; end some, or "
                              "go on with one of them",
                              limits::kRunsPerKey));
  }
  applied->batch.Delete(Family::kHeads, first_ended);
  return OkStatus();
}

}  // namespace

uint64_t CountRefused(const store::v1::AppliedBatch& batch) {
  uint64_t count = 0;
  for (const char byte : batch.refused()) {
    count += static_cast<uint64_t>(std::popcount(static_cast<unsigned char>(byte)));
  }
  return count;
}

std::string RunKeyOf(const Vault& vault, uint32_t tenant, uint32_t collection,
                     std::string_view key_id, std::string_view run) {
  std::string whole(key_id);
  whole += '\0';
  whole += run;
  return RunKey(tenant, collection, KeyPseudonym(vault, tenant, collection, key_id),
                vault.Pseudonym(tenant, collection, "run", whole));
}

std::string RunDigestOf(const Vault& vault, std::string_view digest) {
  return std::string(AsBytes(vault.KeyedDigest("run batch " + std::string(digest))));
}

Status CheckNextBatch(const RunRecord& record, uint64_t batch) {
  if (Planted(Bug::kBatchAppliedTwice)) return OkStatus();
  const uint64_t last = record.batches().empty() ? 0 : record.batches().rbegin()->batch();
  if (batch <= last) {
    return Status(StatusCode::kAborted, "run",
                  fmt::format("batch {} came by another stream meanwhile; ask where the run stands "
                              "and go on from there",
                              batch));
  }
  if (record.ended()) {
    return Status(StatusCode::kFailedPrecondition, "run",
                  "it has ended; give what is to come another run");
  }
  if (batch == last + 1) return OkStatus();
  return Status(StatusCode::kFailedPrecondition, "batch",
                fmt::format("not the next one: the run stands at batch {}; go on from there, or "
                            "begin another run if this one was forgotten",
                            last));
}

Status NoteRun(const ApplyContext& context, const store::v1::Mutation& mutation, Applied* applied) {
  const store::v1::IngestBatch& batch = mutation.ingest();
  if (!batch.has_run()) return OkStatus();
  const auto collection = applied->next.FindCollection(batch.collection());
  if (!collection) return CollectionNotFound();
  const uint32_t tenant = applied->next.id;
  const std::string key =
      RunKeyOf(context.vault, tenant, collection->id, mutation.key_id(), batch.run().run());
  RunRecord record;
  ASSIGN_OR_RETURN(const bool known, context.database.Get(Family::kHeads, key, &record));
  RETURN_IF_ERROR(CheckNextBatch(record, batch.run().batch()));
  if (!known) {
    const std::string prefix =
        RunPrefix(tenant, collection->id,
                  KeyPseudonym(context.vault, tenant, collection->id, mutation.key_id()));
    RETURN_IF_ERROR(MakeRoom(context, prefix, applied));
  }
  const int remembered = record.batches_size();
  if (remembered >= static_cast<int>(limits::kRunBatches)) {
    record.mutable_batches()->DeleteSubrange(
        0, remembered + 1 - static_cast<int>(limits::kRunBatches));
  }
  store::v1::AppliedBatch* const noted = record.add_batches();
  noted->set_batch(batch.run().batch());
  noted->set_digest(RunDigestOf(context.vault, batch.run().digest()));
  noted->set_revision(applied->next.revision);
  noted->set_accepted(static_cast<uint32_t>(batch.documents_size()));
  noted->set_refused(batch.run().refused());
  record.set_accepted(record.accepted() + noted->accepted());
  record.set_refused(record.refused() + CountRefused(*noted));
  ASSIGN_OR_RETURN(*record.mutable_position(),
                   context.vault.SealFor("run position", batch.run().position()));
  record.set_ended(batch.run().end());
  record.set_time_us(applied->next.time);
  applied->batch.Put(Family::kHeads, key, record);
  return OkStatus();
}

Status DropRunsOfKey(const ApplyContext& context, const std::string& key_id, Applied* applied) {
  for (const auto& [name, collection] : *applied->next.collections) {
    const std::string prefix =
        RunPrefix(applied->next.id, collection->id,
                  KeyPseudonym(context.vault, applied->next.id, collection->id, key_id));
    RETURN_IF_ERROR(context.database.Scan(Family::kHeads, prefix, [&](auto key, auto) {
      applied->batch.Delete(Family::kHeads, key);
      return OkStatus();
    }));
  }
  return OkStatus();
}

void DropRunsOfCollection(uint32_t collection, Applied* applied) {
  applied->batch.DeletePrefix(Family::kHeads, RunPrefix(applied->next.id, collection));
}

}  // namespace cordon
