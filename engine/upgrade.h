// From one format on disk to the next (docs/decisions/format.md). A store of an older format is not
// opened: `cordond upgrade` makes it one of today's, for the server that wrote it reads it no more.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "engine/format.h"

namespace cordon {

// Makes a store of the format `from` one of `to`. Opens by itself what it changes. It may be run
// again on whatever a crash or an error has left of it, from nothing to all but the name.
struct UpgradeStep {
  std::string_view from;
  std::string_view to;
  std::function<Status(const DataPaths& paths)> run;
};

// What this server can do: each step goes on where the one before ends, and the last ends at
// kFormatVersion. None so far: no format before that one was released.
std::span<const UpgradeStep> UpgradeSteps();

// FAILED_PRECONDITION unless `data_dir` holds a store of this format; says what to do instead.
Status CheckFormat(const DataPaths& paths, std::span<const UpgradeStep> steps = UpgradeSteps());

// FAILED_PRECONDITION unless the backup is of a store of `format`: it would be taken for one.
Status CheckBackupFormat(const BackupInfo& backup, std::string_view format = kFormatVersion);

// Makes the store one of this format, one step after the other, and returns what it was. FORMAT
// says before each step `FROM to TO`, which no server opens, and TO only after it: whatever ends an
// upgrade, the next one goes on. FAILED_PRECONDITION for a format that no step begins with, a newer
// one included, while another upgrade is at work, and while a server has the store open; then
// nothing is changed. Errors of a step.
StatusOr<std::string> Upgrade(const DataPaths& paths,
                              std::span<const UpgradeStep> steps = UpgradeSteps());

}  // namespace cordon
