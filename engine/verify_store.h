// Reads a whole data directory without a server, and names what is damaged.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace cordon {

struct StoreVerdict {
  struct Damage {
    std::string where;  // a file, or a family and key
    std::string what;
  };
  uint64_t records = 0;    // of the store
  uint64_t documents = 0;  // decrypted
  uint64_t chunks = 0;
  uint64_t keys = 0;             // of documents, that are there
  uint64_t journal_records = 0;  // good ones
  std::vector<Damage> damage;    // at most kDamageMax
  // Files of the index that are damaged, or the file of their keys. Derived: a start makes them
  // anew, and nothing is lost.
  std::vector<Damage> derived;

  static constexpr size_t kDamageMax = 1000;
  bool ok() const { return damage.empty(); }
};

// Reads every block of every table, every record with its seal, those that are in the log alone
// included, every document and chunk with its key, the key store, the journals, and the files of
// the index, geometries too. The log is read as a start reads it, which drops what is behind
// damage: that shows as changes which the journal has and the store lacks. FAILED_PRECONDITION
// while a server holds the keys' directory: it may be writing. An error means that it could not be
// read at all.
StatusOr<StoreVerdict> VerifyStore(const DataPaths& paths);

}  // namespace cordon
