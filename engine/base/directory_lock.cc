#include "engine/base/directory_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace cordon {

StatusOr<DirectoryLock> DirectoryLock::Take(std::string_view field,
                                            const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    const StatusCode code =
        errno == ENOENT ? StatusCode::kNotFound : StatusCode::kFailedPrecondition;
    return Status(code, std::string(field),
                  fmt::format("{}: cannot open the directory: {}", directory.string(),
                              std::generic_category().message(errno)));
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return Status(StatusCode::kFailedPrecondition, std::string(field),
                  fmt::format("{} is in use by another process; stop it, or name another directory",
                              directory.string()));
  }
  return DirectoryLock(fd);
}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) ::close(fd_);
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

}  // namespace cordon
