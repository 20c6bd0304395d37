#include "engine/restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "engine/base/planted.h"
#include "engine/crypto/key_file.h"
#include "engine/format.h"
#include "engine/journal/chain_reader.h"
#include "engine/store/backup.h"
#include "engine/store/load.h"
#include "engine/store/replay.h"
#include "engine/view/meters.h"

namespace cordon {
namespace {

// One tenant of a restored store, brought to the end of its journal.
class TenantRestore {
 public:
  TenantRestore(const DataPaths& paths, const SecretKey& journal_key, Database* database,
                const Vault& vault)
      : paths_(paths), journal_key_(journal_key), database_(*database), vault_(vault) {}

  Status Run(const store::v1::TenantRecord& tenant, Restored* restored) {
    ASSIGN_OR_RETURN(LoadedTenant loaded, LoadTenant(database_, tenant, &interner_));
    state_ = std::move(loaded.state);
    metered_ = loaded.anchor ? loaded.anchor->sequence() : 0;
    meters_.Load(std::move(loaded.key_usage), std::move(loaded.destination_usage));
    const uint64_t backed_up = state_.revision;
    // Numbers after these may have been given, and their keys be destroyed.
    state_.next_document = std::max(state_.next_document, vault_.keys().End(state_.id));
    RETURN_IF_ERROR(ReadJournal(restored));
    RETURN_IF_ERROR(Finish(backed_up));
    if (state_.id == 1) {
      restored->revision = state_.revision;
      restored->backed_up = backed_up;
    }
    return OkStatus();
  }

 private:
  Status ReadJournal(Restored* restored) {
    const Pseudonyms pseudonyms(journal_key_, state_.name);
    const ApplyContext context{
        database_, vault_, interner_,
        [this] { return std::vector<bool>(state_.policy.classes.classes.size(), false); },
        [&](std::string_view kind, std::string_view value) { return pseudonyms.Of(kind, value); }};
    Replayer replayer(context);
    journal::ChainReader reader(paths_.JournalOf(state_.name), state_.name,
                                journal::ChainKeys(journal_key_));
    const uint64_t backed_up = state_.revision;
    while (reader.Next()) {
      last_ = reader.last();
      const auto& record = reader.record();
      if (record.sequence() > metered_) meters_.Replay(record);
      if (!record.mutation()) continue;
      if (record.replay().erased()) {
        erased_.insert(record.replay().removed().begin(), record.replay().removed().end());
      }
      if (record.revision() <= backed_up) continue;
      RETURN_IF_ERROR(Replay(record, &replayer));
      ++restored->replayed;
    }
    if (reader.damage() && reader.damage()->kind != journal::Damage::Kind::kTorn) {
      return reader.damage()->ToStatus();
    }
    return OkStatus();
  }

  Status Replay(const journal::v1::Record& record, Replayer* replayer) {
    if (Planted(Bug::kNoReplay)) {
      state_.revision = record.revision();
      return OkStatus();
    }
    auto applied = replayer->Apply(state_, record);
    if (!applied.ok()) {
      interner_.Rollback();
      return applied.status().Within(fmt::format("revision {}", record.revision()));
    }
    interner_.Commit();
    applied->next.next_document = std::max(applied->next.next_document, state_.next_document);
    RETURN_IF_ERROR(database_.Write(applied->batch));
    state_ = std::move(applied->next);
    return OkStatus();
  }

  // The head and the anchor, then the journal's note that this was done.
  Status Finish(uint64_t backed_up) {
    Batch batch;
    store::v1::HeadRecord head;
    head.set_revision(state_.revision);
    head.set_time_us(state_.time);
    head.set_next_collection(state_.next_collection);
    head.set_next_document(state_.next_document);
    batch.Put(Family::kHeads, HeadKey(state_.id), head);
    store::v1::AnchorRecord anchor;
    anchor.set_sequence(last_.sequence);
    anchor.set_mac(std::string(AsBytes(last_.mac)));
    anchor.set_time_us(state_.time);
    batch.Put(Family::kHeads, AnchorKey(state_.id), anchor);
    meters_.PutChanged(state_.id, state_.time, &batch);
    RETURN_IF_ERROR(database_.Write(batch));
    RETURN_IF_ERROR(database_.Sync());
    const std::vector<uint64_t> erased(erased_.begin(), erased_.end());
    RETURN_IF_ERROR(vault_.keys().Destroy(state_.id, erased));
    RETURN_IF_ERROR(database_.Flush());
    for (const auto& [name, collection] : *state_.collections) {
      RETURN_IF_ERROR(database_.RewriteDocuments(state_.id, collection->id, erased).status());
    }
    return Note(backed_up);
  }

  Status Note(uint64_t backed_up) {
    Journal::Options options{
        .dir = paths_.JournalOf(state_.name), .tenant = state_.name, .key = journal_key_};
    ASSIGN_OR_RETURN(const auto journal, Journal::Open(std::move(options), last_));
    journal::v1::Record record;
    record.set_call("Restore");
    record.set_outcome(std::string(CodeName(StatusCode::kOk)));
    record.set_purpose(fmt::format("from a backup of revision {}", backed_up));
    record.set_revision(state_.revision);
    return journal->AppendBatch({std::move(record)}).status();
  }

  const DataPaths& paths_;
  const SecretKey& journal_key_;
  Database& database_;
  const Vault& vault_;
  Interner interner_;
  TenantState state_;
  JournalAnchor last_;
  Meters meters_;         // what was used since the backup still counts
  uint64_t metered_ = 0;  // up to this record the backup has counted
  std::set<uint64_t> erased_;
};

Status RestoreTenants(const DataPaths& paths, Restored* restored) {
  auto journal_key = ReadKeyFile(paths.JournalKey());
  if (!journal_key.ok()) return journal_key.status().Within("journal_key");
  ASSIGN_OR_RETURN(const auto keys, OpenKeys(paths));
  const Vault vault(keys.get());
  ASSIGN_OR_RETURN(const auto database, Database::Open(paths.Store(), /*create=*/false));
  RETURN_IF_ERROR(CheckKeysBelong(*database, *keys));
  // Replaying a tenant may create others, whose journals come then.
  for (size_t done = 0;; ++done) {
    ASSIGN_OR_RETURN(const auto tenants, LoadTenants(*database));
    if (done == tenants.size()) return OkStatus();
    RETURN_IF_ERROR(TenantRestore(paths, *journal_key, database.get(), vault)
                        .Run(tenants[done], restored)
                        .Within("tenant " + tenants[done].name()));
  }
}

}  // namespace

StatusOr<Restored> RestoreStore(const std::string& from, uint32_t id, const DataPaths& paths) {
  if (HoldsStore(paths)) {
    return Status(StatusCode::kFailedPrecondition, "data_dir",
                  paths.data_dir + " holds a store; restore to a new directory");
  }
  std::error_code error;
  std::filesystem::create_directories(paths.data_dir, error);
  RETURN_IF_ERROR(RestoreBackup(from, id, paths.Store()));
  Restored restored;
  RETURN_IF_ERROR(RestoreTenants(paths, &restored));
  RETURN_IF_ERROR(WriteSecretFile(paths.Format(), std::string(kFormatVersion) + "\n"));
  return restored;
}

}  // namespace cordon
