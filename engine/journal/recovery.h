// What a journal does with its files before it writes the first record of its own.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "engine/base/clock.h"
#include "engine/journal/log_file.h"
#include "engine/journal/record_index.h"

namespace cordon::journal {

// Where the journal goes on.
struct Recovered {
  std::unique_ptr<LogFile> file;  // the newest, synced
  Mark end;                       // where the next record will begin
  JournalAnchor last;
  uint64_t last_revision = 0;  // of the last mutation
  Micros last_time = 0;        // of the last record
  uint64_t cut_bytes = 0;      // of a torn end; 0 if nothing was torn
};

// Reads and checks all of the journal in `directory`, shows each record to `visit`, notes its
// places in `index`, cuts a torn end, and begins a journal where there is none. The caller holds
// the directory's lock.
//
// Refuses (see Damage::ToStatus): damage that is no torn end, another key, another tenant; and
// DATA_LOSS if the chain does not pass through `anchor`, with nothing cut.
StatusOr<Recovered> Recover(const std::filesystem::path& directory, const std::string& tenant,
                            const ChainKeys& keys, const std::optional<JournalAnchor>& anchor,
                            LogFiles* files, RecordIndex* index,
                            const std::function<void(const v1::Record&)>& visit = {});

}  // namespace cordon::journal
