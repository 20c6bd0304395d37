#include "engine/restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
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
#include "engine/upgrade.h"
#include "engine/view/meters.h"

namespace cordon {
namespace {

Status OtherJournal(std::string_view why) {
  return Status(
      StatusCode::kFailedPrecondition, "journal_dir",
      fmt::format("{}; give the newest, whole journal of this store with --journal-dir", why));
}

// Of what one record of a restore tells again: the rest of a journal record is room for names.
constexpr size_t kToldAgainBytes = 16 << 20;
constexpr char kRestore[] = "Restore";

// Keeps servers out of a tenant's journal.
StatusOr<DirectoryLock> LockJournal(const DataPaths& paths, const std::string& tenant) {
  const std::string dir = paths.JournalOf(tenant);
  auto lock = DirectoryLock::Take("journal_dir", dir);
  if (lock.status().code() == StatusCode::kNotFound) return OtherJournal(dir + " is missing");
  return lock;
}

// The numbers of a tenant that a restore gives up: from `first` up to `end`.
struct LostNumbers {
  uint32_t tenant;
  uint64_t first;
  uint64_t end;
};

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
    fork_.set_kept(state_.revision);
    fork_.set_lost_from(state_.next_document);
    RETURN_IF_ERROR(CheckJournal());
    // Numbers before these may have been given: their keys are destroyed, or will be by the next
    // start if the keys are an older copy, which does not know of all of them.
    state_.next_document =
        std::max({state_.next_document, vault_.keys().End(state_.id), told_.end()});
    fork_.set_lost_to(state_.next_document);
    RETURN_IF_ERROR(ReplayJournal(restored));
    RETURN_IF_ERROR(Finish());
    if (state_.id == 1) {
      restored->revision = state_.revision;
      restored->backed_up = fork_.kept();
    }
    return OkStatus();
  }

  // The journal's note that this was done, and then the store's of where that is: from now on the
  // store is this one, and the one before and its backups go on no more.
  Status Note() {
    lock_.reset();  // the journal takes its own
    Journal::Options options{
        .dir = paths_.JournalOf(state_.name), .tenant = state_.name, .key = journal_key_};
    ASSIGN_OR_RETURN(const auto journal, Journal::Open(std::move(options), last_));
    if (journal->synced() != last_) {
      return Status(StatusCode::kFailedPrecondition, "journal_dir",
                    "was written meanwhile; stop the server that works on it, then restore again");
    }
    RETURN_IF_ERROR(journal->AppendBatch(Records()).status());
    Batch batch;
    PutAnchor(state_.id, journal->synced(), state_.time, &batch);
    RETURN_IF_ERROR(database_.Write(batch));
    return database_.Sync();
  }

  const std::string& name() const { return state_.name; }
  LostNumbers lost() const { return {state_.id, fork_.lost_from(), fork_.lost_to()}; }

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
      if (record.has_fork()) RETURN_IF_ERROR(CheckFork(record));
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
    if (kept >= fork_.kept()) return OkStatus();
    return Status(
        StatusCode::kFailedPrecondition, "backup",
        fmt::format("holds revision {}, which was given up: the store went on after revision {} "
                    "(journal record {}). Name with --backup one that was made since, or one of "
                    "revision {} or less",
                    fork_.kept(), kept, record.sequence(), kept));
  }

  // A backup of the store before that restore may hold what it gave up.
  Status CheckFork(const journal::v1::Record& record) const {
    const uint64_t kept = record.fork().kept();
    if (record.sequence() <= anchor_.sequence || fork_.kept() <= kept) return OkStatus();
    return Status(
        StatusCode::kFailedPrecondition, "backup",
        fmt::format("holds revision {}, and an older one was restored since, of revision {} "
                    "(journal record {}): documents that were written between them are lost, and "
                    "their keys are destroyed. Name with --backup one that was made since, or one "
                    "of revision {} or less",
                    fork_.kept(), kept, record.sequence(), kept));
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
        database_,
        vault_,
        interner_,
        [this] { return std::vector<bool>(state_.policy.classes.classes.size(), false); },
        [&](std::string_view kind, std::string_view value) { return pseudonyms.Of(kind, value); },
        {},
        /*replays=*/true};
    Replayer replayer(context, [this](uint64_t number) { return told_.IsLost(number); });
    journal::ChainReader reader = Reader();
    if (after_anchor_) reader.Seek(*after_anchor_);
    while (reader.last().sequence < last_.sequence && reader.Next()) {
      const auto& record = reader.record();
      meters_.Replay(record);
      const bool mutation =
          record.mutation() && record.revision() > state_.revision && !GivenUp(record);
      const bool told_again = record.call() == kRestore && record.has_replay();
      if (!mutation && !told_again) continue;
      RETURN_IF_ERROR(Replay(record, &replayer));
      if (mutation) ++restored->replayed;
    }
    if (reader.last() == last_) return Take(replayer.Reclassify(state_), /*tell_again=*/true);
    return reader.damage() ? reader.damage()->ToStatus()
                           : Corrupt("the journal's files became shorter; restore its directory");
  }

  Status Replay(const journal::v1::Record& record, Replayer* replayer) {
    if (Planted(Bug::kNoReplay)) {
      state_.revision = record.revision();
      return OkStatus();
    }
    return Take(replayer->Apply(state_, record), record.replay().sealed_mutation().empty())
        .Within(fmt::format("revision {}", record.revision()));
  }

  // Stores what was applied, and goes on from there. What it did to documents is told again if
  // `tell_again`: not of a change that is whole in the journal, where later restores find it.
  Status Take(StatusOr<Applied> applied, bool tell_again) {
    if (!applied.ok()) {
      interner_.Rollback();
      return applied.status();
    }
    interner_.Commit();
    applied->next.next_document = std::max(applied->next.next_document, state_.next_document);
    RETURN_IF_ERROR(database_.Write(applied->batch));
    if (tell_again) TellAgain(applied->replay);
    state_ = std::move(applied->next);
    return OkStatus();
  }

  // What was told of a copy under the key of a later document, which is lost, is told again under
  // the copy's own, or no later restore could read it.
  void TellAgain(const journal::v1::Replay& replay) {
    for (const uint64_t number : replay.removed()) {
      regranted_.erase(number);
      removed_.insert(number);
    }
    for (const auto& access : replay.access()) regranted_[access.now()] = access;
  }

  std::vector<journal::v1::Record> Records() const {
    std::vector<journal::v1::Record> records;
    size_t bytes = 0;
    const auto with_room_for = [&](size_t more) {
      if (records.empty() || bytes + more > kToldAgainBytes) {
        journal::v1::Record& record = records.emplace_back();
        record.set_call(kRestore);
        record.set_outcome(std::string(CodeName(StatusCode::kOk)));
        record.set_purpose(fmt::format("from a backup of revision {}", fork_.kept()));
        record.set_revision(state_.revision);
        bytes = 0;
      }
      bytes += more;
      return &records.back();
    };
    for (const uint64_t number : removed_) {
      with_room_for(sizeof(number))->mutable_replay()->add_removed(number);
    }
    for (const auto& [copy, access] : regranted_) {
      *with_room_for(access.ByteSizeLong())->mutable_replay()->add_access() = access;
    }
    *with_room_for(fork_.ByteSizeLong())->mutable_fork() = fork_;
    return records;
  }

  Status Finish() {
    Batch batch;
    PutHead(state_, &batch);
    meters_.PutChanged(state_.id, state_.time, &batch);
    RETURN_IF_ERROR(database_.Write(batch));
    RETURN_IF_ERROR(database_.Sync());
    const std::vector<uint64_t>& erased = told_.erased();
    RETURN_IF_ERROR(vault_.keys().Destroy(state_.id, erased));
    RETURN_IF_ERROR(database_.Flush());
    for (const auto& [name, collection] : *state_.collections) {
      RETURN_IF_ERROR(database_.RewriteDocuments(state_.id, collection->id, erased).status());
    }
    return OkStatus();
  }

  const DataPaths& paths_;
  const SecretKey& journal_key_;
  Database& database_;
  const Vault& vault_;
  std::optional<DirectoryLock> lock_;
  Interner interner_;
  TenantState state_;
  journal::v1::Fork fork_;                     // what is kept is what the backup holds
  JournalAnchor anchor_;                       // where the journal stood then, or a little before
  std::optional<journal::Mark> after_anchor_;  // there in the journal; none: its beginning
  JournalAnchor last_;
  std::vector<Loss> losses_;  // behind the anchor
  Meters meters_;             // what was used since the backup still counts
  ToldNumbers told_;
  // By copy: its access, and those that are gone.
  std::map<uint64_t, journal::v1::ReplayedAccess> regranted_;
  std::set<uint64_t> removed_;
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
  if (paths.master_key_command.empty()) {
    RETURN_IF_ERROR(ReadKey(paths.MasterKey(), "master_key", "--master-key").status());
  }
  RETURN_IF_ERROR(LockJournal(paths, std::string(kFirstTenant)).status());
  ASSIGN_OR_RETURN(auto keys, OpenKeys(paths));
  return Witnesses{std::move(key), std::move(keys)};
}

// What is lost with it.
StatusOr<std::vector<LostNumbers>> RestoreTenants(const DataPaths& paths,
                                                  const Witnesses& witnesses, Restored* restored) {
  const Vault vault(witnesses.keys.get());
  ASSIGN_OR_RETURN(const auto database, Database::Open(paths.Restoring(), /*create=*/false));
  RETURN_IF_ERROR(CheckKeysBelong(*database, *witnesses.keys));
  std::vector<std::unique_ptr<TenantRestore>> done;
  // Replaying a tenant may create others, whose journals come then.
  for (;;) {
    ASSIGN_OR_RETURN(const auto tenants, LoadTenants(*database));
    if (done.size() == tenants.size()) break;
    const auto& tenant = tenants[done.size()];
    done.push_back(
        std::make_unique<TenantRestore>(paths, witnesses.journal_key, database.get(), vault));
    RETURN_IF_ERROR(OfTenant(tenant.name(), done.back()->Run(tenant, restored)));
  }
  // Only once no journal has refused it: the store before is given up.
  std::vector<LostNumbers> lost;
  for (const auto& tenant : done) {
    RETURN_IF_ERROR(OfTenant(tenant->name(), tenant->Note()));
    lost.push_back(tenant->lost());
  }
  return lost;
}

// Last of all: a restore that is killed before is repeated with them, and after that the start of
// the store destroys what is left of them.
Status DestroyLost(KeyStore* keys, const std::vector<LostNumbers>& lost) {
  for (const auto& numbers : lost) {
    const Status destroyed = keys->DestroyRange(numbers.tenant, numbers.first, numbers.end);
    if (destroyed.ok()) continue;
    return Status(destroyed.code(), destroyed.field(),
                  fmt::format("{}; the store is whole, but keys of lost documents are not "
                              "destroyed yet: its start does it before it serves",
                              destroyed.message()));
  }
  return OkStatus();
}

Status CannotWrite(const std::string& path, const std::error_code& error) {
  return Status(StatusCode::kFailedPrecondition, "data_dir",
                fmt::format("cannot write {}: {}; choose a directory that this user may write",
                            path, error.message()));
}

Status MakeDataDir(const DataPaths& paths) {
  const Status made = CreateDirectories(paths.data_dir, "data_dir");
  if (made.ok() || made.code() == StatusCode::kResourceExhausted) return made;
  return Status(StatusCode::kFailedPrecondition, "data_dir",
                fmt::format("{}; choose a directory that this user may write", made.message()));
}

// Whether there is what a killed restore left, and nothing else, although it has its FORMAT.
bool HoldsUnfinished(const DataPaths& paths) {
  std::error_code error;
  return std::filesystem::exists(paths.Restoring(), error) &&
         !std::filesystem::exists(paths.Store(), error) && !error;
}

// FORMAT goes first: alone it would be taken for a store that is lost.
Status RemoveUnfinished(const DataPaths& paths) {
  for (const std::string& path : {paths.Format(), paths.Restoring()}) {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return CannotWrite(path, error);
  }
  return OkStatus();
}

// What a killed restore left goes first: the journal has at most its note, and this one adds its
// own. The store gets its name last.
StatusOr<std::vector<LostNumbers>> CopyAndReplay(const std::string& from, uint32_t id,
                                                 const DataPaths& paths, const Witnesses& witnesses,
                                                 Restored* restored) {
  // Once: a server may make a newer one meanwhile.
  ASSIGN_OR_RETURN(const BackupInfo backup, FindBackup(from, id));
  RETURN_IF_ERROR(CheckBackupFormat(backup));
  RETURN_IF_ERROR(MakeDataDir(paths));
  RETURN_IF_ERROR(RemoveUnfinished(paths));
  RETURN_IF_ERROR(RestoreBackup(from, backup.id, paths.Restoring()));
  ASSIGN_OR_RETURN(auto lost, RestoreTenants(paths, witnesses, restored));
  RETURN_IF_ERROR(ReplaceFile(paths.Format(), std::string(kFormatVersion) + "\n", "data_dir"));
  std::error_code error;
  std::filesystem::rename(paths.Restoring(), paths.Store(), error);
  if (error) return CannotWrite(paths.Store(), error);
  RETURN_IF_ERROR(SyncDirectory(paths.data_dir));
  return lost;
}

}  // namespace

StatusOr<Restored> RestoreStore(const std::string& from, uint32_t id, const DataPaths& paths) {
  if (HoldsStore(paths) && !HoldsUnfinished(paths)) {
    return Status(StatusCode::kFailedPrecondition, "data_dir",
                  paths.data_dir + " holds a store; restore to a new directory");
  }
  ASSIGN_OR_RETURN(const Witnesses witnesses, OpenWitnesses(paths));
  std::error_code error;
  const bool is_new = !std::filesystem::exists(paths.data_dir, error);
  Restored restored;
  const auto lost = CopyAndReplay(from, id, paths, witnesses, &restored);
  if (lost.ok()) {
    RETURN_IF_ERROR(DestroyLost(witnesses.keys.get(), *lost));
    return restored;
  }
  // There was none of it before, and the same command is to work once its cause is mended, also if
  // this is killed before its end.
  std::filesystem::rename(paths.Store(), paths.Restoring(), error);
  (void)RemoveUnfinished(paths);  // the first failure is told
  if (is_new) std::filesystem::remove(paths.data_dir, error);
  return lost.status();
}

}  // namespace cordon
