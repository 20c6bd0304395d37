#include "tests/crash/faulty_file_system.h"

#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

namespace cordon {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr Side kStore = Side::kStore;

// An I/O that the real disk refused keeps its own status; else the model's is made one.
class Outcome {
 public:
  int Keep(IOStatus status) {
    real_ = std::move(status);
    return real_.ok() ? 0 : -1;
  }
  IOStatus Of(IoResult result) const {
    if (result.ok()) return IOStatus::OK();
    if (result.error == -1) return real_;
    if (result.error == ENOSPC) return IOStatus::NoSpace("modelled disk");
    if (result.error == ENOENT) return IOStatus::PathNotFound("modelled disk");
    return IOStatus::IOError("modelled disk");
  }

 private:
  IOStatus real_;
};

class ModelledFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  ModelledFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string path, DiskModel* disk)
      : FSWritableFileOwnerWrapper(std::move(file)), path_(std::move(path)), disk_(disk) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    Outcome outcome;
    return outcome.Of(disk_->Append(kStore, path_, data.size(), [&](size_t size) {
      return outcome.Keep(target()->Append(Slice(data.data(), size), options, debug));
    }));
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    Outcome outcome;
    return outcome.Of(disk_->Truncate(kStore, path_, size, [&] {
      return outcome.Keep(target()->Truncate(size, options, debug));
    }));
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return Outcome().Of(disk_->Sync(kStore, path_));
  }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return Outcome().Of(disk_->Sync(kStore, path_));
  }
  // Neither makes anything durable, and preallocation costs the real disk time.
  IOStatus RangeSync(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }
  IOStatus Allocate(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }
  void PrepareWrite(size_t, size_t, const IOOptions&, IODebugContext*) override {}

 private:
  const std::string path_;
  DiskModel* const disk_;
};

class ModelledDirectory : public rocksdb::FSDirectory {
 public:
  ModelledDirectory(std::string path, DiskModel* disk) : path_(std::move(path)), disk_(disk) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return Outcome().Of(disk_->SyncDirectory(kStore, path_));
  }

 private:
  const std::string path_;
  DiskModel* const disk_;
};

class ReadRandomly : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  ReadRandomly(std::unique_ptr<rocksdb::FSRandomAccessFile> file, DiskModel* disk)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), disk_(disk) {}

  IOStatus Read(uint64_t offset, size_t n, const IOOptions& options, Slice* result, char* scratch,
                IODebugContext* debug) const override {
    Outcome outcome;
    return outcome.Of(disk_->Read(kStore, [&] {
      return outcome.Keep(
          FSRandomAccessFileWrapper::Read(offset, n, options, result, scratch, debug));
    }));
  }

 private:
  DiskModel* const disk_;
};

class ReadInOrder : public rocksdb::FSSequentialFileOwnerWrapper {
 public:
  ReadInOrder(std::unique_ptr<rocksdb::FSSequentialFile> file, DiskModel* disk)
      : FSSequentialFileOwnerWrapper(std::move(file)), disk_(disk) {}

  IOStatus Read(size_t n, const IOOptions& options, Slice* result, char* scratch,
                IODebugContext* debug) override {
    Outcome outcome;
    return outcome.Of(disk_->Read(kStore, [&] {
      return outcome.Keep(FSSequentialFileWrapper::Read(n, options, result, scratch, debug));
    }));
  }

 private:
  DiskModel* const disk_;
};

bool Modelled(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename();
  return !name.starts_with("LOG") && name != "LOCK";
}

class FaultyFileSystem : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultyFileSystem(DiskModel* disk)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), disk_(disk) {}

  const char* Name() const override { return "FaultyFileSystem"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    if (!Modelled(path)) return target()->NewWritableFile(path, options, file, debug);
    Outcome outcome;
    const IOStatus made = outcome.Of(disk_->Create(kStore, path, /*durable=*/false, [&] {
      return outcome.Keep(target()->NewWritableFile(path, options, file, debug));
    }));
    if (made.ok()) *file = std::make_unique<ModelledFile>(std::move(*file), path, disk_);
    return made;
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                               IODebugContext* debug) override {
    const IOStatus opened =
        Read([&] { return target()->NewRandomAccessFile(path, options, file, debug); });
    if (opened.ok()) *file = std::make_unique<ReadRandomly>(std::move(*file), disk_);
    return opened;
  }
  IOStatus NewSequentialFile(const std::string& path, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* file,
                             IODebugContext* debug) override {
    const IOStatus opened =
        Read([&] { return target()->NewSequentialFile(path, options, file, debug); });
    if (opened.ok()) *file = std::make_unique<ReadInOrder>(std::move(*file), disk_);
    return opened;
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* directory,
                        IODebugContext*) override {
    *directory = std::make_unique<ModelledDirectory>(path, disk_);
    return IOStatus::OK();
  }
  IOStatus GetChildren(const std::string& path, const IOOptions& options,
                       std::vector<std::string>* names, IODebugContext* debug) override {
    return Examine([&] { return target()->GetChildren(path, options, names, debug); });
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions& options, uint64_t* size,
                       IODebugContext* debug) override {
    return Examine([&] { return target()->GetFileSize(path, options, size, debug); });
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& options,
                      IODebugContext* debug) override {
    if (!Modelled(path)) return target()->DeleteFile(path, options, debug);
    return Outcome().Of(disk_->Delete(kStore, path));
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    if (!Modelled(from)) return target()->RenameFile(from, to, options, debug);
    Outcome outcome;
    return outcome.Of(disk_->Rename(kStore, from, to, [&] {
      return outcome.Keep(target()->RenameFile(from, to, options, debug));
    }));
  }
  // Links, cuts by name and reused files are not modelled: RocksDB then does without them.
  IOStatus LinkFile(const std::string&, const std::string&, const IOOptions&,
                    IODebugContext*) override {
    return IOStatus::NotSupported();
  }
  IOStatus ReopenWritableFile(const std::string&, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) override {
    return IOStatus::NotSupported();
  }
  IOStatus ReuseWritableFile(const std::string&, const std::string&, const FileOptions&,
                             std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) override {
    return IOStatus::NotSupported();
  }

 private:
  template <typename Work>
  IOStatus Read(Work work) {
    Outcome outcome;
    return outcome.Of(disk_->Read(kStore, [&] { return outcome.Keep(work()); }));
  }
  template <typename Work>
  IOStatus Examine(Work work) {
    Outcome outcome;
    return outcome.Of(disk_->Examine(kStore, [&] { return outcome.Keep(work()); }));
  }

  DiskModel* const disk_;
};

// After an error in the background RocksDB sleeps for a second: here that is a millisecond.
class ImpatientClock : public rocksdb::SystemClockWrapper {
 public:
  ImpatientClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "ImpatientClock"; }
  void SleepForMicroseconds(int micros) override {
    target_->SleepForMicroseconds(std::min(micros, 1000));
  }
};

class FaultyEnv : public rocksdb::EnvWrapper {
 public:
  explicit FaultyEnv(DiskModel* disk) : EnvWrapper(rocksdb::Env::Default()) {
    file_system_ = std::make_shared<FaultyFileSystem>(disk);
    system_clock_ = std::make_shared<ImpatientClock>();
  }
  const char* Name() const override { return "FaultyEnv"; }
};

// The journal's statuses, as the real disk words them.
class JournalOutcome {
 public:
  int Keep(Status status) {
    real_ = std::move(status);
    return real_.ok() ? 0 : -1;
  }
  Status Of(IoResult result) const {
    if (result.ok()) return OkStatus();
    if (result.error == -1) return real_;
    return Status(StatusCode::kUnavailable, "journal",
                  result.error == ENOSPC ? "No space left on device" : "Input/output error");
  }

 private:
  Status real_;
};

class ModelledLogFile : public journal::LogFile {
 public:
  ModelledLogFile(std::unique_ptr<LogFile> file, std::string path, DiskModel* disk)
      : file_(std::move(file)), path_(std::move(path)), disk_(disk) {}

  Status Append(std::string_view bytes) override {
    JournalOutcome outcome;
    return outcome.Of(disk_->Append(Side::kJournal, path_, bytes.size(), [&](size_t size) {
      return outcome.Keep(file_->Append(bytes.substr(0, size)));
    }));
  }
  Status Sync() override { return JournalOutcome().Of(disk_->Sync(Side::kJournal, path_)); }
  Status Truncate(uint64_t size) override {
    JournalOutcome outcome;
    return outcome.Of(disk_->Truncate(Side::kJournal, path_, size,
                                      [&] { return outcome.Keep(file_->Truncate(size)); }));
  }

 private:
  const std::unique_ptr<LogFile> file_;
  const std::string path_;
  DiskModel* const disk_;
};

class ModelledLogFiles : public journal::LogFiles {
 public:
  explicit ModelledLogFiles(DiskModel* disk) : disk_(disk) {}

  Status Create(const std::filesystem::path& path, std::string_view content) override {
    JournalOutcome outcome;
    return outcome.Of(disk_->Create(Side::kJournal, path, /*durable=*/true,
                                    [&] { return outcome.Keep(real_->Create(path, content)); }));
  }
  StatusOr<std::unique_ptr<journal::LogFile>> OpenToAppend(
      const std::filesystem::path& path) override {
    JournalOutcome outcome;
    std::unique_ptr<journal::LogFile> file;
    RETURN_IF_ERROR(outcome.Of(disk_->Examine(Side::kJournal, [&] {
      auto opened = real_->OpenToAppend(path);
      if (opened.ok()) file = *std::move(opened);
      return outcome.Keep(opened.status());
    })));
    return std::unique_ptr<journal::LogFile>(
        new ModelledLogFile(std::move(file), path.string(), disk_));
  }

 private:
  const std::shared_ptr<journal::LogFiles> real_ = journal::DiskLogFiles();
  DiskModel* const disk_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> StoreOn(DiskModel* disk) { return std::make_unique<FaultyEnv>(disk); }

std::shared_ptr<journal::LogFiles> JournalOn(DiskModel* disk) {
  return std::make_shared<ModelledLogFiles>(disk);
}

}  // namespace cordon
