#include "tools/cordon/offline/offline.h"

#include <spdlog/spdlog.h>

#include <cstdio>

#include "tools/cordon/offline/add_check.h"

namespace cordon {

DataPaths ToDataPaths(const OfflinePaths& paths) {
  return {paths.data_dir,          paths.journal_dir, paths.journal_key,
          paths.keys_dir,          paths.master_key,  "",
          paths.master_key_command};
}

int RunCheck(bool json, const std::function<StatusOr<int>(Output&)>& check) {
  spdlog::set_level(spdlog::level::off);  // the verdict says it all, on one line
  Output output(json, stdout, stderr);
  const StatusOr<int> code = check(output);
  return output.Finish(code.ok() ? *code : output.Fail(code.status()));
}

void AddOfflineCommands(CLI::App& app, std::function<int()>* run) {
  AddVerifyJournals(app, run);
  AddVerifyErased(app, run);
  AddVerifyStore(app, run);
}

}  // namespace cordon
