// Leaves to cordond what takes the engine: so this program starts without it, and a client's
// machine needs none of its libraries.
#pragma once

#include "engine/base/status.h"

namespace CLI {
class App;
}

namespace cordon {

// Runs cordond, the one in the folder of this program or else the one in PATH, instead of this
// process: the same streams, and its exit code. It has `command`, a command within another, by the
// same words and options (tools/cordon/offline/). Comes back only with why it cannot be run.
Status RunCordond(const CLI::App& command, bool json);

}  // namespace cordon
