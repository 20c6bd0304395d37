// What a verification of the journal found, by a server or without one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tools/cordon/output.h"

namespace cordon {

struct JournalVerdict {
  uint64_t records = 0;               // how many were read
  bool ok = false;                    // whether every chain holds
  std::optional<uint64_t> first_bad;  // the number of the first bad record, from 1
  std::string problem;                // what is wrong with it
};

// Answers with it; the exit code: 1 if a record is bad.
int Tell(const JournalVerdict& verdict, Output& output);

}  // namespace cordon
