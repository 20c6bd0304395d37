// The last record of RocksDB's MANIFEST after a power loss.
//
// RocksDB syncs each record of this file before it relies on it, so one that is half written or
// garbled, with nothing behind it, was never relied on. Unlike such a record of its write-ahead
// log, RocksDB takes it for damage and does not open. What is cut here and had been synced
// nevertheless shows: the store is then behind its journal, and is refused.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace rocksdb {
class Env;
}

namespace cordon {

// How many bytes of a MANIFEST (RocksDB's log format: blocks of 32 KiB, records of checksum, length
// and type) come before a damaged record that is the last one; all of them if there is none, or if
// anything whole follows the damage.
size_t BytesBeforeTornRecord(std::string_view manifest);

// Takes a torn last record off the MANIFEST of the store in `path`, and keeps the file as it was
// beside it, as "torn-NAME". True if there was one. Requires that nobody has the store open.
StatusOr<bool> CutTornManifest(rocksdb::Env* env, const std::string& path);

}  // namespace cordon
