#include "tools/cordon/verify_offline.h"

#include <spdlog/spdlog.h>

#include "engine/verify_journals.h"

namespace cordon {

StatusOr<JournalVerdict> VerifyOffline(const std::string& data_dir, const std::string& journal_dir,
                                       const std::string& journal_key) {
  spdlog::set_level(spdlog::level::off);  // the verdict says it all, on one line
  ASSIGN_OR_RETURN(const Verification found,
                   VerifyJournals(DataPaths{data_dir, journal_dir, journal_key}));
  return JournalVerdict{found.records, found.ok, found.first_bad, found.problem};
}

}  // namespace cordon
