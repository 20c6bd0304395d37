// Keeps other processes out of a directory.
#pragma once

#include <filesystem>
#include <string_view>

#include "engine/base/status.h"

namespace cordon {

// Holds a directory while it lives. The lock goes with the process, however it ends.
class DirectoryLock {
 public:
  // FAILED_PRECONDITION of `field` if somebody else holds it, NOT_FOUND if there is no such
  // directory.
  static StatusOr<DirectoryLock> Take(std::string_view field,
                                      const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}

  int fd_;
};

}  // namespace cordon
