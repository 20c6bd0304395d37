// Backups of the store, by RocksDB's BackupEngine: incremental, online, with checksums.
//
// Without journal, keys and indexes: the first two are witnesses and must be the newest, the last
// are made anew.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/store/database.h"

namespace cordon {

struct BackupInfo {
  uint32_t id = 0;
  int64_t time_us = 0;
  uint64_t bytes = 0;
  uint64_t revision = 0;  // of the first tenant, at least
  // On disk, of the store. Backups that do not say it are of a time when there was this one alone.
  std::string format = "cordon 2";
  // Once it is verified; false without, and nothing else known, if RocksDB cannot read its list.
  std::optional<bool> whole;
};

// Ends the backup under way, or the verification, and every later one, soon: a server that stops
// does not wait for gigabytes to be copied or read. Thread-safe.
class BackupStop {
 public:
  void Stop();
  bool stopped() const;

 private:
  friend class StoppableBackup;
  mutable std::mutex mutex_;
  bool stopped_ = false;            // guarded by mutex_
  std::function<void()> end_copy_;  // of what is under way, or empty; guarded by mutex_
};

// Makes a backup into `dir`, synced, and then deletes all but the `keep` newest, and damaged ones
// that cannot be listed; 0 keeps all. It notes `revision` and `format`.
// UNAVAILABLE or RESOURCE_EXHAUSTED if that failed, of `backup_dir` or, if it was the store's disk,
// of `data_dir`; DATA_LOSS if a file of earlier backups is damaged; UNAVAILABLE too once `stop`
// says so. What it left is no backup, and the next one clears it away, or is one that was not
// verified. One at a time, verifications included.
StatusOr<BackupInfo> MakeBackup(const Database& database, const std::string& dir, uint64_t revision,
                                std::string_view format, uint32_t keep, BackupStop* stop);

// Oldest first, damaged ones included. With `verify` every file is read and its checksum compared,
// in a directory that must be writable; UNAVAILABLE once `stop` says so.
StatusOr<std::vector<BackupInfo>> ListBackups(const std::string& dir, bool verify,
                                              BackupStop* stop);

// The backup `id`, 0 for the newest. FAILED_PRECONDITION if there are none, DATA_LOSS if that one
// is missing or cannot be listed: not the one before it, since to restore that is to give up all
// that came after.
StatusOr<BackupInfo> FindBackup(const std::string& dir, uint32_t id);

// Writes the backup `id` as a store to `path`, which must not exist. DATA_LOSS if it is missing or
// damaged.
Status RestoreBackup(const std::string& dir, uint32_t id, const std::string& path);

}  // namespace cordon
