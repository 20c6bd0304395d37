// Files that hold a bearer key or token: one line, for their owner only.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace cordon {

// A key as read, and whether others than its owner could have read it too.
struct SecretFile {
  std::string secret;
  bool exposed = false;
};

// The first line of the file at `path`, trimmed. Refuses a file without a key, and a key that
// cannot travel in a header. Errors name `option`, by which the file was given.
StatusOr<SecretFile> ReadSecretFile(const std::string& path, std::string_view option);

// A new file, created before its secret exists, so that no secret is lost for want of a place.
// Removed again unless Write() succeeded. Not thread-safe.
class NewSecretFile {
 public:
  // Creates `path` with mode 0600; refuses a path that exists.
  static StatusOr<NewSecretFile> Create(const std::string& path);

  NewSecretFile(NewSecretFile&& other) noexcept;
  NewSecretFile(const NewSecretFile&) = delete;
  NewSecretFile& operator=(const NewSecretFile&) = delete;
  ~NewSecretFile();

  // Writes `secret` and a line end, durably.
  Status Write(std::string_view secret);

 private:
  NewSecretFile(std::string path, int descriptor);

  std::string path_;
  int descriptor_;
  bool written_ = false;
};

}  // namespace cordon
