// The commands of `cordon` that read a store's files without a server. They take the engine, so
// they are cordond's as well, by the same words, options and answers, and cordon runs it for them.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace cordon {

// Adds `journal verify`, `erase verify` and `store verify` to `app`. When one of them was parsed,
// `run` does it and returns the exit code; else it stays as it was. `run` outlives `app`.
void AddOfflineCommands(CLI::App& app, std::function<int()>* run);

}  // namespace cordon
