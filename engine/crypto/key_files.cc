#include "engine/crypto/key_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "engine/base/replace_file.h"
#include "engine/crypto/key_file.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFileBytesMax = 16 << 20;  // far beyond a segment of keys

class OnDisk final : public KeyFiles {
 public:
  Status Replace(const fs::path& path, std::string_view content) override {
    return ReplaceFile(path, content, "keys_dir");
  }

  Status Remove(const fs::path& path) override { return RemoveFile(path, "keys_dir"); }

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
};

}  // namespace

std::shared_ptr<KeyFiles> DiskKeyFiles() { return std::make_shared<OnDisk>(); }

}  // namespace cordon
