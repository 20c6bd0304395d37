#include "engine/store/backup.h"

#include <fmt/format.h>
#include <rocksdb/utilities/backup_engine.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>

#include "engine/store/rocks.h"

namespace cordon {
namespace {

constexpr std::string_view kNote = "cordon revision ";
constexpr std::string_view kFormatNote = " format ";

Status NoDirectory(const std::string& dir) {
  return Status(StatusCode::kFailedPrecondition, "backup_dir",
                dir.empty() ? "the server has none; start it with --backup-dir DIR"
                            : dir + " holds no backups");
}

rocksdb::BackupEngineOptions Options(const std::string& dir) {
  rocksdb::BackupEngineOptions options(dir);
  options.sync = true;
  options.share_table_files = true;  // what has not changed is not copied again
  return options;
}

BackupInfo ToInfo(const rocksdb::BackupInfo& info) {
  BackupInfo out;
  out.id = info.backup_id;
  out.time_us = info.timestamp * 1'000'000;
  out.bytes = info.size;
  std::string_view note = info.app_metadata;
  if (!note.starts_with(kNote)) return out;
  note.remove_prefix(kNote.size());
  const auto parsed = std::from_chars(note.data(), note.data() + note.size(), out.revision);
  note.remove_prefix(static_cast<size_t>(parsed.ptr - note.data()));
  if (note.starts_with(kFormatNote)) out.format = note.substr(kFormatNote.size());
  return out;
}

StatusOr<std::unique_ptr<rocksdb::BackupEngine>> OpenBackups(const std::string& dir) {
  rocksdb::BackupEngine* engine = nullptr;
  RETURN_IF_ERROR(
      Translate(rocksdb::BackupEngine::Open(Options(dir), rocksdb::Env::Default(), &engine),
                "open the backups"));
  return std::unique_ptr<rocksdb::BackupEngine>(engine);
}

StatusOr<std::unique_ptr<rocksdb::BackupEngineReadOnly>> OpenToRead(const std::string& dir) {
  std::error_code error;
  if (dir.empty() || !std::filesystem::is_directory(dir, error)) return NoDirectory(dir);
  rocksdb::BackupEngineReadOnly* engine = nullptr;
  RETURN_IF_ERROR(
      Translate(rocksdb::BackupEngineReadOnly::Open(Options(dir), rocksdb::Env::Default(), &engine),
                "open the backups"));
  return std::unique_ptr<rocksdb::BackupEngineReadOnly>(engine);
}

Status MissingOrDamaged(uint32_t id) {
  return Corrupt(fmt::format("backup {} is missing or damaged; take another one", id));
}

Status Stopping() {
  return Status(StatusCode::kUnavailable, "", "the server is stopping; run it again");
}

}  // namespace

void BackupStop::Stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  if (end_copy_) end_copy_();
}

bool BackupStop::stopped() const {
  std::lock_guard lock(mutex_);
  return stopped_;
}

// While it lives, `stop` ends what `engine` copies, and what it verifies.
class StoppableBackup {
 public:
  StoppableBackup(BackupStop* stop, rocksdb::BackupEngine* engine) : stop_(stop) {
    std::lock_guard lock(stop_->mutex_);
    stop_->end_copy_ = [engine] { engine->StopBackup(); };
  }
  ~StoppableBackup() {
    std::lock_guard lock(stop_->mutex_);
    stop_->end_copy_ = nullptr;
  }
  StoppableBackup(const StoppableBackup&) = delete;
  StoppableBackup& operator=(const StoppableBackup&) = delete;

 private:
  BackupStop* const stop_;
};

namespace {

// Whether every file of the backup is as it was written. RocksDB's StopBackup ends this as well.
StatusOr<bool> IsWhole(const rocksdb::BackupEngine& engine, uint32_t id, const BackupStop& stop) {
  const bool whole = engine.VerifyBackup(id, /*verify_with_checksum=*/true).ok();
  // Of one that was broken off nothing is known.
  if (!whole && stop.stopped()) return Stopping();
  return whole;
}

Status VerifyAll(const std::string& dir, BackupStop* stop, std::vector<BackupInfo>* backups) {
  // Only one that may also write can be stopped.
  ASSIGN_OR_RETURN(const auto engine, OpenBackups(dir));
  const StoppableBackup stoppable(stop, engine.get());
  for (auto& backup : *backups) {
    if (stop->stopped()) return Stopping();
    ASSIGN_OR_RETURN(backup.whole, IsWhole(*engine, backup.id, *stop));
  }
  return OkStatus();
}

}  // namespace

StatusOr<BackupInfo> MakeBackup(const Database& database, const std::string& dir, uint64_t revision,
                                std::string_view format, uint32_t keep, BackupStop* stop) {
  if (dir.empty()) return NoDirectory(dir);
  ASSIGN_OR_RETURN(const auto engine, OpenBackups(dir));
  const StoppableBackup stoppable(stop, engine.get());
  if (stop->stopped()) return Stopping();
  rocksdb::CreateBackupOptions options;
  options.flush_before_backup = true;  // then no log is copied
  rocksdb::BackupID id = 0;
  const auto copied = engine->CreateNewBackupWithMetadata(
      options, database.rocks().db.get(),
      fmt::format("{}{}{}{}", kNote, revision, kFormatNote, format), &id);
  if (!copied.ok() && stop->stopped()) return Stopping();
  RETURN_IF_ERROR(Translate(copied, "back up"));
  const auto verified = engine->VerifyBackup(id, /*verify_with_checksum=*/true);
  if (!verified.ok() && stop->stopped()) return Stopping();
  RETURN_IF_ERROR(Translate(verified, "verify"));
  if (keep > 0) RETURN_IF_ERROR(Translate(engine->PurgeOldBackups(keep), "purge"));
  rocksdb::BackupInfo info;
  RETURN_IF_ERROR(Translate(engine->GetBackupInfo(id, &info), "read a backup"));
  return ToInfo(info);
}

StatusOr<std::vector<BackupInfo>> ListBackups(const std::string& dir, bool verify,
                                              BackupStop* stop) {
  ASSIGN_OR_RETURN(const auto engine, OpenToRead(dir));
  std::vector<rocksdb::BackupInfo> infos;
  engine->GetBackupInfo(&infos);
  std::vector<BackupInfo> backups;
  for (const auto& info : infos) backups.push_back(ToInfo(info));
  if (verify) RETURN_IF_ERROR(VerifyAll(dir, stop, &backups));
  return backups;
}

StatusOr<BackupInfo> FindBackup(const std::string& dir, uint32_t id) {
  ASSIGN_OR_RETURN(const auto backups, ListBackups(dir, /*verify=*/false, /*stop=*/nullptr));
  if (backups.empty()) return NoDirectory(dir);
  if (id == 0) return backups.back();
  const auto found = std::find_if(backups.begin(), backups.end(),
                                  [&](const BackupInfo& backup) { return backup.id == id; });
  if (found == backups.end()) return MissingOrDamaged(id);
  return *found;
}

Status RestoreBackup(const std::string& dir, uint32_t id, const std::string& path) {
  ASSIGN_OR_RETURN(const auto engine, OpenToRead(dir));
  if (!engine->VerifyBackup(id, true).ok()) return MissingOrDamaged(id);
  return Translate(engine->RestoreDBFromBackup(id, path, path), "restore");
}

}  // namespace cordon
