#include "engine/store/backup.h"

#include <fmt/format.h>
#include <rocksdb/utilities/backup_engine.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>

#include "engine/base/planted.h"
#include "engine/base/replace_file.h"
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

// RocksDB's status as ours. Its text alone says whether it was the disk of the backups in `dir` or
// that of the store in `store`.
Status Told(const rocksdb::Status& status, std::string_view doing, const std::string& dir,
            const std::string& store = "") {
  if (status.ok()) return OkStatus();
  const std::string text = status.ToString();
  const bool of_store = !store.empty() && text.find(store + "/") != text.npos;
  if (of_store) return Translate(status, doing);
  spdlog::error("backups: {}: {}", doing, text);
  if (status.IsNoSpace()) {
    return Status(StatusCode::kResourceExhausted, "backup_dir",
                  fmt::format("the disk of {} is full; free some space, then run it again", dir));
  }
  if (status.IsCorruption()) {
    return Status(StatusCode::kDataLoss, "backup_dir",
                  fmt::format("{} has a damaged file, which new backups would share; see the log, "
                              "and back up to another directory",
                              dir));
  }
  return Status(StatusCode::kUnavailable, "backup_dir",
                fmt::format("{} cannot be read or written; see the log, then run it again", dir));
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
  if (note.empty()) return out;
  const bool ours = note.starts_with(kNote);
  if (ours) note.remove_prefix(kNote.size());
  const auto parsed = std::from_chars(note.data(), note.data() + note.size(), out.revision);
  note.remove_prefix(static_cast<size_t>(parsed.ptr - note.data()));
  if (ours && note.empty()) return out;
  // RocksDB keeps no checksum of it: what is no note is of no format.
  const bool noted = ours && note.starts_with(kFormatNote);
  out.format = noted ? note.substr(kFormatNote.size()) : "unknown";
  return out;
}

// What RocksDB could not even list.
std::vector<uint32_t> DamagedIds(const rocksdb::BackupEngineReadOnlyBase& engine) {
  std::vector<rocksdb::BackupID> ids;
  engine.GetCorruptedBackups(&ids);
  return ids;
}

StatusOr<std::unique_ptr<rocksdb::BackupEngine>> OpenBackups(const std::string& dir) {
  rocksdb::BackupEngine* engine = nullptr;
  const auto opened = rocksdb::BackupEngine::Open(Options(dir), rocksdb::Env::Default(), &engine);
  RETURN_IF_ERROR(Told(opened, "open", dir));
  return std::unique_ptr<rocksdb::BackupEngine>(engine);
}

StatusOr<std::unique_ptr<rocksdb::BackupEngineReadOnly>> OpenToRead(const std::string& dir) {
  std::error_code error;
  if (dir.empty() || !std::filesystem::is_directory(dir, error)) return NoDirectory(dir);
  rocksdb::BackupEngineReadOnly* engine = nullptr;
  const auto opened =
      rocksdb::BackupEngineReadOnly::Open(Options(dir), rocksdb::Env::Default(), &engine);
  if (opened.IsNotFound()) return NoDirectory(dir);
  RETURN_IF_ERROR(Told(opened, "open", dir));
  return std::unique_ptr<rocksdb::BackupEngineReadOnly>(engine);
}

Status MissingOrDamaged(uint32_t id) {
  return Corrupt(
      fmt::format("backup {} is missing or damaged; name another one with --backup", id));
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

// All but the `keep` newest go, and what is left of damaged ones, which it does not count.
Status EndOld(rocksdb::BackupEngine* engine, uint32_t keep, const std::string& dir,
              const std::string& store) {
  RETURN_IF_ERROR(Told(engine->PurgeOldBackups(keep), "purge", dir, store));
  for (const uint32_t id : DamagedIds(*engine)) {
    RETURN_IF_ERROR(Told(engine->DeleteBackup(id), "purge", dir, store));
  }
  return OkStatus();
}

}  // namespace

StatusOr<BackupInfo> MakeBackup(const Database& database, const std::string& dir, uint64_t revision,
                                std::string_view format, uint32_t keep, BackupStop* stop) {
  if (dir.empty()) return NoDirectory(dir);
  RETURN_IF_ERROR(CreateDirectories(dir, "backup_dir"));
  ASSIGN_OR_RETURN(const auto engine, OpenBackups(dir));
  const std::string store = database.rocks().db->GetName();
  const StoppableBackup stoppable(stop, engine.get());
  if (stop->stopped()) return Stopping();
  rocksdb::CreateBackupOptions options;
  options.flush_before_backup = true;  // then no log is copied
  rocksdb::BackupID id = 0;
  const auto copied = engine->CreateNewBackupWithMetadata(
      options, database.rocks().db.get(),
      fmt::format("{}{}{}{}", kNote, revision, kFormatNote, format), &id);
  if (!copied.ok() && stop->stopped()) return Stopping();
  RETURN_IF_ERROR(Told(copied, "back up", dir, store));
  const auto verified = engine->VerifyBackup(id, /*verify_with_checksum=*/true);
  if (!verified.ok() && stop->stopped()) return Stopping();
  if (!verified.ok()) (void)engine->DeleteBackup(id);  // nor does a later `keep` count it
  RETURN_IF_ERROR(Told(verified, "verify", dir, store));
  if (keep > 0) RETURN_IF_ERROR(EndOld(engine.get(), keep, dir, store));
  rocksdb::BackupInfo info;
  RETURN_IF_ERROR(Told(engine->GetBackupInfo(id, &info), "read", dir, store));
  return ToInfo(info);
}

StatusOr<std::vector<BackupInfo>> ListBackups(const std::string& dir, bool verify,
                                              BackupStop* stop) {
  ASSIGN_OR_RETURN(const auto engine, OpenToRead(dir));
  std::vector<rocksdb::BackupInfo> infos;
  engine->GetBackupInfo(&infos);
  std::vector<BackupInfo> backups;
  for (const auto& info : infos) backups.push_back(ToInfo(info));
  for (const uint32_t id : DamagedIds(*engine)) {
    backups.emplace_back().id = id;
    backups.back().whole = false;
  }
  std::ranges::sort(backups, {}, &BackupInfo::id);
  if (verify) RETURN_IF_ERROR(VerifyAll(dir, stop, &backups));
  return backups;
}

StatusOr<BackupInfo> FindBackup(const std::string& dir, uint32_t id) {
  ASSIGN_OR_RETURN(auto backups, ListBackups(dir, /*verify=*/false, /*stop=*/nullptr));
  if (Planted(Bug::kDamagedPassedOver)) {
    std::erase_if(backups, [](const BackupInfo& backup) { return backup.whole == false; });
  }
  if (backups.empty()) return NoDirectory(dir);
  if (id == 0) id = backups.back().id;
  const auto found = std::ranges::find(backups, id, &BackupInfo::id);
  if (found == backups.end() || found->whole == false) return MissingOrDamaged(id);
  return *found;
}

Status RestoreBackup(const std::string& dir, uint32_t id, const std::string& path) {
  ASSIGN_OR_RETURN(const auto engine, OpenToRead(dir));
  if (!engine->VerifyBackup(id, true).ok()) return MissingOrDamaged(id);
  const auto restored = engine->RestoreDBFromBackup(id, path, path);
  if (restored.IsCorruption()) return MissingOrDamaged(id);
  return Told(restored, "restore", dir, /*store=*/path);
}

}  // namespace cordon
