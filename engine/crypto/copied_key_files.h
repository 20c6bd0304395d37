// The files of a key store in a second place as well, so that a lost disk does not lose every
// backup: only ever the newest of each, replaced after the first one and overwritten like it.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/directory_lock.h"
#include "engine/crypto/key_files.h"

namespace cordon {

// Thread-safe. The keys of files are not copied: what they open is made anew.
class CopiedKeyFiles final : public KeyFiles {
 public:
  // What is in `from` goes to `to`, by way of `disk`.
  CopiedKeyFiles(std::shared_ptr<KeyFiles> disk, std::filesystem::path from,
                 std::filesystem::path to);

  // The copy is kept from now on; until then nothing in it is touched, for what is in `from` may be
  // an older copy itself. FAILED_PRECONDITION of keys_copy_dir if it is missing, if another
  // process holds it, or if it has another store's keys or some that `from` lacks.
  Status Begin();

  // Copies what is not the same yet. Errors as Replace.
  Status CatchUp();

  // Whether the copy has begun and lacks a change. Waits for no disk.
  bool behind() const { return is_behind_.load(std::memory_order_relaxed); }

  // Of the first place. A copy that fails is no error: the copy is behind then, and every later
  // change tries again.
  Status Replace(const std::filesystem::path& path, std::string_view content) override;
  Status Remove(const std::filesystem::path& path) override { return disk_->Remove(path); }
  StatusOr<std::string> Read(const std::filesystem::path& path) override {
    return disk_->Read(path);
  }
  StatusOr<std::vector<std::string>> List(const std::filesystem::path& directory) override {
    return disk_->List(directory);
  }

 private:
  // Require changing_.
  Status CheckCopy(const std::set<std::string>& names) const;
  Status CopyBehind();
  Status CopyOne(const std::string& name);

  const std::shared_ptr<KeyFiles> disk_;
  const std::filesystem::path from_;
  const std::filesystem::path to_;
  std::mutex changing_;                // one change at a time: none is copied half
  std::optional<DirectoryLock> lock_;  // of the copy, once it has begun; guarded by changing_
  std::set<std::string> behind_;       // what differs, or may; guarded by changing_
  std::atomic<bool> is_behind_{false};
};

}  // namespace cordon
