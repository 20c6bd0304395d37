// A journal's disk that fails, or waits, when a test says so.
#pragma once

#include <atomic>
#include <memory>
#include <string_view>
#include <thread>

#include "engine/journal/log_file.h"

namespace cordon {

// What a test tells the disk to do.
struct DiskFault {
  std::atomic<bool> fail{false};  // appends and syncs fail from now on
  std::atomic<bool> hold{false};  // syncs wait while it is true
};

class FaultyFile : public journal::LogFile {
 public:
  FaultyFile(std::unique_ptr<LogFile> file, DiskFault* fault)
      : file_(std::move(file)), fault_(fault) {}

  Status Append(std::string_view bytes) override {
    return fault_->fail ? Eio() : file_->Append(bytes);
  }
  Status Sync() override {
    while (fault_->hold) std::this_thread::yield();
    return fault_->fail ? Eio() : file_->Sync();
  }
  Status Truncate(uint64_t size) override { return file_->Truncate(size); }

 private:
  static Status Eio() { return Status(StatusCode::kUnavailable, "journal", "EIO"); }

  std::unique_ptr<LogFile> file_;
  DiskFault* const fault_;
};

class FaultyDisk : public journal::LogFiles {
 public:
  explicit FaultyDisk(DiskFault* fault) : fault_(fault) {}

  Status Create(const std::filesystem::path& path, std::string_view content) override {
    return disk_->Create(path, content);
  }
  StatusOr<std::unique_ptr<journal::LogFile>> OpenToAppend(
      const std::filesystem::path& path) override {
    ASSIGN_OR_RETURN(auto file, disk_->OpenToAppend(path));
    return std::unique_ptr<journal::LogFile>(new FaultyFile(std::move(file), fault_));
  }

 private:
  std::shared_ptr<journal::LogFiles> disk_ = journal::DiskLogFiles();
  DiskFault* const fault_;
};

}  // namespace cordon
