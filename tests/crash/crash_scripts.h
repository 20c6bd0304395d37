// What a process does until it dies at a crash point; each is run in a process of its own.
#pragma once

#include <string>

#include "engine/engine.h"

namespace cordon {

// Where things lie below one directory.
struct CrashPaths {
  explicit CrashPaths(const std::string& root)
      : root(root), data{root + "/data", "", ""}, expected(root + "/expected") {}
  std::string root;
  DataPaths data;
  std::string expected;  // an ExpectedFile
};

StatusOr<std::unique_ptr<Engine>> OpenAt(const CrashPaths& paths);

// Opens the store, sends `steps` times a change of every lane at once, and closes it. Returns what
// went wrong.
std::string ServeScript(const CrashPaths& paths, uint64_t seed, int steps);

// Creates a store.
std::string CreateScript(const CrashPaths& paths);

// Fills a journal of small files; each acknowledged sequence is a line in `expected`.
std::string RotateScript(const CrashPaths& paths);

// The options of that journal, and how many records it is to get.
Journal::Options RotatingJournal(const CrashPaths& paths);
inline constexpr uint64_t kRotatedRecords = 60;

// What CreateScript puts into the key file.
MadeKey FirstKey();

// What every store begins with, by ServeScript's lanes: the collection, and who sees all.
std::string SetUpStore(const CrashPaths& paths);

}  // namespace cordon
