#include "engine/base/replace_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

namespace cordon {
namespace {

namespace fs = std::filesystem;

// What the system said last.
Status Failed(std::string_view field, const fs::path& path, std::string_view doing) {
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT;
  return Status(full ? StatusCode::kResourceExhausted : StatusCode::kUnavailable, field,
                fmt::format("cannot {} {}: {}", doing, path.string(),
                            std::generic_category().message(error)));
}

fs::path DirectoryOf(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// A file that is overwritten, by whatever name it has by then.
class OldFile {
 public:
  explicit OldFile(const fs::path& path)
      : fd_(::open(path.c_str(), O_WRONLY | O_CLOEXEC)), error_(fd_ < 0 ? errno : 0) {}
  ~OldFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OldFile(const OldFile&) = delete;
  OldFile& operator=(const OldFile&) = delete;

  // Ok also if there was none.
  Status Opened(const fs::path& path, std::string_view field) const {
    if (fd_ >= 0 || error_ == ENOENT) return OkStatus();
    errno = error_;
    return Failed(field, path, "open the old");
  }

  // Overwrites it with zeros where it lies.
  Status Wipe(const fs::path& path, std::string_view field) const {
    RETURN_IF_ERROR(Opened(path, field));
    if (fd_ < 0) return OkStatus();
    struct stat info;
    if (::fstat(fd_, &info) != 0) return Failed(field, path, "examine the old");
    const std::string zeros(64 << 10, '\0');
    for (off_t at = 0; at < info.st_size;) {
      const auto count = std::min<off_t>(info.st_size - at, static_cast<off_t>(zeros.size()));
      const ssize_t written = ::pwrite(fd_, zeros.data(), static_cast<size_t>(count), at);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Failed(field, path, "overwrite the old");
      at += written;
    }
    return ::fdatasync(fd_) == 0 ? OkStatus() : Failed(field, path, "sync the old");
  }

 private:
  const int fd_;
  const int error_;
};

// `fresh` takes the name. What had it, if anything, then has the name of `fresh`, by which it is
// found again after a crash; where the file system cannot do that it has none.
bool TakeName(const fs::path& fresh, const fs::path& path) {
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) == 0) {
    return true;
  }
  const bool none_or_cannot = errno == ENOENT || errno == EINVAL || errno == ENOSYS;
  return none_or_cannot && ::rename(fresh.c_str(), path.c_str()) == 0;
}

Status WriteNew(const fs::path& path, std::string_view content, std::string_view field) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return Failed(field, path, "create");
  Status status;
  while (status.ok() && !content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      status = Failed(field, path, "write");
    } else {
      content.remove_prefix(static_cast<size_t>(written));
    }
  }
  if (status.ok() && ::fsync(fd) != 0) status = Failed(field, path, "sync");
  ::close(fd);
  return status;
}

}  // namespace

Status SyncDirectory(const fs::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Failed(directory.string(), directory, "open the directory");
  Status status;
  if (::fsync(fd) != 0) status = Failed(directory.string(), directory, "sync the directory");
  ::close(fd);
  return status;
}

Status CreateDirectories(const fs::path& directory, std::string_view field) {
  std::error_code error;
  if (directory.empty() || fs::is_directory(directory, error)) return OkStatus();
  const fs::path above = DirectoryOf(directory);
  RETURN_IF_ERROR(CreateDirectories(above, field));
  const bool made = ::mkdir(directory.c_str(), 0700) == 0;
  // Another process may have been first.
  if (!made && (errno != EEXIST || !fs::is_directory(directory, error))) {
    return Failed(field, directory, "create the directory");
  }
  return SyncDirectory(above);
}

Status ReplaceFile(const fs::path& path, std::string_view content, std::string_view field) {
  const fs::path fresh = path.string() + ".tmp";
  RETURN_IF_ERROR(RemoveFile(fresh, field));
  const OldFile old(path);
  RETURN_IF_ERROR(old.Opened(path, field));
  Status status = WriteNew(fresh, content, field);
  if (status.ok() && !TakeName(fresh, path)) status = Failed(field, path, "name");
  if (status.ok()) status = SyncDirectory(DirectoryOf(path));
  if (status.ok()) status = old.Wipe(path, field);
  const Status removed = RemoveFile(fresh, field);  // the draft if it failed, else the old file
  return status.ok() ? removed : status;
}

Status RemoveFile(const fs::path& path, std::string_view field) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? OkStatus() : Failed(field, path, "look for");
  }
  // Else a loss of power could give the name that it had before to what is overwritten by then.
  RETURN_IF_ERROR(SyncDirectory(DirectoryOf(path)));
  RETURN_IF_ERROR(OldFile(path).Wipe(path, field));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return Failed(field, path, "remove");
  return SyncDirectory(DirectoryOf(path));
}

}  // namespace cordon
