// Stores that crashed, and ways to damage their files.
#pragma once

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "tests/crash/engine_on_disk.h"

namespace cordon {

inline std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << content;
  CORDON_CHECK(out.good());
}

// A random file of `directory` whose name holds `part`, and that is not empty; "" if there is none.
inline std::string OneFile(const std::string& directory, const std::string& part, Rng* rng) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename();
    if (name.find(part) == name.npos || name.starts_with("LOG")) continue;
    if (entry.is_regular_file() && entry.file_size() > 0) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found.empty() ? "" : found[(*rng)() % found.size()];
}

// Cuts, flips, zeroes, overwrites or takes out bytes at a random offset, and says what it did.
inline std::string DamageFile(const std::string& path, Rng* rng) {
  std::string content = ReadFile(path);
  const size_t at = (*rng)() % content.size();
  const size_t count = std::min<size_t>(content.size() - at, 1 + (*rng)() % 700);
  static constexpr const char* kNames[] = {"cut", "flipped a bit of", "zeroed", "overwrote",
                                           "took out"};
  const uint64_t kind = (*rng)() % 5;
  if (kind == 0) content.resize(at);
  if (kind == 1) content[at] = static_cast<char>(content[at] ^ (1 << (*rng)() % 8));
  for (size_t i = at; i < at + count && (kind == 2 || kind == 3); ++i) {
    content[i] = kind == 2 ? '\0' : static_cast<char>((*rng)());
  }
  if (kind == 4) content.erase(at, count);
  WriteFile(path, content);
  return std::string(kNames[kind]) + " " + path + " at " + std::to_string(at);
}

// Runs `changes` on a new store, with a restart before those of `restarts`, and copies it to
// `crashed` while it is open. In a child process (InChild); 0 if all went well.
inline int MakeStoreThatCrashed(const DataPaths& paths, const std::string& crashed,
                                const std::vector<Change>& changes,
                                const std::set<size_t>& restarts) {
  namespace fs = std::filesystem;
  fs::remove_all(paths.data_dir);
  fs::remove_all(crashed);
  DiskModel disk(crashed + ".attic");
  CreateTemplate(paths, &disk);
  EngineOnDisk engine(paths, &disk);
  if (!engine.Open().ok()) return 1;
  for (size_t i = 0; i < changes.size(); ++i) {
    if (restarts.contains(i) && !engine.Open().ok()) return 2;
    if (!engine.Do(changes[i]).ok()) return 3;
  }
  // RocksDB drops files that it needs no more at any moment: a copy that misses one is made again.
  for (int attempt = 0; attempt < 20; ++attempt) {
    std::error_code missing;
    fs::remove_all(crashed);
    fs::copy(paths.data_dir, crashed, fs::copy_options::recursive, missing);
    if (!missing) return 0;
  }
  return 4;
}

}  // namespace cordon
