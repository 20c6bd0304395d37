// RocksDB's file system and the journal's files on one modelled disk: RocksDB 7.8's own
// fault_injection_fs is not shipped.
#pragma once

#include <rocksdb/env.h>

#include <memory>

#include "engine/journal/log_file.h"
#include "tests/crash/disk_model.h"

namespace cordon {

// RocksDB on `disk`, which outlives it. LOG and LOCK are no part of the model.
std::unique_ptr<rocksdb::Env> StoreOn(DiskModel* disk);

// The journal on `disk`, which outlives it. Its reads are not modelled.
std::shared_ptr<journal::LogFiles> JournalOn(DiskModel* disk);

}  // namespace cordon
