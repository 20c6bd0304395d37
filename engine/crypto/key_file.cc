#include "engine/crypto/key_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "engine/base/replace_file.h"
#include "engine/crypto/encoding.h"
#include "engine/crypto/random_bytes.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

constexpr size_t kKeyDigits = SecretKey::kBytes * 2;

// Closes a descriptor at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  const int fd_;
};

// What the system said about `path`, as a status; `error` is an errno.
Status SystemError(const fs::path& path, std::string_view doing, int error) {
  StatusCode code = StatusCode::kUnavailable;
  if (error == ENOENT || error == ENOTDIR) code = StatusCode::kNotFound;
  if (error == EEXIST) code = StatusCode::kAlreadyExists;
  if (error == EACCES || error == EPERM || error == EROFS) code = StatusCode::kFailedPrecondition;
  return Status(code, path.string(),
                fmt::format("cannot {}: {}", doing, std::generic_category().message(error)));
}

fs::path DirectoryOf(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// Writes and syncs a new file of mode 0600.
Status WriteNew(const fs::path& path, std::string_view content) {
  const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return SystemError(path, "create the file", errno);
  // The umask may have taken bits away, and a default ACL may have added some.
  if (::fchmod(fd.get(), 0600) != 0) return SystemError(path, "set the file's mode", errno);
  while (!content.empty()) {
    const ssize_t written = ::write(fd.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError(path, "write the file", errno);
    content.remove_prefix(static_cast<size_t>(written));
  }
  if (::fsync(fd.get()) != 0) return SystemError(path, "sync the file", errno);
  return OkStatus();
}

}  // namespace

Status WriteSecretFile(const fs::path& path, std::string_view content) {
  ASSIGN_OR_RETURN(const std::string random, RandomBytes(8));
  fs::path temporary = path;
  temporary += "." + HexEncode(random) + ".tmp";
  Status status = WriteNew(temporary, content);
  // link() and not rename(): it refuses a name that is taken.
  if (status.ok() && ::link(temporary.c_str(), path.c_str()) != 0) {
    status = SystemError(path, "create the file", errno);
  }
  ::unlink(temporary.c_str());
  RETURN_IF_ERROR(status);
  return SyncDirectory(DirectoryOf(path));
}

StatusOr<std::string> ReadSecretFile(const fs::path& path, size_t bytes_max) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return SystemError(path, "open the file", errno);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return SystemError(path, "examine the file", errno);
  if (!S_ISREG(info.st_mode)) {
    return Status(StatusCode::kFailedPrecondition, path.string(), "is not a regular file");
  }
  if ((info.st_mode & 077) != 0) {
    return Status(
        StatusCode::kFailedPrecondition, path.string(),
        fmt::format("holds a secret that others may reach (mode {:04o}); run: chmod 600 {}",
                    info.st_mode & 07777, path.string()));
  }
  // By its size: to clear all that it might have takes as long as to start with.
  std::string content(std::min(static_cast<size_t>(info.st_size), bytes_max) + 1, '\0');
  size_t size = 0;
  while (size < content.size()) {
    const ssize_t got = ::read(fd.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path, "read the file", errno);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > bytes_max) {
    return Invalid(path.string(), fmt::format("has more than {} bytes", bytes_max));
  }
  if (size == content.size()) {
    return Status(StatusCode::kFailedPrecondition, path.string(),
                  "grew while it was read; try again");
  }
  content.resize(size);
  return content;
}

StatusOr<SecretKey> KeyOfLine(std::string_view line) {
  const auto refuse = [] {
    return Invalid("", fmt::format("expected one line of {} hexadecimal digits", kKeyDigits));
  };
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.size() != kKeyDigits) return refuse();
  auto bytes = HexDecode(line);
  if (!bytes.ok()) return refuse();
  auto key = SecretKey::FromBytes(*bytes);
  OPENSSL_cleanse(bytes->data(), bytes->size());
  return key;
}

StatusOr<SecretKey> ReadKeyFile(const fs::path& path) {
  ASSIGN_OR_RETURN(std::string content, ReadSecretFile(path, kKeyDigits + 1));
  auto key = KeyOfLine(content);
  OPENSSL_cleanse(content.data(), content.size());
  if (key.ok()) return key;
  return Invalid(path.string(), fmt::format("is no key: {}", key.status().message()));
}

StatusOr<SecretKey> CreateKeyFile(const fs::path& path) {
  ASSIGN_OR_RETURN(SecretKey key, SecretKey::Generate());
  std::string line = HexEncode(key.bytes()) + "\n";
  const Status status = WriteSecretFile(path, line);
  OPENSSL_cleanse(line.data(), line.size());
  RETURN_IF_ERROR(status);
  return key;
}

}  // namespace cordon
