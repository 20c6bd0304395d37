// Searches all files of a data directory, without a server, for bytes that must be gone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace cordon {

struct ErasedVerdict {
  struct Found {
    std::string file;
    std::string where;  // in it: "bytes", "a record of …"
  };
  uint64_t files = 0;
  uint64_t entries = 0;       // of tables and logs, hidden ones included
  uint64_t decrypted = 0;     // of these, opened with a key that is there
  uint64_t records_left = 0;  // records whose keys are destroyed
  std::vector<Found> found;   // at most kFoundMax

  static constexpr size_t kFoundMax = 1000;
  bool ok() const { return found.empty() && records_left == 0; }
};

// Decodes every block of every table, every record of the log, the MANIFEST and the journals, every
// file of the index, geometries included, decrypts what still has a key (what a restored store is
// told included), and looks for each of `needles` in that and in every file as it is. An error
// means that something could not be read: then nothing is proven.
StatusOr<ErasedVerdict> VerifyErased(const DataPaths& paths,
                                     const std::vector<std::string>& needles);

}  // namespace cordon
