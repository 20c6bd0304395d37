// The `cordon` command line, as DESIGN §6 promises it to scripts.
#pragma once

#include <cstdio>

namespace cordon {

// Runs one command: answers on `out`, everything else on `err`. Returns the exit code: 0, 1 for a
// failure, 2 for wrong usage.
int RunCommandLine(int argc, const char* const* argv, std::FILE* out, std::FILE* err);

}  // namespace cordon
