#include "engine/crypto/key_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "engine/crypto/encoding.h"
#include "engine/crypto/key_file.h"
#include "engine/crypto/random_bytes.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFileBytesMax = 16 << 20;  // far beyond a segment of keys

Status Failed(const fs::path& path, std::string_view doing) {
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT;
  return Status(full ? StatusCode::kResourceExhausted : StatusCode::kUnavailable, "keys_dir",
                fmt::format("cannot {} {}: {}", doing, path.string(),
                            std::generic_category().message(error)));
}

// The file that had the name before: what it holds outlives the name.
class OldFile {
 public:
  explicit OldFile(const fs::path& path) : fd_(::open(path.c_str(), O_WRONLY | O_CLOEXEC)) {}
  ~OldFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OldFile(const OldFile&) = delete;
  OldFile& operator=(const OldFile&) = delete;

  // Overwrites it with zeros where it lies, as far as the file system writes in place.
  Status Wipe(const fs::path& path) {
    if (fd_ < 0) return OkStatus();
    struct stat info;
    if (::fstat(fd_, &info) != 0) return Failed(path, "examine the old");
    const std::string zeros(64 << 10, '\0');
    for (off_t at = 0; at < info.st_size;) {
      const auto count = std::min<off_t>(info.st_size - at, static_cast<off_t>(zeros.size()));
      const ssize_t written = ::pwrite(fd_, zeros.data(), static_cast<size_t>(count), at);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Failed(path, "overwrite the old");
      at += written;
    }
    return ::fdatasync(fd_) == 0 ? OkStatus() : Failed(path, "sync the old");
  }

 private:
  const int fd_;
};

class OnDisk final : public KeyFiles {
 public:
  Status Replace(const fs::path& path, std::string_view content) override {
    ASSIGN_OR_RETURN(const std::string random, RandomBytes(8));
    const fs::path fresh = path.string() + "." + HexEncode(random) + ".tmp";
    OldFile old(path);
    Status status = Write(fresh, content);
    if (status.ok() && ::rename(fresh.c_str(), path.c_str()) != 0) status = Failed(path, "name");
    if (!status.ok()) ::unlink(fresh.c_str());
    RETURN_IF_ERROR(status);
    RETURN_IF_ERROR(SyncDirectory(path.parent_path()));
    return old.Wipe(path);
  }

  Status Remove(const fs::path& path) override {
    RETURN_IF_ERROR(OldFile(path).Wipe(path));
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return Failed(path, "remove");
    return SyncDirectory(path.parent_path());
  }

  StatusOr<std::string> Read(const fs::path& path) override {
    return ReadSecretFile(path, kFileBytesMax);
  }

  StatusOr<std::vector<std::string>> List(const fs::path& directory) override {
    std::error_code error;
    std::vector<std::string> names;
    for (auto it = fs::directory_iterator(directory, error);
         !error && it != fs::directory_iterator(); it.increment(error)) {
      names.push_back(it->path().filename());
    }
    if (error) {
      return NotFound("keys_dir",
                      fmt::format("cannot read {}: {}", directory.string(), error.message()));
    }
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  static Status Write(const fs::path& path, std::string_view content) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return Failed(path, "create");
    Status status;
    while (status.ok() && !content.empty()) {
      const ssize_t written = ::write(fd, content.data(), content.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        status = Failed(path, "write");
      } else {
        content.remove_prefix(static_cast<size_t>(written));
      }
    }
    if (status.ok() && ::fsync(fd) != 0) status = Failed(path, "sync");
    ::close(fd);
    return status;
  }
};

}  // namespace

std::shared_ptr<KeyFiles> DiskKeyFiles() { return std::make_shared<OnDisk>(); }

}  // namespace cordon
