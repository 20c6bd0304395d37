// Where a server's files are, for the commands that read them without it.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace cordon {

// What is empty is where the server looks for it.
struct OfflinePaths {
  std::string data_dir;
  std::string journal_dir;
  std::string journal_key;
  std::string keys_dir;
  std::string master_key;
  std::string master_key_command;
};

// Adds the options of the journals to `command`, or all; `paths` outlives its run.
void AddJournalPaths(CLI::App* command, OfflinePaths* paths);
void AddOfflinePaths(CLI::App* command, OfflinePaths* paths);

}  // namespace cordon
