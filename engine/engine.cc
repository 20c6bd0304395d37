#include "engine/engine.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstring>
#include <filesystem>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/crypto/key_command.h"
#include "engine/crypto/key_file.h"
#include "engine/format.h"
#include "engine/load_index.h"
#include "engine/open_attempts.h"
#include "engine/store/codec.h"
#include "engine/store/documents.h"
#include "engine/upgrade.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// The store that a restore made remembers the restore's record: this is the one before.
Status GivenUp(const std::string& tenant, const ToldNumbers& told) {
  return Status(
      StatusCode::kFailedPrecondition, "data_dir",
      fmt::format("tenant {}: a store was restored since from a backup of revision {}, and goes on "
                  "in place of this one (journal record {}), in which the keys of later documents "
                  "are destroyed. Start that one; if the restore was interrupted, run it again",
                  tenant, told.forks().back().kept(), told.forked_at()));
}

}  // namespace

std::optional<JournalAnchor> ToAnchor(const store::v1::AnchorRecord& record) {
  if (record.mac().size() != Digest().size()) return std::nullopt;
  JournalAnchor anchor;
  anchor.sequence = record.sequence();
  std::memcpy(anchor.mac.data(), record.mac().data(), anchor.mac.size());
  return anchor;
}

std::string DataPaths::JournalOf(const std::string& tenant) const {
  return (journal_dir.empty() ? data_dir + "/journal" : journal_dir) + "/" + tenant;
}
std::string DataPaths::Store() const { return data_dir + "/store"; }
std::string DataPaths::Restoring() const {
  return Planted(Bug::kRestoredInPlace) ? Store() : Store() + ".restoring";
}
std::string DataPaths::Index() const { return data_dir + "/index"; }
std::string DataPaths::Format() const { return data_dir + "/FORMAT"; }
std::string DataPaths::AdminKey() const { return data_dir + "/admin.key"; }
std::string DataPaths::DevDir() const { return data_dir + "/dev"; }

std::string DataPaths::Keys() const { return keys_dir.empty() ? data_dir + "/keys" : keys_dir; }

namespace {
std::string KeyFileOf(const DataPaths& paths, const std::string& given, const std::string& name) {
  if (!given.empty()) return given;
  const std::string own = paths.data_dir + "/" + name;
  const std::string dev = paths.DevDir() + "/" + name;
  return !Exists(own) && Exists(dev) ? dev : own;
}
}  // namespace

std::string DataPaths::JournalKey() const { return KeyFileOf(*this, journal_key, "journal.key"); }
std::string DataPaths::MasterKey() const { return KeyFileOf(*this, master_key, "master.key"); }

StatusOr<SecretKey> ReadMasterKey(const DataPaths& paths) {
  const std::string& command = paths.master_key_command;
  if (!command.empty() && !paths.master_key.empty()) {
    return Invalid("master_key_command", "given beside master_key; keep one of them");
  }
  auto key = command.empty() ? ReadKeyFile(paths.MasterKey()) : ReadKeyFromCommand(command);
  if (key.ok()) return key;
  return key.status().Within(command.empty() ? "master_key" : "master_key_command");
}

StatusOr<std::unique_ptr<KeyStore>> OpenKeys(const DataPaths& paths,
                                             std::shared_ptr<KeyFiles> files) {
  ASSIGN_OR_RETURN(auto master, ReadMasterKey(paths));
  return KeyStore::Open({paths.Keys(), std::move(master), std::move(files), paths.keys_copy_dir});
}

Status CheckKeysBelong(const Database& database, const KeyStore& keys) {
  store::v1::KeysRecord record;
  ASSIGN_OR_RETURN(const bool there, database.Get(Family::kMeta, MetaKeysKey(), &record));
  if (there && record.id() == keys.id()) return OkStatus();
  return Status(StatusCode::kFailedPrecondition, "keys_dir",
                "holds the keys of another store; name this store's with --keys-dir");
}

Engine::Engine(Options options, SecretKey journal_key, std::unique_ptr<Database> database,
               std::unique_ptr<KeyStore> keys)
    : options_(std::move(options)),
      journal_key_(std::move(journal_key)),
      clock_(options_.wall, options_.steady),
      database_(std::move(database)),
      keys_(std::move(keys)),
      vault_(keys_.get()) {
  clock_.WhenDoubted([](const Status& trusted) {
    if (trusted.ok()) {
      spdlog::error("clock: it agrees again; calls are served");
    } else {
      spdlog::error("clock: every call is refused: {}", trusted.message());
    }
  });
}

StatusOr<std::unique_ptr<Engine>> Engine::Open(Options options) {
  RETURN_IF_ERROR(CheckFormat(options.paths));
  OpenAttempts attempts(options.paths.data_dir);
  RETURN_IF_ERROR(attempts.Begin());
  auto opened = OpenOnce(std::move(options));
  attempts.End();
  return opened;
}

StatusOr<std::unique_ptr<Engine>> Engine::OpenOnce(Options options) {
  auto key = ReadKeyFile(options.paths.JournalKey());
  if (!key.ok()) return key.status().Within("journal_key");
  ASSIGN_OR_RETURN(auto database, Database::Open(options.paths.Store(), /*create=*/false,
                                                 Database::Access::kReadWrite, options.store_disk));
  ASSIGN_OR_RETURN(auto keys, OpenKeys(options.paths, options.keys_disk));
  // An upgrade may have begun since FORMAT was read; from now on none does.
  RETURN_IF_ERROR(CheckFormat(options.paths));
  RETURN_IF_ERROR(CheckKeysBelong(*database, *keys));
  std::unique_ptr<Engine> engine(
      new Engine(std::move(options), *std::move(key), std::move(database), std::move(keys)));
  RETURN_IF_ERROR(engine->LoadAll());
  if (const Micros behind = engine->clock_.Behind(); behind > 0) {
    spdlog::warn(
        "clock: the machine's is {} s behind the latest stored time, from which time goes "
        "on; set it right, then restart the server",
        behind / 1'000'000);
  }
  return engine;
}

Engine::~Engine() {
  background_.reset();
  embedding_.reset();
  erasures_.reset();
  for (const auto& [name, tenant] : tenants_) {
    // Makes everything before it durable, so that the writer can remember the end of the chain.
    journal::v1::Record record;
    record.set_call("Stop");
    record.set_outcome(std::string(CodeName(StatusCode::kOk)));
    if (!tenant->journal->AppendBatch({record}).ok()) spdlog::error("journal: stopped unsynced");
  }
  writer_.reset();
  tenants_.clear();
}

Status Engine::LoadAll() {
  index_files_ =
      std::make_unique<IndexFiles>(options_.paths.Index(), keys_.get(), options_.index_file_rows);
  writer_ = std::make_unique<Writer>(
      database_.get(), &vault_, &clock_,
      [this](const TenantState& state) { return OpenCreated(state); }, options_.paths.Index(),
      index_files_.get());
  background_ = std::make_unique<Executor>(1, limits::kSelectionsQueue);
  ASSIGN_OR_RETURN(const auto records, LoadTenants(*database_));
  if (records.empty()) return Corrupt("the store has no tenant; restore from a backup");
  for (const auto& record : records) RETURN_IF_ERROR(LoadOne(record));
  RETURN_IF_ERROR(keys_->BeginCopy());
  index_files_->DropOthers();
  if (const uint64_t rows = index_files_->rows_loaded(); rows > 0) {
    spdlog::info("index: {} rows of vectors and words came from files", rows);
  }
  erasures_ = std::make_unique<Erasures>(database_.get(), &vault_, writer_.get(), &clock_,
                                         [this] { return Tenants(); });
  embedding_ = std::make_unique<EmbeddingWorker>(
      writer_.get(), &clock_, options_.endpoints.get(), [this] { return Tenants(); },
      options_.embedding_pace);
  return OkStatus();
}

Status Engine::LoadOne(const store::v1::TenantRecord& record) {
  Interner interner;
  RETURN_IF_ERROR(DropStaged(database_.get(), record.id()));
  ASSIGN_OR_RETURN(LoadedTenant loaded, LoadTenant(*database_, record, &interner));
  TenantState& state = loaded.state;
  clock_.AtLeast(state.time);
  ToldNumbers told;
  ASSIGN_OR_RETURN(
      auto journal,
      OpenJournal(state.name, loaded.anchor ? ToAnchor(*loaded.anchor) : std::nullopt, &told));
  const uint64_t anchored = loaded.anchor ? loaded.anchor->sequence() : 0;
  if (told.forked_at() > anchored) return GivenUp(state.name, told);
  RETURN_IF_ERROR(DestroyTold(state.id, told));
  clock_.AtLeast(journal->last_time());
  auto tenant = std::make_shared<Tenant>(state.name, std::move(journal), journal_key_);
  tenant->meters.Load(std::move(loaded.key_usage), std::move(loaded.destination_usage));
  RETURN_IF_ERROR(tenant->journal->VisitAfter(
      anchored, [&](const auto& record) { tenant->meters.Replay(record); }));
  if (options_.accept_loss_to && tenant->journal->last_revision() > state.revision) {
    RETURN_IF_ERROR(SkipLostNumbers(told, &state));
  }
  RETURN_IF_ERROR(Reconcile(state, tenant.get()));
  Indexes indexes;
  auto collections = std::make_shared<TenantState::Collections>();
  for (const auto& [name, stored] : *state.collections) {
    Collection collection = *stored;
    RETURN_IF_ERROR(LoadIndexes(state, &collection, &indexes));
    (*collections)[name] = std::make_shared<const Collection>(std::move(collection));
  }
  state.collections = std::move(collections);
  tenant->publisher.Publish(View::Build(std::move(state), std::move(indexes),
                                        database_->TakeSnapshot(), database_.get(), &vault_,
                                        clock_.Now(), nullptr));
  Remember(tenant);
  writer_->Adopt(std::move(tenant), std::move(interner));
  return OkStatus();
}

Status Engine::LoadIndexes(const TenantState& state, Collection* collection, Indexes* indexes) {
  const Documents documents(database_.get(), &vault_, state.id);
  const auto geometry_of = [&](uint32_t space) -> std::shared_ptr<const Geometry> {
    auto stored = ReadGeometry(vault_, options_.paths.Index(), {state.name, space});
    return stored.ok() ? stored->geometry : nullptr;
  };
  ASSIGN_OR_RETURN(CollectionIndex index,
                   LoadIndex(documents, state, index_files_.get(),
                             geometry_of(collection->space).get(), collection));
  indexes->emplace(collection->space, std::move(index));
  if (!collection->other) return OkStatus();
  const uint32_t other = collection->other->number;
  ASSIGN_OR_RETURN(index, LoadOtherIndex(documents, state, index_files_.get(),
                                         geometry_of(other).get(), *collection));
  indexes->emplace(other, std::move(index));
  return OkStatus();
}

// The lost revisions gave numbers away, and some of their keys are destroyed, or will be by the
// next start if the keys are an older copy. On the disk before the journal accepts the loss: no
// later start would know of it.
Status Engine::SkipLostNumbers(const ToldNumbers& told, TenantState* state) {
  state->next_document = std::max({state->next_document, keys_->End(state->id), told.end()});
  Batch head;
  PutHead(*state, &head);
  RETURN_IF_ERROR(database_->Write(head));
  return database_->Sync();
}

StatusOr<std::unique_ptr<Journal>> Engine::OpenJournal(const std::string& tenant,
                                                       const std::optional<JournalAnchor>& anchor,
                                                       ToldNumbers* told) {
  Journal::Options options{.dir = options_.paths.JournalOf(tenant),
                           .tenant = tenant,
                           .key = journal_key_,
                           .clock = &clock_,
                           .files = options_.journal_disk};
  if (told != nullptr) {
    options.visit = [told](const journal::v1::Record& record) { told->Take(record); };
  }
  return Journal::Open(std::move(options), anchor);
}

Status Engine::DestroyTold(uint32_t tenant, const ToldNumbers& told) {
  for (const auto& fork : told.forks()) {
    RETURN_IF_ERROR(keys_->DestroyRange(tenant, fork.lost_from(), fork.lost_to()));
  }
  std::vector<uint64_t> erased = told.erased();
  RETURN_IF_ERROR(database_->Scan(
      Family::kErasures, TenantPrefix(tenant), [&](auto, std::string_view payload) -> Status {
        store::v1::ErasureRecord record;
        RETURN_IF_ERROR(ParseRecord(payload, &record));
        erased.insert(erased.end(), record.numbers().begin(), record.numbers().end());
        return OkStatus();
      }));
  return keys_->Destroy(tenant, erased);
}

Status Engine::Reconcile(const TenantState& state, Tenant* tenant) {
  const uint64_t journalled = tenant->journal->last_revision();
  if (journalled > state.revision && Planted(Bug::kStoreBehindAccepted)) return OkStatus();
  if (journalled > state.revision) {
    if (options_.accept_loss_to && *options_.accept_loss_to == state.revision) {
      journal::v1::Record record;
      record.set_call("AcceptLoss");
      record.set_outcome(std::string(CodeName(StatusCode::kOk)));
      record.set_revision(state.revision);
      record.set_mutation(true);  // from here on the journal expects the revision after this one
      spdlog::warn("tenant {}: revisions {} to {} are lost and accepted as such", state.name,
                   state.revision + 1, journalled);
      return tenant->journal->AppendBatch({record}).status();
    }
    return Status(StatusCode::kDataLoss, "data_dir",
                  fmt::format("tenant {}: the store ends at revision {}, its journal at {}: "
                              "acknowledged changes are lost. Restore the store, or start with "
                              "--accept-loss-to {}",
                              state.name, state.revision, journalled, state.revision));
  }
  ASSIGN_OR_RETURN(const auto missing, RevisionsAfter(*database_, state.id, journalled));
  std::vector<journal::v1::Record> records;
  for (const auto& [revision, row] : missing) {
    journal::v1::Record& record = records.emplace_back();
    record.set_call(row.call());
    record.set_outcome(std::string(CodeName(StatusCode::kOk)));
    record.set_key_id(row.key_id());
    record.set_actor(row.actor());
    record.set_collection(row.collection());
    record.set_dropped_collection(row.dropped_collection());
    record.set_revision(revision);
    record.set_mutation(true);
    *record.mutable_documents() = row.touched();
    record.set_reason(row.reason());
    if (row.has_replay()) *record.mutable_replay() = row.replay();
    record.set_recovered(true);
  }
  if (records.empty()) return OkStatus();
  spdlog::warn("tenant {}: {} revisions were missing in the journal and are added", state.name,
               records.size());
  return tenant->journal->AppendBatch(std::move(records)).status();
}

StatusOr<std::shared_ptr<Tenant>> Engine::OpenCreated(const TenantState& state) {
  ASSIGN_OR_RETURN(auto journal, OpenJournal(state.name, std::nullopt, nullptr));
  auto tenant = std::make_shared<Tenant>(state.name, std::move(journal), journal_key_);
  tenant->publisher.Publish(View::Build(state, {}, database_->TakeSnapshot(), database_.get(),
                                        &vault_, clock_.Now(), nullptr));
  Remember(tenant);
  return tenant;
}

void Engine::Remember(std::shared_ptr<Tenant> tenant) {
  std::unique_lock lock(mutex_);
  const std::string name = tenant->name;
  tenants_[name] = std::move(tenant);
}

std::vector<std::shared_ptr<Tenant>> Engine::Tenants() const {
  std::shared_lock lock(mutex_);
  std::vector<std::shared_ptr<Tenant>> all;
  for (const auto& [name, tenant] : tenants_) all.push_back(tenant);
  return all;
}

std::shared_ptr<Tenant> Engine::FindTenant(std::string_view name) const {
  std::shared_lock lock(mutex_);
  const auto it = tenants_.find(name);
  return it == tenants_.end() ? nullptr : it->second;
}

ReadContext Engine::ReadAs(const Authenticated& caller, std::function<bool()> stop) {
  return {FindTenant(caller.tenant()),
          &clock_,
          options_.read_durability,
          caller,
          std::move(stop),
          options_.tokens.get(),
          options_.endpoints.get()};
}

WriteContext Engine::WriteAs(const Authenticated& caller) {
  return {FindTenant(caller.tenant()), &clock_, writer_.get(), caller, background_.get(),
          options_.endpoints.get()};
}

JournalPlace Engine::JournalOf(const std::string& tenant) const {
  return {options_.paths.JournalOf(tenant), journal_key_};
}

EmbeddingProgress Engine::EmbeddingProgressOf(const std::string& tenant,
                                              uint32_t collection) const {
  auto progress = embedding_->ProgressOf(tenant, collection);
  return {progress.left_out, std::move(progress.waits_for)};
}

StatusOr<BackupInfo> Engine::Backup(uint32_t keep) {
  std::lock_guard lock(backing_up_);
  const uint64_t revision = FindTenant(kFirstTenant)->publisher.Pin(&clock_)->revision();
  return MakeBackup(*database_, options_.backup_dir, revision, kFormatVersion, keep, &backup_stop_);
}

StatusOr<std::vector<BackupInfo>> Engine::Backups(bool verify) {
  if (!verify) return ListBackups(options_.backup_dir, /*verify=*/false, &backup_stop_);
  std::lock_guard lock(backing_up_);
  return ListBackups(options_.backup_dir, /*verify=*/true, &backup_stop_);
}

}  // namespace cordon
