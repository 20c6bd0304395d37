#include "engine/journal/log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

#include "engine/crypto/key_file.h"

namespace cordon::journal {
namespace {

namespace fs = std::filesystem;

constexpr size_t kWindowBytes = 256 << 10;  // one read ahead of a scan

// `error` is an errno.
Status SystemError(const fs::path& path, std::string_view doing, int error) {
  const StatusCode code = error == ENOENT ? StatusCode::kNotFound : StatusCode::kUnavailable;
  return Status(code, "journal",
                fmt::format("cannot {} {}: {}", doing, path.string(),
                            std::generic_category().message(error)));
}

class DiskLogFile : public LogFile {
 public:
  DiskLogFile(int fd, fs::path path) : fd_(fd), path_(std::move(path)) {}
  ~DiskLogFile() override { ::close(fd_); }

  Status Append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return SystemError(path_, "write", errno);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return OkStatus();
  }

  Status Sync() override {
    return ::fdatasync(fd_) == 0 ? OkStatus() : SystemError(path_, "sync", errno);
  }

  Status Truncate(uint64_t size) override {
    return ::ftruncate(fd_, static_cast<off_t>(size)) == 0 ? OkStatus()
                                                           : SystemError(path_, "cut", errno);
  }

 private:
  const int fd_;
  const fs::path path_;
};

class Disk : public LogFiles {
 public:
  Status Create(const fs::path& path, std::string_view content) override {
    return WriteSecretFile(path, content);
  }

  StatusOr<std::unique_ptr<LogFile>> OpenToAppend(const fs::path& path) override {
    const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0) return SystemError(path, "open", errno);
    return std::unique_ptr<LogFile>(new DiskLogFile(fd, path));
  }
};

}  // namespace

std::shared_ptr<LogFiles> DiskLogFiles() { return std::make_shared<Disk>(); }

StatusOr<FileView> FileView::Open(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError(path, "open", errno);
  struct stat info;
  if (::fstat(fd, &info) != 0) {
    const int error = errno;
    ::close(fd);
    return SystemError(path, "examine", error);
  }
  return FileView(fd, static_cast<uint64_t>(info.st_size));
}

FileView::~FileView() {
  if (fd_ >= 0) ::close(fd_);
}

FileView::FileView(FileView&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      window_offset_(other.window_offset_),
      window_(std::move(other.window_)) {}

StatusOr<std::string_view> FileView::Read(uint64_t offset, size_t count) {
  offset = std::min(offset, size_);
  count = static_cast<size_t>(std::min<uint64_t>(count, size_ - offset));
  if (offset < window_offset_ || offset + count > window_offset_ + window_.size()) {
    window_offset_ = offset;
    window_.resize(
        static_cast<size_t>(std::min<uint64_t>(std::max(count, kWindowBytes), size_ - offset)));
    size_t size = 0;
    while (size < window_.size()) {
      const ssize_t got = ::pread(fd_, window_.data() + size, window_.size() - size,
                                  static_cast<off_t>(offset + size));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        window_.clear();
        return Status(StatusCode::kUnavailable, "journal",
                      fmt::format("cannot read a journal file: {}",
                                  got < 0 ? std::generic_category().message(errno)
                                          : "it became shorter while it was read"));
      }
      size += static_cast<size_t>(got);
    }
  }
  return std::string_view(window_).substr(static_cast<size_t>(offset - window_offset_), count);
}

std::string LogFileName(uint32_t number) { return fmt::format("{:06}.log", number); }

StatusOr<std::vector<uint32_t>> ListLogFiles(const fs::path& directory) {
  std::error_code error;
  fs::directory_iterator it(directory, error);
  std::vector<uint32_t> numbers;
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    uint32_t number = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
    if (parsed.ec == std::errc() && name == LogFileName(number)) numbers.push_back(number);
  }
  if (error) return SystemError(directory, "list", error.value());
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace cordon::journal
