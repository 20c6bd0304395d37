// Scripts that run in a process of their own until it comes to a place (crash_points.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/crash/crash_points.h"

namespace cordon {

// What a process is to do. An empty place is none: it runs to its end.
struct ScriptRun {
  std::string script;
  std::string root;  // of CrashPaths
  uint64_t seed = 0;
  std::string place = "";
  uint64_t nth = 0;
  Mishap mishap = Mishap::kKilled;
};

// Runs it. The exit code, or 128 + N for signal N.
int RunUntil(const ScriptRun& run);

// How often the last whole run came to each place.
using Counts = std::map<std::string, uint64_t>;
Counts Census(const std::string& root);

// Runs it in a copy of `prepared` (empty: of nothing) that replaces its root, until the mishap has
// happened; a process that only had a failure goes on. The place may be come to less often than
// `nth` this time: then the first time counts.
void Crash(ScriptRun run, const std::string& prepared);

// For main(): the exit code if this is the process of a script, which `work` does and returns what
// went wrong of. It calls BeginScript() first.
std::optional<int> AsScript(int argc, char** argv,
                            const std::function<std::string(const ScriptRun&)>& work);
void BeginScript(const ScriptRun& run, const std::vector<std::string>& sync_points);

}  // namespace cordon
