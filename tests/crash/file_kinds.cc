#include "tests/crash/file_kinds.h"

#include <algorithm>
#include <optional>

namespace cordon {
namespace {

// What kind of file it is: its role in a data directory; empty for what is not watched.
std::string KindInStore(const std::string& below) {
  const std::string file = below.substr(below.rfind('/') + 1);
  const bool temporary = file.ends_with(".tmp");
  if (below.empty()) return "data_dir";
  for (const char* directory : {"store", "journal", "index", "keys"}) {
    if (below == directory) return below + "_dir";
  }
  if (below == "store.restoring") return "restoring_dir";
  if (below.starts_with("journal/")) {
    if (file.find('.') == file.npos) return "tenant_dir";
    return temporary ? "journal_tmp" : "journal";
  }
  if (below.starts_with("index/")) {
    if (file.find(".geometry") != file.npos) return temporary ? "geometry_tmp" : "geometry";
    return temporary ? "index_tmp" : "index";
  }
  if (below.starts_with("keys/")) {
    const std::string kind = file.starts_with("files") ? "file_keys" : "keys";
    return temporary ? kind + "_tmp" : kind;
  }
  if (!below.starts_with("store/") && !below.starts_with("store.restoring/")) {
    return file.substr(0, file.find('.')) + (temporary ? "_tmp" : "");
  }
  if (file.ends_with(".dbtmp") || file == "CURRENT.tmp") return "current_tmp";
  if (file.starts_with("MANIFEST-")) return "manifest";
  if (file == "CURRENT") return "current";
  if (file.ends_with(".sst")) return "table";
  if (file.ends_with(".log")) return "wal";
  return "";  // RocksDB's info log, its lock, its identity
}

// The same of a directory of backups: its tables, what each backup has for itself, and the list of
// that, with which it is one.
std::string KindInBackups(const std::string& below) {
  const std::string file = below.substr(below.rfind('/') + 1);
  const bool temporary = file.ends_with(".tmp");
  if (below.find('/') == below.npos) return "backup_" + (below.empty() ? "all" : below) + "_dir";
  if (below.starts_with("meta/")) return temporary ? "backup_list_tmp" : "backup_list";
  if (below.starts_with("shared")) return temporary ? "backup_table_tmp" : "backup_table";
  if (std::count(below.begin(), below.end(), '/') == 1) return "backup_own_dir";
  return "backup_" + KindInStore("store/" + file);
}

}  // namespace

std::string KindOf(const std::string& root, const std::string& path) {
  if (!path.starts_with(root)) return "";
  const std::string below = path.substr(std::min(path.size(), root.size() + 1));
  const auto in = [&](const std::string& directory) -> std::optional<std::string> {
    if (below == directory) return "";
    if (!below.starts_with(directory + "/")) return std::nullopt;
    return below.substr(directory.size() + 1);
  };
  if (const auto backup = in("backups")) return KindInBackups(*backup);
  if (const auto data = in("data")) return KindInStore(*data);
  if (const auto restored = in("restored")) {
    const std::string kind = KindInStore(*restored);
    return kind.empty() ? "" : "new_" + kind;
  }
  return KindInStore(below);
}

}  // namespace cordon
