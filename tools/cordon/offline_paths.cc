#include "tools/cordon/offline_paths.h"

#include <CLI/CLI.hpp>

namespace cordon {

void AddJournalPaths(CLI::App* command, OfflinePaths* paths) {
  command->add_option("--data-dir", paths->data_dir, "The store's directory")->required();
  command->add_option("--journal-dir", paths->journal_dir, "Where its journals are");
  command->add_option("--journal-key", paths->journal_key, "File with the journal's key");
}

void AddOfflinePaths(CLI::App* command, OfflinePaths* paths) {
  AddJournalPaths(command, paths);
  command->add_option("--keys-dir", paths->keys_dir, "Where the documents' keys are");
  command->add_option("--master-key", paths->master_key, "File with the key that seals them");
  command->add_option("--master-key-command", paths->master_key_command,
                      "Or the program that prints that key");
}

}  // namespace cordon
