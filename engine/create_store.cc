#include <algorithm>
#include <array>
#include <filesystem>

#include "engine/base/replace_file.h"
#include "engine/crypto/key_file.h"
#include "engine/engine.h"
#include "engine/format.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

Status MakeDirectory(const fs::path& path, std::string_view field) {
  const Status made = CreateDirectories(path, field);
  std::error_code error;
  if (made.ok()) fs::permissions(path, fs::perms::owner_all, error);
  if (made.ok() && !error) return OkStatus();
  const std::string why = made.ok() ? "its mode: " + error.message() : std::string(made.message());
  return Status(StatusCode::kFailedPrecondition, field,
                "cannot create " + path.string() + ": " + why +
                    "; choose a directory that this user may write");
}

Status RefuseForeign(const fs::path& dir) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(dir, error)) {
    const auto name = entry.path().filename();
    static constexpr std::array kOwn = {"dev",  "journal",    "journal.key",
                                        "keys", "master.key", "lost+found"};
    if (std::find(kOwn.begin(), kOwn.end(), name) != kOwn.end()) continue;
    return Status(StatusCode::kFailedPrecondition, "data_dir",
                  dir.string() + " is not empty and holds no store; choose an empty directory");
  }
  if (!error) return OkStatus();
  return Status(StatusCode::kFailedPrecondition, "data_dir",
                "cannot read " + dir.string() + ": " + error.message());
}

// Of paths that may be written differently.
bool IsSame(const fs::path& a, const fs::path& b) {
  std::error_code none;  // one is not there
  return fs::equivalent(a, b, none);
}

// Another store's records are evidence, and the new store would not open beside them. An
// interrupted creation leaves directories only, and the journal's key, which may be kept there.
Status RefuseForeignJournal(const fs::path& root, const fs::path& key) {
  std::error_code error;
  if (!fs::exists(root, error) && !error) return OkStatus();
  fs::recursive_directory_iterator entry(root, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (entry->path().filename() == "lost+found") {
      entry.disable_recursion_pending();
    } else if (!entry->is_directory(error) && !error && !IsSame(entry->path(), key)) {
      return Status(StatusCode::kAlreadyExists, "journal_dir",
                    root.string() + " holds " + entry->path().string() +
                        ", perhaps another store's journal; choose an empty directory with "
                        "--journal-dir");
    }
    if (error) break;
  }
  if (!error) return OkStatus();
  return Status(StatusCode::kFailedPrecondition, "journal_dir",
                "cannot read " + root.string() + ": " + error.message());
}

// Everything that the first revision of the first tenant holds.
Batch FirstBatch(const MadeKey& first_key, const std::string& keys_id, Micros now) {
  constexpr uint32_t kFirst = 1;
  Batch batch;
  store::v1::KeysRecord keys;
  keys.set_id(keys_id);
  batch.Put(Family::kMeta, MetaKeysKey(), keys);
  store::v1::TenantRecord tenant;
  tenant.set_id(kFirst);
  tenant.set_name(std::string(kFirstTenant));
  batch.Put(Family::kMeta, MetaTenantKey(kFirstTenant), tenant);
  TenantState state;
  state.id = kFirst;
  state.time = now;
  PutHead(state, &batch);
  store::v1::KeyRecord key;
  key.set_digest(first_key.digest);
  key.set_created_us(now);
  *key.mutable_grant() = FirstAdminGrant();
  batch.Put(Family::kKeys, NamedKey(kFirst, first_key.id), key);
  return batch;
}

StatusOr<SecretKey> ReadOrMakeKey(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error) ? ReadKeyFile(path) : CreateKeyFile(path);
}

// The id of the new key store. What an interrupted creation left of one in its own directory is
// taken over; elsewhere it is another store's.
StatusOr<std::string> MakeKeys(const DataPaths& paths) {
  RETURN_IF_ERROR(MakeDirectory(paths.Keys(), "keys_dir"));
  ASSIGN_OR_RETURN(const SecretKey master, paths.master_key_command.empty()
                                               ? ReadOrMakeKey(paths.MasterKey())
                                               : ReadMasterKey(paths));
  const KeyStore::Options options{paths.Keys(), master};
  const Status created = KeyStore::Create(options);
  const bool own = paths.keys_dir.empty() && created.code() == StatusCode::kAlreadyExists;
  if (!created.ok() && !own) return created;
  ASSIGN_OR_RETURN(const auto keys, KeyStore::Open(options));
  if (keys->End(1) > 0) return created;  // of a store that was in use
  return keys->id();
}

// The format file comes last: without it there is no store. A half one would be neither a store nor
// none.
Status Finish(const DataPaths& paths) {
  return WriteSecretFile(paths.Format(), std::string(kFormatVersion) + "\n");
}

}  // namespace

bool HoldsStore(const DataPaths& paths) {
  std::error_code error;
  return fs::exists(paths.Format(), error) || fs::exists(paths.Store(), error);
}

Status CreateStore(const DataPaths& paths, const MadeKey& first_key, bool dev) {
  std::error_code error;
  if (HoldsStore(paths) && !fs::exists(paths.Format(), error)) {
    return Status(StatusCode::kFailedPrecondition, "data_dir",
                  paths.Format() +
                      " is missing beside a store: its creation was interrupted, or the file was "
                      "lost. If the store was never used, delete the directory; else put the file "
                      "back from a copy");
  }
  if (HoldsStore(paths)) {
    return Status(StatusCode::kAlreadyExists, "data_dir",
                  paths.data_dir + " already holds a store; start the server on it");
  }
  RETURN_IF_ERROR(MakeDirectory(paths.data_dir, "data_dir"));
  RETURN_IF_ERROR(RefuseForeign(paths.data_dir));
  const fs::path journal = paths.JournalOf(std::string(kFirstTenant));
  RETURN_IF_ERROR(RefuseForeignJournal(journal.parent_path(), paths.JournalKey()));
  RETURN_IF_ERROR(MakeDirectory(journal, "journal_dir"));
  DataPaths with_key = paths;
  if (dev) {
    RETURN_IF_ERROR(MakeDirectory(paths.DevDir(), "data_dir"));
    if (paths.journal_key.empty()) with_key.journal_key = paths.DevDir() + "/journal.key";
    const bool own = paths.master_key.empty() && paths.master_key_command.empty();
    if (own) with_key.master_key = paths.DevDir() + "/master.key";
  }
  RETURN_IF_ERROR(ReadOrMakeKey(with_key.JournalKey()).status());
  ASSIGN_OR_RETURN(const std::string keys_id, MakeKeys(with_key));
  {
    ASSIGN_OR_RETURN(const auto database, Database::Open(paths.Store(), /*create=*/true));
    RETURN_IF_ERROR(database->Write(FirstBatch(first_key, keys_id, Clock().Now())));
    RETURN_IF_ERROR(database->Sync());
  }
  RETURN_IF_ERROR(WriteSecretFile(paths.AdminKey(), first_key.bearer + "\n"));
  return Finish(paths);
}

}  // namespace cordon
