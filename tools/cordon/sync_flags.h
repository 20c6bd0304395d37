// The options that a sync of a whole source has: of its directory records or its documents.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "tools/cordon/command.h"

namespace cordon {

struct SyncFlags {
  bool dry_run = false;
  bool allow_removals = false;
  uint32_t removals_max_percent = 0;  // 0: not given
  std::string reason;
};

// The guard against a source of which much is missing. `gone` is what may be missing, `share` what
// the percentage is of: both as --help says them.
inline void AddGuardFlags(CLI::App* sync, const std::string& gone, const std::string& share,
                          SyncFlags* flags) {
  sync->add_flag("--allow-removals", flags->allow_removals,
                 "Removes however many " + gone + " are missing");
  sync->add_option(
          "--removals-max", flags->removals_max_percent,
          "Refuses to remove more than this share of " + share + ", in percent; 10 if not given")
      ->check(CLI::PositiveNumber)  // the server would read 0 as the default
      ->type_name("PERCENT");
}

// The guard and the rest.
inline void AddSyncFlags(CLI::App* sync, const std::string& gone, const std::string& share,
                         SyncFlags* flags) {
  sync->add_flag("--dry-run", flags->dry_run, "Prints the difference and changes nothing");
  AddGuardFlags(sync, gone, share, flags);
  AddReason(sync, &flags->reason);
}

template <typename Begin>
void SetSyncFlags(const SyncFlags& flags, Begin* begin) {
  begin->set_dry_run(flags.dry_run);
  begin->set_allow_removals(flags.allow_removals);
  begin->set_removals_max_percent(flags.removals_max_percent);
  begin->set_reason(flags.reason);
}

}  // namespace cordon
