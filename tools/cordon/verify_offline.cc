#include "tools/cordon/verify_offline.h"

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "engine/verify_erased.h"
#include "engine/verify_journals.h"
#include "engine/verify_store.h"

namespace cordon {
namespace {

DataPaths ToPaths(const OfflinePaths& paths) {
  return {paths.data_dir,          paths.journal_dir, paths.journal_key,
          paths.keys_dir,          paths.master_key,  "",
          paths.master_key_command};
}

}  // namespace

StatusOr<JournalVerdict> VerifyOffline(const std::string& data_dir, const std::string& journal_dir,
                                       const std::string& journal_key) {
  spdlog::set_level(spdlog::level::off);  // the verdict says it all, on one line
  ASSIGN_OR_RETURN(const Verification found,
                   VerifyJournals(DataPaths{data_dir, journal_dir, journal_key}));
  return JournalVerdict{found.records, found.ok, found.first_bad, found.problem};
}

void AddOfflinePaths(CLI::App* command, OfflinePaths* paths) {
  command->add_option("--data-dir", paths->data_dir, "The store's directory")->required();
  command->add_option("--journal-dir", paths->journal_dir, "Where its journals are");
  command->add_option("--journal-key", paths->journal_key, "File with the journal's key");
  command->add_option("--keys-dir", paths->keys_dir, "Where the documents' keys are");
  command->add_option("--master-key", paths->master_key, "File with the key that seals them");
  command->add_option("--master-key-command", paths->master_key_command,
                      "Or the program that prints that key");
}

StatusOr<ErasureSearch> SearchOffline(const OfflinePaths& paths,
                                      const std::vector<std::string>& needles) {
  spdlog::set_level(spdlog::level::off);
  ASSIGN_OR_RETURN(const ErasedVerdict verdict, VerifyErased(ToPaths(paths), needles));
  ErasureSearch search{verdict.files, verdict.entries, verdict.decrypted, verdict.records_left, {}};
  for (const auto& found : verdict.found) search.found.emplace_back(found.file, found.where);
  return search;
}

StatusOr<StoreCheck> CheckStoreOffline(const OfflinePaths& paths) {
  spdlog::set_level(spdlog::level::off);
  ASSIGN_OR_RETURN(const StoreVerdict verdict, VerifyStore(ToPaths(paths)));
  StoreCheck check{verdict.records, verdict.documents,       verdict.chunks,
                   verdict.keys,    verdict.journal_records, {}};
  for (const auto& damage : verdict.damage) check.damage.emplace_back(damage.where, damage.what);
  for (const auto& file : verdict.derived) check.derived.emplace_back(file.where, file.what);
  return check;
}

}  // namespace cordon
