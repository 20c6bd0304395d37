// A process that re-embeds a collection until it dies, and what must be found afterwards.
#pragma once

#include <string>
#include <vector>

#include "tests/crash/crash_scripts.h"

namespace cordon {

// A store with two collections of the same documents: `docs`, and `twin`, which is embedded by the
// model from the beginning that `docs` is to have.
std::string PrepareEmbedding(const CrashPaths& paths);

// Begins another model for `docs`, switches to it when it is whole, and drops the one before; each
// acknowledged change is a line in `expected`.
std::string EmbedScript(const CrashPaths& paths);

// Opens what a crash left, goes on to the switch, and asks both collections. What is wrong; nothing
// if all is well.
std::vector<std::string> CheckEmbedded(const CrashPaths& paths);

}  // namespace cordon
