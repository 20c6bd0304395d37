// How each check of a store's files is declared, and how it comes to run.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "engine/engine.h"
#include "tools/cordon/offline_paths.h"
#include "tools/cordon/output.h"

namespace cordon {

void AddVerifyJournals(CLI::App& app, std::function<int()>* run);
void AddVerifyErased(CLI::App& app, std::function<int()>* run);
void AddVerifyStore(CLI::App& app, std::function<int()>* run);

DataPaths ToDataPaths(const OfflinePaths& paths);

// Does one of them: the exit code.
int RunCheck(bool json, const std::function<StatusOr<int>(Output&)>& check);

// Adds `FAMILY verify`, which does `check` with what was parsed into `options`. The value of
// `check` is the exit code; an error is told and becomes 1.
template <typename Options>
CLI::App* AddCheck(CLI::App& app, const std::string& family, const std::string& description,
                   const std::shared_ptr<Options>& options,
                   StatusOr<int> (*check)(const Options&, Output&), std::function<int()>* run) {
  CLI::App* const parent = app.add_subcommand(family, description);
  parent->require_subcommand(1);
  CLI::App* const command = parent->add_subcommand("verify", description);
  const auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "answer in JSON, one object a line");
  command->callback([=] {
    *run = [=] { return RunCheck(*json, [&](Output& output) { return check(*options, output); }); };
  });
  return command;
}

}  // namespace cordon
