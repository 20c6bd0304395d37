// Verifies the journals of a data directory without a server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/status.h"

namespace cordon {

// What a verification found.
struct JournalVerdict {
  uint64_t records = 0;               // how many were read
  bool ok = false;                    // whether every chain holds
  std::optional<uint64_t> first_bad;  // the number of the first bad record, from 1
  std::string problem;                // what is wrong with it
};

// Reads every journal below `data_dir`, or below `journal_dir` where it is not empty, with the key
// in `journal_key` (empty: where the server looks for it). An error means that they could not be
// read at all; a bad record is no error.
StatusOr<JournalVerdict> VerifyOffline(const std::string& data_dir, const std::string& journal_dir,
                                       const std::string& journal_key);

}  // namespace cordon
