// Files of RocksDB as they lie on the disk: every entry, also what newer ones hide.
//
// Formats: block-based tables of versions 1 to 5 without compression, and the log format that the
// write-ahead log and the MANIFEST share (RocksDB's wiki, "Rocksdb BlockBasedTable Format" and
// "Write Ahead Log File Format"). What is of another form is refused, never passed over.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/store/schema.h"

namespace cordon {

// One entry of a table or of a batch in the log.
struct RawEntry {
  Family family;
  std::string_view key;    // as the store made it
  std::string_view value;  // empty for a deletion
  bool deletion;
};
using VisitEntry = std::function<Status(const RawEntry&)>;

// Calls `visit` for each entry of a table file. DATA_LOSS if it is damaged or of another form.
// NOT_FOUND if the file is gone.
Status ReadTableFile(const std::string& path, const VisitEntry& visit);

// Calls `visit` for each whole record of a log or MANIFEST, with what was split put together.
using VisitLogRecord = std::function<Status(std::string_view record)>;
Status ReadLogFile(const std::string& path, const VisitLogRecord& visit);

// Calls `visit` for each entry of a record of the log.
Status ReadLogRecord(std::string_view record, const VisitEntry& visit);

}  // namespace cordon
