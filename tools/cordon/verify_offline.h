// Verifies and searches a data directory without a server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/status.h"

namespace CLI {
class App;
}

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

// Where a server's files are; what is empty is where the server looks for it.
struct OfflinePaths {
  std::string data_dir;
  std::string journal_dir;
  std::string journal_key;
  std::string keys_dir;
  std::string master_key;
  std::string master_key_command;
};
void AddOfflinePaths(CLI::App* command, OfflinePaths* paths);

// What a search for bytes found, and where.
struct ErasureSearch {
  uint64_t files = 0;
  uint64_t entries = 0;
  uint64_t decrypted = 0;
  uint64_t records_left = 0;
  std::vector<std::pair<std::string, std::string>> found;  // file, and where in it
  bool ok() const { return found.empty() && records_left == 0; }
};
StatusOr<ErasureSearch> SearchOffline(const OfflinePaths& paths,
                                      const std::vector<std::string>& needles);

// What a check of the whole store found.
struct StoreCheck {
  uint64_t records = 0;
  uint64_t documents = 0;
  uint64_t chunks = 0;
  uint64_t keys = 0;
  uint64_t journal_records = 0;
  std::vector<std::pair<std::string, std::string>> damage;  // where, and what
  // Likewise of files that the next start makes anew: no loss.
  std::vector<std::pair<std::string, std::string>> derived = {};
};
StatusOr<StoreCheck> CheckStoreOffline(const OfflinePaths& paths);

}  // namespace cordon
