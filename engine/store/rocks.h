// RocksDB as store/ holds it. Internal to store/.
#pragma once

#include <rocksdb/db.h>

#include <array>
#include <memory>
#include <mutex>

#include "engine/store/database.h"
#include "engine/store/kept_records.h"

namespace cordon {

inline std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }
inline rocksdb::Slice Slice(std::string_view view) { return {view.data(), view.size()}; }

// Where half of so many neighbours in a table file are deletions, it is written anew in the
// background.
inline constexpr size_t kDeletionWindow = 4096;  // entries

// RocksDB's status as ours; its text goes to the log only.
Status Translate(const rocksdb::Status& status, std::string_view doing);

struct Database::Rocks {
  std::unique_ptr<rocksdb::Env> disk;  // outlives `db`
  std::unique_ptr<rocksdb::DB> db;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> families{};
  // Filled anew by each write: fresh memory for megabytes costs more than filling it.
  std::mutex filling;
  rocksdb::WriteBatch filled{/*reserved_bytes=*/0, /*max_bytes=*/0,
                             /*protection_bytes_per_key=*/8, /*default_cf_ts_sz=*/0};

  // Several threads sync, and the disk tells only one of them that it has lost something.
  std::mutex syncing;
  Status synced;  // guarded by syncing: the first failure

  // What snapshots keep.
  const std::shared_ptr<KeptBytes> kept = std::make_shared<KeptBytes>();

  rocksdb::ColumnFamilyHandle* Of(Family family) const {
    return families[static_cast<size_t>(family)];
  }
  // Requires `filling`.
  Status Fill(const Batch& batch);
};

}  // namespace cordon
