// The file system below the journal, small enough for a test to put a failing one in its place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace cordon::journal {

// The one file that a journal is writing. Not thread-safe. After any error it must not be used
// again: what a failed sync left on disk is unknown, and a second one may report success for pages
// that the kernel has dropped (Rebello et al., "Can Applications Recover from fsync Failures?",
// ATC 2020).
class LogFile {
 public:
  virtual ~LogFile() = default;

  // Appends all of `bytes`, or fails with any part of them written.
  virtual Status Append(std::string_view bytes) = 0;

  // Returns once everything appended survives power loss.
  virtual Status Sync() = 0;

  // Drops everything beyond `size` bytes; durable with the next Sync.
  virtual Status Truncate(uint64_t size) = 0;
};

// Makes the files. Thread-safe.
class LogFiles {
 public:
  virtual ~LogFiles() = default;

  // Creates `path` with `content`, durable and whole or not at all. ALREADY_EXISTS if it exists.
  virtual Status Create(const std::filesystem::path& path, std::string_view content) = 0;

  // Opens an existing file to append to it.
  virtual StatusOr<std::unique_ptr<LogFile>> OpenToAppend(const std::filesystem::path& path) = 0;
};

// The real one.
std::shared_ptr<LogFiles> DiskLogFiles();

// Reads one file through a window, up to the size that it had when it was opened. Not thread-safe.
class FileView {
 public:
  static StatusOr<FileView> Open(const std::filesystem::path& path);
  ~FileView();
  FileView(FileView&& other) noexcept;
  FileView& operator=(FileView&&) = delete;

  // Bytes, as of Open.
  uint64_t size() const { return size_; }

  // `count` bytes at `offset`, fewer at the end of the file; valid until the next call.
  StatusOr<std::string_view> Read(uint64_t offset, size_t count);

 private:
  FileView(int fd, uint64_t size) : fd_(fd), size_(size) {}

  int fd_;
  uint64_t size_;
  uint64_t window_offset_ = 0;
  std::string window_;
};

// "000001.log" for 1.
std::string LogFileName(uint32_t number);

// The numbers of the journal's files in `directory`, sorted; other names are none of the journal's.
// NOT_FOUND if there is no such directory.
StatusOr<std::vector<uint32_t>> ListLogFiles(const std::filesystem::path& directory);

}  // namespace cordon::journal
