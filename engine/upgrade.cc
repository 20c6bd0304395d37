#include "engine/upgrade.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>

#include "engine/base/directory_lock.h"
#include "engine/base/replace_file.h"
#include "engine/base/text_check.h"

namespace cordon {
namespace {

Status Refused(std::string message) {
  return Status(StatusCode::kFailedPrecondition, "data_dir", std::move(message));
}

// What FORMAT says while a step goes on.
std::string Underway(const UpgradeStep& step) {
  return fmt::format("{} to {}", step.from, step.to);
}

StatusOr<std::string> ReadFormat(const DataPaths& paths) {
  std::error_code error;
  const bool format = std::filesystem::exists(paths.Format(), error);
  if (!format && std::filesystem::exists(paths.Store(), error)) {
    return Refused(paths.Format() +
                   " is missing beside a store: its creation was interrupted, or the file was "
                   "lost. If the store was never used, delete the directory; else put the file "
                   "back from a copy");
  }
  if (!format && std::filesystem::exists(paths.Restoring(), error)) {
    return Refused(paths.data_dir +
                   " holds what an interrupted restore left. Run the same restore again, or "
                   "restore to a new directory");
  }
  if (!format) {
    return Refused(paths.data_dir + " holds no store; create one with cordond init");
  }
  std::ifstream file(paths.Format());
  std::string version;
  std::getline(file, version);
  return version;
}

Status CheckWhole(const DataPaths& paths) {
  std::error_code error;
  if (std::filesystem::exists(paths.Store(), error)) return OkStatus();
  return Refused(paths.Store() +
                 " is missing: a restore was interrupted, or the directory was lost. Run the "
                 "same restore again, or restore to a new directory");
}

// The number of a format; nothing if it is none.
std::optional<uint32_t> NumberOf(std::string_view format) {
  constexpr std::string_view kName = "cordon ";
  if (!format.starts_with(kName)) return std::nullopt;
  const std::string_view digits = format.substr(kName.size());
  uint32_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size();
  return whole ? std::optional(number) : std::nullopt;
}

// The step that a store of this format needs next, or that was interrupted; the end if there is
// none.
auto FindStep(std::span<const UpgradeStep> steps, const std::string& format) {
  return std::find_if(steps.begin(), steps.end(), [&](const UpgradeStep& step) {
    return format == step.from || format == Underway(step);
  });
}

// Of a format that no step begins with.
Status NoWay(const std::string& format, std::span<const UpgradeStep> steps) {
  const auto number = NumberOf(format);
  if (!number) {
    const bool readable = CheckName("", format, /*bytes_max=*/40).ok();
    return Refused(fmt::format(
        "the store has {}, this server reads '{}'; use the server that "
        "wrote it, or put FORMAT back from a copy",
        readable ? "format '" + format + "'" : "no format that is known", kFormatVersion));
  }
  if (*number > *NumberOf(kFormatVersion)) {
    return Refused(
        fmt::format("the store has format '{}', which is newer than '{}' of this server; "
                    "use the server that wrote it, or a later one",
                    format, kFormatVersion));
  }
  const std::string_view oldest = steps.empty() ? kFormatVersion : steps.front().from;
  return Refused(
      fmt::format("the store has format '{}'; the oldest that this server reads or "
                  "upgrades is '{}'. Upgrade it with an earlier server first, or write "
                  "its documents into a new store",
                  format, oldest));
}

Status Run(const DataPaths& paths, const UpgradeStep& step) {
  {
    // Who has the store open has its keys. A server that is started later reads FORMAT.
    ASSIGN_OR_RETURN(const DirectoryLock held, DirectoryLock::Take("keys_dir", paths.Keys()));
    RETURN_IF_ERROR(ReplaceFile(paths.Format(), Underway(step) + "\n", "data_dir"));
  }
  RETURN_IF_ERROR(step.run(paths));
  return ReplaceFile(paths.Format(), std::string(step.to) + "\n", "data_dir");
}

}  // namespace

std::span<const UpgradeStep> UpgradeSteps() { return {}; }

Status CheckFormat(const DataPaths& paths, std::span<const UpgradeStep> steps) {
  ASSIGN_OR_RETURN(const std::string format, ReadFormat(paths));
  if (format == kFormatVersion) return CheckWhole(paths);
  const auto step = FindStep(steps, format);
  if (step == steps.end()) return NoWay(format, steps);
  if (format == step->from) {
    return Refused(
        fmt::format("the store has format '{}', this server reads '{}'; make a backup "
                    "with the server that wrote it, then run cordond upgrade",
                    format, kFormatVersion));
  }
  return Refused(
      fmt::format("an upgrade from '{}' to '{}' was interrupted; run cordond upgrade "
                  "again",
                  step->from, step->to));
}

Status CheckBackupFormat(const BackupInfo& backup, std::string_view format) {
  if (backup.format == format) return OkStatus();
  return Status(StatusCode::kFailedPrecondition, "backup",
                fmt::format("backup {} is of a store of format '{}', this program restores '{}'; "
                            "restore it with the cordond that made it, and upgrade that",
                            backup.id, backup.format, format));
}

StatusOr<std::string> Upgrade(const DataPaths& paths, std::span<const UpgradeStep> steps) {
  RETURN_IF_ERROR(ReadFormat(paths).status());
  // Keeps other upgrades out to the end. What FORMAT says counts from now on.
  ASSIGN_OR_RETURN(const DirectoryLock alone, DirectoryLock::Take("data_dir", paths.data_dir));
  ASSIGN_OR_RETURN(std::string format, ReadFormat(paths));
  RETURN_IF_ERROR(CheckWhole(paths));
  if (format == kFormatVersion) return format;
  auto step = FindStep(steps, format);
  if (step == steps.end()) return NoWay(format, steps);
  for (; step != steps.end(); ++step) RETURN_IF_ERROR(Run(paths, *step));
  return format;
}

}  // namespace cordon
