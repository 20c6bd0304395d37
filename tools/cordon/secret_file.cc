#include "tools/cordon/secret_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "engine/base/limits.h"

namespace cordon {
namespace {

constexpr size_t kSecretBytesMax = limits::kTokenBytes;  // a user's token is the longest

std::string Trim(const std::string& text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

StatusOr<SecretFile> ReadSecretFile(const std::string& path, std::string_view option) {
  struct stat info {};
  std::ifstream file(path);
  if (stat(path.c_str(), &info) != 0 || S_ISDIR(info.st_mode) || !file) {
    const int error = S_ISDIR(info.st_mode) ? EISDIR : errno;
    return Invalid(option, fmt::format("{}: {}", path, std::strerror(error)));
  }
  std::string line;
  std::getline(file, line);
  SecretFile result{Trim(line), (info.st_mode & (S_IRWXG | S_IRWXO)) != 0};
  if (result.secret.empty()) {
    return Invalid(option, fmt::format("{}: its first line holds no key or token", path));
  }
  const bool sendable = std::all_of(result.secret.begin(), result.secret.end(),
                                    [](char c) { return c > ' ' && c < 127; });
  if (!sendable || result.secret.size() > kSecretBytesMax) {
    return Invalid(option, fmt::format("{}: its first line is not a key or token", path));
  }
  return result;
}

StatusOr<NewSecretFile> NewSecretFile::Create(const std::string& path) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    const bool exists = errno == EEXIST;
    return Status(exists ? StatusCode::kAlreadyExists : StatusCode::kInvalidArgument, "out",
                  fmt::format("{}: {}{}", path, std::strerror(errno),
                              exists ? "; a secret never overwrites a file" : ""));
  }
  NewSecretFile file(path, descriptor);
  if (fchmod(descriptor, 0600) != 0) {
    return Invalid("out", fmt::format("{}: {}", path, std::strerror(errno)));
  }
  return file;
}

NewSecretFile::NewSecretFile(std::string path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {}

NewSecretFile::NewSecretFile(NewSecretFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      written_(other.written_) {}

NewSecretFile::~NewSecretFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  if (!written_) unlink(path_.c_str());
}

Status NewSecretFile::Write(std::string_view secret) {
  const std::string line = std::string(secret) + "\n";
  size_t done = 0;
  while (done < line.size()) {
    const ssize_t count = write(descriptor_, line.data() + done, line.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Invalid("out", fmt::format("{}: {}", path_, std::strerror(errno)));
    done += static_cast<size_t>(count);
  }
  if (fsync(descriptor_) != 0) {
    return Invalid("out", fmt::format("{}: {}", path_, std::strerror(errno)));
  }
  written_ = true;
  return OkStatus();
}

}  // namespace cordon
