#include "tools/cordon/walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "tools/cordon/extract.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

Status Unreadable(const fs::path& path, const std::error_code& error) {
  return Invalid("file", fmt::format("{}: cannot read: {}; check the path and its permissions",
                                     path.native(), error.message()));
}

// True if `path` lies below `root`; both are canonical.
bool IsBelow(const fs::path& path, const fs::path& root) {
  return std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
}

class Walker {
 public:
  explicit Walker(fs::path root) : root_(std::move(root)) {}

  StatusOr<FileList> Walk() {
    folders_.push_back("");
    while (!folders_.empty()) {
      const std::string folder = std::move(folders_.back());
      folders_.pop_back();
      RETURN_IF_ERROR(List(folder));
    }
    std::sort(list_.files.begin(), list_.files.end());
    std::sort(list_.skipped.begin(), list_.skipped.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    return std::move(list_);
  }

 private:
  Status List(const std::string& folder) {
    std::error_code error;
    fs::directory_iterator entries(root_ / folder, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      RETURN_IF_ERROR(Take(*entries, folder + entries->path().filename().native()));
    }
    return error ? Unreadable(root_ / folder, error) : OkStatus();
  }

  Status Take(const fs::directory_entry& entry, const std::string& path) {
    std::error_code error;
    const fs::file_status status = entry.symlink_status(error);
    if (error) return Unreadable(entry.path(), error);
    const bool link = fs::is_symlink(status);
    if (entry.path().filename().native().starts_with('.')) {
      Skip(path, "hidden");
    } else if (fs::is_directory(status)) {
      folders_.push_back(path + "/");
    } else if (!link && !fs::is_regular_file(status)) {
      Skip(path, "not a regular file");
    } else if (!link && !FormatOf(path).has_value()) {
      Skip(path, "unknown format");
    } else if (link) {
      TakeLink(entry, path);
    } else {
      list_.files.push_back(path);
    }
    return OkStatus();
  }

  void TakeLink(const fs::directory_entry& entry, const std::string& path) {
    std::error_code error;
    const fs::path target = fs::canonical(entry.path(), error);
    if (error) return Skip(path, "a link to nothing");
    if (!IsBelow(target, root_)) return Skip(path, "a link out of the directory");
    if (fs::is_directory(target, error)) return Skip(path, "a linked folder");
    if (!fs::is_regular_file(target, error)) return Skip(path, "not a regular file");
    if (!FormatOf(path).has_value()) return Skip(path, "unknown format");
    list_.files.push_back(path);
  }

  void Skip(const std::string& path, std::string_view reason) {
    list_.skipped.push_back({path, std::string(reason)});
  }

  const fs::path root_;               // canonical
  std::vector<std::string> folders_;  // to be read, relative, each ending with '/'
  FileList list_;
};

}  // namespace

StatusOr<FileList> ListFiles(const std::string& directory) {
  std::error_code error;
  const fs::path root = fs::canonical(directory, error);
  if (error) return Unreadable(directory, error);
  if (!fs::is_directory(root, error)) {
    return Invalid("file", fmt::format("{}: not a directory; give one", directory));
  }
  return Walker(root).Walk();
}

}  // namespace cordon
