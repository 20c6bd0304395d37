// journal verify, without a server.
#include "engine/verify_journals.h"

#include "tools/cordon/journal_verdict.h"
#include "tools/cordon/offline/add_check.h"

namespace cordon {
namespace {

StatusOr<int> CheckJournals(const OfflinePaths& paths, Output& output) {
  ASSIGN_OR_RETURN(const Verification found, VerifyJournals(ToDataPaths(paths)));
  return Tell(JournalVerdict{found.records, found.ok, found.first_bad, found.problem}, output);
}

}  // namespace

void AddVerifyJournals(CLI::App& app, std::function<int()>* run) {
  const auto paths = std::make_shared<OfflinePaths>();
  CLI::App* const command =
      AddCheck(app, "journal", "verify the journals' chains", paths, CheckJournals, run);
  AddJournalPaths(command, paths.get());
}

}  // namespace cordon
