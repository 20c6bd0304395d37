#include "engine/store/options_file.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include <string>
#include <string_view>

namespace cordon {
namespace {

class FilesWithoutOptions : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;

  const char* Name() const override { return "FilesWithoutOptions"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
    if (name.starts_with("OPTIONS-")) {
      return rocksdb::IOStatus::NotSupported("Cordon states all options itself");
    }
    return target()->NewWritableFile(path, options, file, debug);
  }
};

class EnvWithoutOptions : public rocksdb::EnvWrapper {
 public:
  explicit EnvWithoutOptions(rocksdb::Env* env) : EnvWrapper(env) {
    file_system_ = std::make_shared<FilesWithoutOptions>(env->GetFileSystem());
    system_clock_ = env->GetSystemClock();
  }
  const char* Name() const override { return "EnvWithoutOptions"; }
};

}  // namespace

std::unique_ptr<rocksdb::Env> WithoutOptionsFile(rocksdb::Env* env) {
  return std::make_unique<EnvWithoutOptions>(env);
}

}  // namespace cordon
