// The few files of a key store on the disk, small enough for a test to put a failing one in place.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace cordon {

// By what a key store's files are called: its root, segments of documents' keys, and the keys of
// the index's files.
inline constexpr std::string_view kKeysRoot = "root";
inline constexpr std::string_view kKeysSuffix = ".keys";
inline constexpr std::string_view kFileKeys = "files";

// Thread-safe for different paths.
class KeyFiles {
 public:
  virtual ~KeyFiles() = default;

  // Makes `content` what `path` holds (mode 0600), durable and whole or not at all, power loss
  // included. The bytes that it held before are overwritten where they lay, as far as the file
  // system writes in place. RESOURCE_EXHAUSTED if the disk is full, else UNAVAILABLE.
  virtual Status Replace(const std::filesystem::path& path, std::string_view content) = 0;

  // Takes the file away, its bytes overwritten first. Errors as Replace.
  virtual Status Remove(const std::filesystem::path& path) = 0;

  // The whole content. NOT_FOUND if there is no such file; errors as ReadSecretFile.
  virtual StatusOr<std::string> Read(const std::filesystem::path& path) = 0;

  // The names of the files in `directory`, sorted; NOT_FOUND if there is no such directory.
  virtual StatusOr<std::vector<std::string>> List(const std::filesystem::path& directory) = 0;
};

// The real one.
std::shared_ptr<KeyFiles> DiskKeyFiles();

}  // namespace cordon
