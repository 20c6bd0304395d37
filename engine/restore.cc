#include "engine/restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/directory_lock.h"
#include "engine/base/planted.h"
#include "engine/base/replace_file.h"
#include "engine/crypto/key_file.h"
#include "engine/format.h"
#include "engine/journal/chain_reader.h"
#include "engine/store/backup.h"
#include "engine/store/load.h"
#include "engine/store/replay.h"
#include "engine/told_numbers.h"
#include "engine/view/meters.h"

namespace cordon {
namespace {

Status OtherJournal(std::string_view why) {
  return Status(
      StatusCode::kFailedPrecondition, "journal_dir",
      fmt::format("{}; give the newest, whole journal of this store with --journal-dir", why));
}

// Keeps servers out of a tenant's journal.
StatusOr<DirectoryLock> LockJournal(const DataPaths& paths, const std::string& tenant) {
  const std::string dir = paths.JournalOf(tenant);
  auto lock = DirectoryLock::Take("journal_dir", dir);
  if (lock.status().code() == StatusCode::kNotFound) return OtherJournal(dir + " is missing");
  return lock;
}

// One tenant of a restored store, brought to the end of its journal.
class TenantRestore {
 public:
  TenantRestore(const DataPaths& paths, const SecretKey& journal_key, Database* database,
                const Vault& vault)
      : paths_(paths), journal_key_(journal_key), database_(*database), vault_(vault) {}

  Status Run(const store::v1::TenantRecord& tenant, Restored* restored) {
    ASSIGN_OR_RETURN(auto lock, LockJournal(paths_, tenant.name()));
    lock_.emplace(std::move(lock));
    ASSIGN_OR_RETURN(LoadedTenant loaded, LoadTenant(database_, tenant, &interner_));
    state_ = std::move(loaded.state);
    if (loaded.anchor) anchor_ = ToAnchor(*loaded.anchor).value_or(JournalAnchor());
    meters_.Load(std::move(loaded.key_usage), std::move(loaded.destination_usage));
    backed_up_ = state_.revision;
    RETURN_IF_ERROR(CheckJournal());
    // Numbers before these may have been given: their keys are destroyed, or will be by the next
    // start if the keys are an older copy, which does not know of all of them.
    state_.next_document =
        std::max({state_.next_document, vault_.keys().End(state_.id), told_.end()});
    RETURN_IF_ERROR(ReplayJournal(restored));
    RETURN_IF_ERROR(Finish());
    if (state_.id == 1) {
      restored->revision = state_.revision;
      restored->backed_up = backed_up_;
    }
    return OkStatus();
  }

 private:
  // From record `sequence` on the journal gives the numbers after `kept` once more: what had them
  // before was given up (--accept-loss-to).
  struct Loss {
    uint64_t sequence = 0;
    uint64_t kept = 0;
  };

  journal::ChainReader Reader() const {
    return journal::ChainReader(paths_.JournalOf(state_.name), state_.name,
                                journal::ChainKeys(journal_key_));
  }

  // Whether the journal is this backup's and goes on where it stood, and what was given up since.
  Status CheckJournal() {
    journal::ChainReader reader = Reader();
    uint64_t before = 0;  // the last revision so far
    while (reader.Next()) {
      last_ = reader.last();
      const auto& record = reader.record();
      if (last_.sequence == anchor_.sequence) {
        if (last_ != anchor_) {
          return OtherJournal(fmt::format("its record {} is not the one that the backup remembers",
                                          anchor_.sequence));
        }
        after_anchor_ = reader.end();
      }
      told_.Take(record);
      if (!record.mutation()) continue;
      const bool again = record.revision() <= before;
      if (again && last_.sequence > anchor_.sequence) RETURN_IF_ERROR(NoteLoss(record));
      before = record.revision();
    }
    if (reader.damage() && reader.damage()->kind != journal::Damage::Kind::kTorn) {
      return reader.damage()->ToStatus();
    }
    if (last_.sequence >= anchor_.sequence) return OkStatus();
    return OtherJournal(fmt::format("it ends at record {}, and the backup remembers record {}",
                                    last_.sequence, anchor_.sequence));
  }

  Status NoteLoss(const journal::v1::Record& record) {
    const bool accepted = record.call() == "AcceptLoss";  // its revision is the last that was kept
    const uint64_t kept = accepted ? record.revision() : record.revision() - 1;
    losses_.push_back({record.sequence(), kept});
    if (kept >= backed_up_) return OkStatus();
    return Status(
        StatusCode::kFailedPrecondition, "backup",
        fmt::format("holds revision {}, which was given up: the store went on after revision {} "
                    "(journal record {}). Name with --backup one that was made since, or one of "
                    "revision {} or less",
                    backed_up_, kept, record.sequence(), kept));
  }

  bool GivenUp(const journal::v1::Record& record) const {
    return std::any_of(losses_.begin(), losses_.end(), [&](const Loss& loss) {
      return record.sequence() < loss.sequence && record.revision() > loss.kept;
    });
  }

  // The backup may hold changes that its anchor's record did not: those are told by their number.
  Status ReplayJournal(Restored* restored) {
    const Pseudonyms pseudonyms(journal_key_, state_.name);
    const ApplyContext context{
        database_, vault_, interner_,
        [this] { return std::vector<bool>(state_.policy.classes.classes.size(), false); },
        [&](std::string_view kind, std::string_view value) { return pseudonyms.Of(kind, value); }};
    Replayer replayer(context);
    journal::ChainReader reader = Reader();
    if (after_anchor_) reader.Seek(*after_anchor_);
    while (reader.last().sequence < last_.sequence && reader.Next()) {
      const auto& record = reader.record();
      meters_.Replay(record);
      if (!record.mutation() || record.revision() <= state_.revision || GivenUp(record)) continue;
      RETURN_IF_ERROR(Replay(record, &replayer));
      ++restored->replayed;
    }
    if (reader.last() == last_) return OkStatus();
    return reader.damage() ? reader.damage()->ToStatus()
                           : Corrupt("the journal's files became shorter; restore its directory");
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
  Status Finish() {
    Batch batch;
    PutHead(state_, &batch);
    PutAnchor(state_.id, last_, state_.time, &batch);
    meters_.PutChanged(state_.id, state_.time, &batch);
    RETURN_IF_ERROR(database_.Write(batch));
    RETURN_IF_ERROR(database_.Sync());
    const std::vector<uint64_t>& erased = told_.erased();
    RETURN_IF_ERROR(vault_.keys().Destroy(state_.id, erased));
    RETURN_IF_ERROR(database_.Flush());
    for (const auto& [name, collection] : *state_.collections) {
      RETURN_IF_ERROR(database_.RewriteDocuments(state_.id, collection->id, erased).status());
    }
    return Note();
  }

  Status Note() {
    lock_.reset();  // the journal takes its own
    Journal::Options options{
        .dir = paths_.JournalOf(state_.name), .tenant = state_.name, .key = journal_key_};
    ASSIGN_OR_RETURN(const auto journal, Journal::Open(std::move(options), last_));
    if (journal->synced() != last_) {
      return Status(StatusCode::kFailedPrecondition, "journal_dir",
                    "was written meanwhile; stop the server that works on it, then restore again");
    }
    journal::v1::Record record;
    record.set_call("Restore");
    record.set_outcome(std::string(CodeName(StatusCode::kOk)));
    record.set_purpose(fmt::format("from a backup of revision {}", backed_up_));
    record.set_revision(state_.revision);
    return journal->AppendBatch({std::move(record)}).status();
  }

  const DataPaths& paths_;
  const SecretKey& journal_key_;
  Database& database_;
  const Vault& vault_;
  std::optional<DirectoryLock> lock_;
  Interner interner_;
  TenantState state_;
  uint64_t backed_up_ = 0;                     // the backup's revision
  JournalAnchor anchor_;                       // where the journal stood then, or a little before
  std::optional<journal::Mark> after_anchor_;  // there in the journal; none: its beginning
  JournalAnchor last_;
  std::vector<Loss> losses_;  // behind the anchor
  Meters meters_;             // what was used since the backup still counts
  ToldNumbers told_;
};

// The field that is wrong stays the status's field.
Status OfTenant(const std::string& name, const Status& status) {
  if (status.ok()) return status;
  return Status(status.code(), status.field(),
                fmt::format("tenant {}: {}", name, status.message()));
}

StatusOr<SecretKey> ReadKey(const std::string& path, std::string_view field,
                            std::string_view option) {
  auto key = ReadKeyFile(path);
  if (key.ok()) return key;
  return Status(
      StatusCode::kFailedPrecondition, field,
      fmt::format("{}: {}; name this store's with {}", path, key.status().message(), option));
}

// What tells a backup what was revoked and erased since.
struct Witnesses {
  SecretKey journal_key;
  std::unique_ptr<KeyStore> keys;
};

StatusOr<Witnesses> OpenWitnesses(const DataPaths& paths) {
  ASSIGN_OR_RETURN(SecretKey key, ReadKey(paths.JournalKey(), "journal_key", "--journal-key"));
  RETURN_IF_ERROR(ReadKey(paths.MasterKey(), "master_key", "--master-key").status());
  RETURN_IF_ERROR(LockJournal(paths, std::string(kFirstTenant)).status());
  ASSIGN_OR_RETURN(auto keys, OpenKeys(paths));
  return Witnesses{std::move(key), std::move(keys)};
}

// Where the store is while it is not whole: nobody takes it for one, and nobody can by putting its
// FORMAT back. Its name is the last that it gets.
std::string Unfinished(const DataPaths& paths) { return paths.Store() + ".restoring"; }

Status RestoreTenants(const DataPaths& paths, const Witnesses& witnesses, Restored* restored) {
  const Vault vault(witnesses.keys.get());
  ASSIGN_OR_RETURN(const auto database, Database::Open(Unfinished(paths), /*create=*/false));
  RETURN_IF_ERROR(CheckKeysBelong(*database, *witnesses.keys));
  // Replaying a tenant may create others, whose journals come then.
  for (size_t done = 0;; ++done) {
    ASSIGN_OR_RETURN(const auto tenants, LoadTenants(*database));
    if (done == tenants.size()) return OkStatus();
    TenantRestore tenant(paths, witnesses.journal_key, database.get(), vault);
    RETURN_IF_ERROR(OfTenant(tenants[done].name(), tenant.Run(tenants[done], restored)));
  }
}

Status CannotWrite(const std::string& path, const std::error_code& error) {
  return Status(StatusCode::kFailedPrecondition, "data_dir",
                fmt::format("cannot write {}: {}; choose a directory that this user may write",
                            path, error.message()));
}

// Whether there is what a killed restore left, and nothing else, although it has its FORMAT.
bool HoldsUnfinished(const DataPaths& paths) {
  std::error_code error;
  return std::filesystem::exists(Unfinished(paths), error) &&
         !std::filesystem::exists(paths.Store(), error) && !error;
}

// FORMAT goes first: alone it would be taken for a store that is lost.
Status RemoveUnfinished(const DataPaths& paths) {
  for (const std::string& path : {paths.Format(), Unfinished(paths)}) {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return CannotWrite(path, error);
  }
  return OkStatus();
}

// What a killed restore left goes first: of its changes the journal has told none that count.
StatusOr<Restored> CopyAndReplay(const std::string& from, uint32_t id, const DataPaths& paths,
                                 const Witnesses& witnesses) {
  RETURN_IF_ERROR(RemoveUnfinished(paths));
  RETURN_IF_ERROR(RestoreBackup(from, id, Unfinished(paths)));
  Restored restored;
  RETURN_IF_ERROR(RestoreTenants(paths, witnesses, &restored));
  RETURN_IF_ERROR(WriteSecretFile(paths.Format(), std::string(kFormatVersion) + "\n"));
  std::error_code error;
  std::filesystem::rename(Unfinished(paths), paths.Store(), error);
  if (error) return CannotWrite(paths.Store(), error);
  RETURN_IF_ERROR(SyncDirectory(paths.data_dir));
  return restored;
}

}  // namespace

StatusOr<Restored> RestoreStore(const std::string& from, uint32_t id, const DataPaths& paths) {
  if (HoldsStore(paths) && !HoldsUnfinished(paths)) {
    return Status(StatusCode::kFailedPrecondition, "data_dir",
                  paths.data_dir + " holds a store; restore to a new directory");
  }
  ASSIGN_OR_RETURN(const Witnesses witnesses, OpenWitnesses(paths));
  std::error_code error;
  const bool made = std::filesystem::create_directories(paths.data_dir, error);
  if (error) return CannotWrite(paths.data_dir, error);
  auto restored = CopyAndReplay(from, id, paths, witnesses);
  if (restored.ok()) return restored;
  // There was none of it before, and the same command is to work once its cause is mended, also if
  // this is killed before its end.
  std::filesystem::rename(paths.Store(), Unfinished(paths), error);
  (void)RemoveUnfinished(paths);  // the first failure is told
  if (made) std::filesystem::remove(paths.data_dir, error);
  return restored;
}

}  // namespace cordon
