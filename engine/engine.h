// The composition root: opens a data directory, owns what works in it, and closes it in order.
//
//   DIR/FORMAT            the format's version, as text (upgrade.h)
//   DIR/admin.key         the first tenant's first key, made by Init
//   DIR/journal.key       the journal's key, unless kept elsewhere
//   DIR/master.key        what the documents' keys are sealed with, unless kept elsewhere
//   DIR/keys/             the documents' keys, unless kept elsewhere (crypto/key_store.h)
//   DIR/dev/              keys of the development mode
//   DIR/opening           starts that did not end, while there are any (open_attempts.h)
//   DIR/store/            RocksDB
//   DIR/store.restoring/  what a restore has not finished, or left (restore.h)
//   DIR/index/            files of the indexes; made anew when they are missing or damaged
//   DIR/journal/TENANT/   the journals, unless kept elsewhere
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/embed/endpoint.h"
#include "engine/erasures.h"
#include "engine/figures.h"
#include "engine/ingest/embedding_worker.h"
#include "engine/ingest/ingest.h"
#include "engine/inspect/inspect.h"
#include "engine/retrieve/retrieve.h"
#include "engine/store/backup.h"
#include "engine/store/load.h"
#include "engine/text/token_counter.h"
#include "engine/told_numbers.h"
#include "engine/view/index_files.h"

namespace cordon {

// Where an engine's files are.
struct DataPaths {
  std::string data_dir;
  std::string journal_dir;   // empty: DIR/journal
  std::string journal_key;   // empty: DIR/journal.key, or DIR/dev/journal.key if only that exists
  std::string keys_dir{};    // empty: DIR/keys
  std::string master_key{};  // empty: DIR/master.key, or DIR/dev/master.key if only that exists
  std::string keys_copy_dir{};       // where the newest copy of the keys is kept; empty: nowhere
  std::string master_key_command{};  // a program that prints it; empty: it is in a file

  std::string JournalOf(const std::string& tenant) const;
  std::string Store() const;
  // Where a restored store is while it is not whole: nobody takes it for one, and nobody can by
  // putting its FORMAT back.
  std::string Restoring() const;
  std::string Index() const;
  std::string Format() const;
  std::string AdminKey() const;
  std::string DevDir() const;
  std::string Keys() const;
  // The key files by the rules above.
  std::string JournalKey() const;
  std::string MasterKey() const;
};

// What the store remembers of a journal; nothing if it is no anchor.
std::optional<JournalAnchor> ToAnchor(const store::v1::AnchorRecord& record);

// Whether `data_dir` holds a store, finished or not.
bool HoldsStore(const DataPaths& paths);

// What the documents' keys are sealed with, from its file or its command. INVALID_ARGUMENT if both
// are given; the field is master_key or master_key_command, with the path below it.
StatusOr<SecretKey> ReadMasterKey(const DataPaths& paths);

// The store's documents' keys. FAILED_PRECONDITION if they are missing or another store's.
StatusOr<std::unique_ptr<KeyStore>> OpenKeys(const DataPaths& paths,
                                             std::shared_ptr<KeyFiles> files = nullptr);
Status CheckKeysBelong(const Database& database, const KeyStore& keys);

// Creates an empty store whose first tenant has one key, its key store, and the journal's and the
// master key where they are missing (in DIR/dev for a development store). ALREADY_EXISTS if there
// is a store, its keys or its journal; FAILED_PRECONDITION for a directory that holds something
// else or cannot be written.
Status CreateStore(const DataPaths& paths, const MadeKey& first_key, bool dev);

// Thread-safe once open.
class Engine {
 public:
  struct Options {
    DataPaths paths;
    Durability read_durability = Durability::kRequired;
    // Serve although the journal knows revisions up to this one that the store lost.
    std::optional<uint64_t> accept_loss_to;
    // The disks below store, journals and keys, for tests to put failing ones there; null: the real
    // ones. The store's outlives the engine.
    rocksdb::Env* store_disk = nullptr;
    std::shared_ptr<journal::LogFiles> journal_disk = nullptr;
    // What counts tokens, null: an approximation. What embeds and reranks, null: nothing.
    std::shared_ptr<const TokenCounter> tokens = nullptr;
    std::shared_ptr<Endpoints> endpoints = nullptr;
    std::shared_ptr<KeyFiles> keys_disk = nullptr;
    std::string backup_dir{};  // empty: no backups
    // Smaller segments have no file in the index's directory; only tests choose another.
    size_t index_file_rows = kFiledRowsMin;
    EmbeddingPace embedding_pace{};  // only tests choose another
    // The wall and the steady clock; only tests choose others (engine/base/clock.h).
    std::function<Micros()> wall = nullptr;
    std::function<Micros()> steady = nullptr;
  };

  // Recovers store and journals and builds the indexes. Refuses a format it does not know, a
  // directory that another process has open, damage, a store behind its journal, and one on which
  // the last starts ended abruptly.
  static StatusOr<std::unique_ptr<Engine>> Open(Options options);

  // Ends writing, then the journals, then the store.
  ~Engine();

  // For tests and figures.
  IndexFiles& index_files() const { return *index_files_; }

  // Null if there is no such tenant.
  std::shared_ptr<Tenant> FindTenant(std::string_view name) const;

  // All of them.
  std::vector<std::shared_ptr<Tenant>> Tenants() const;

  // What calls of an authenticated caller work with; the tenant must exist.
  ReadContext ReadAs(const Authenticated& caller, std::function<bool()> stop);
  WriteContext WriteAs(const Authenticated& caller);
  JournalPlace JournalOf(const std::string& tenant) const;
  // How a re-embedding goes on.
  EmbeddingProgress EmbeddingProgressOf(const std::string& tenant, uint32_t collection) const;

  // Backs the store up into Options::backup_dir; one at a time, verifications included.
  StatusOr<BackupInfo> Backup(uint32_t keep);
  StatusOr<std::vector<BackupInfo>> Backups(bool verify);
  // Ends the backup under way, or the verification, and refuses later ones: UNAVAILABLE.
  void StopBackups() { backup_stop_.Stop(); }

  Clock* clock() { return &clock_; }

  // What whoever operates it may know, of all tenants together (engine/figures.h). Waits for no
  // disk and for no write.
  Figures figures();

 private:
  Engine(Options options, SecretKey journal_key, std::unique_ptr<Database> database,
         std::unique_ptr<KeyStore> keys);

  static StatusOr<std::unique_ptr<Engine>> OpenOnce(Options options);
  Status LoadAll();
  Status LoadOne(const store::v1::TenantRecord& record);
  // Sets the figures of `collection` as well.
  Status LoadIndexes(const TenantState& state, Collection* collection, Indexes* indexes);
  // `told` gets all records; may be null.
  StatusOr<std::unique_ptr<Journal>> OpenJournal(const std::string& tenant,
                                                 const std::optional<JournalAnchor>& anchor,
                                                 ToldNumbers* told);
  // Destroys what is left of the keys of erased documents, and of those that a restore gave up: a
  // crash came between, or the keys are an older copy.
  Status DestroyTold(uint32_t tenant, const ToldNumbers& told);
  Status SkipLostNumbers(const ToldNumbers& told, TenantState* state);
  // Brings journal and store to one revision, or refuses.
  Status Reconcile(const TenantState& state, Tenant* tenant);
  StatusOr<std::shared_ptr<Tenant>> OpenCreated(const TenantState& state);
  void Remember(std::shared_ptr<Tenant> tenant);

  const Options options_;
  const SecretKey journal_key_;
  Clock clock_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<KeyStore> keys_;
  const Vault vault_;
  mutable std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<Tenant>, std::less<>> tenants_;  // guarded by mutex_
  std::unique_ptr<IndexFiles> index_files_;                              // outlive the writer
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Executor> background_;  // one thread, which waits for the writer
  std::unique_ptr<Erasures> erasures_;
  std::unique_ptr<EmbeddingWorker> embedding_;
  std::mutex backing_up_;
  BackupStop backup_stop_;
};

}  // namespace cordon
