#include "engine/crypto/copied_key_files.h"

#include <fmt/format.h>

#include <utility>

namespace cordon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kField = "keys_copy_dir";

bool IsCopied(std::string_view name) { return name == kKeysRoot || name.ends_with(kKeysSuffix); }

Status Refused(std::string_view message) {
  return Status(StatusCode::kFailedPrecondition, kField, message);
}

Status OfCopy(const Status& status) { return Status(status.code(), kField, status.message()); }

}  // namespace

CopiedKeyFiles::CopiedKeyFiles(std::shared_ptr<KeyFiles> disk, fs::path from, fs::path to)
    : disk_(std::move(disk)), from_(std::move(from)), to_(std::move(to)) {}

Status CopiedKeyFiles::Begin() {
  std::lock_guard changing(changing_);
  auto lock = DirectoryLock::Take(kField, to_);
  if (lock.status().code() == StatusCode::kNotFound) {
    return Refused(
        fmt::format("{} is missing: mount its volume, or make it with mkdir -m 700", to_.string()));
  }
  RETURN_IF_ERROR(lock.status());
  ASSIGN_OR_RETURN(const auto listed, disk_->List(from_));
  std::set<std::string> names;
  for (const auto& name : listed) {
    if (IsCopied(name)) names.insert(name);
  }
  RETURN_IF_ERROR(CheckCopy(names));
  lock_.emplace(*std::move(lock));
  for (const auto& name : names) {
    const auto here = disk_->Read(from_ / name);
    const auto there = disk_->Read(to_ / name);
    if (!here.ok() || !there.ok() || *here != *there) behind_.insert(name);
  }
  (void)CopyBehind();  // behind() tells it
  return OkStatus();
}

Status CopiedKeyFiles::CheckCopy(const std::set<std::string>& names) const {
  ASSIGN_OR_RETURN(const std::string own, disk_->Read(from_ / kKeysRoot));
  const auto root = disk_->Read(to_ / kKeysRoot);
  const bool none = root.status().code() == StatusCode::kNotFound;
  if (!none && (!root.ok() || *root != own)) {
    return Refused(to_.string() +
                   " holds something else than a copy of this store's keys; name an "
                   "empty directory");
  }
  const auto copied = disk_->List(to_);
  if (!copied.ok()) return OfCopy(copied.status());
  for (const auto& name : *copied) {
    if (!IsCopied(name) || names.contains(name)) continue;
    return Refused(
        fmt::format("{} has {}, which {} lacks: the copy is newer, or another store's. "
                    "Start with the newer one as --keys-dir, or name another directory",
                    to_.string(), name, from_.string()));
  }
  for (const auto& name : *copied) {  // what a crash left of files that never got their names
    if (!name.ends_with(".tmp") || !IsCopied(fs::path(name).stem().string())) continue;
    if (const Status gone = disk_->Remove(to_ / name); !gone.ok()) return OfCopy(gone);
  }
  return OkStatus();
}

Status CopiedKeyFiles::Replace(const fs::path& path, std::string_view content) {
  const std::string name = path.filename().string();
  if (!IsCopied(name)) return disk_->Replace(path, content);
  std::lock_guard changing(changing_);
  if (lock_) behind_.insert(name);  // whatever becomes of it, the copy follows
  const Status replaced = disk_->Replace(path, content);
  (void)CopyBehind();
  return replaced;
}

Status CopiedKeyFiles::CatchUp() {
  std::lock_guard changing(changing_);
  return CopyBehind();
}

Status CopiedKeyFiles::CopyBehind() {
  Status copied;
  while (copied.ok() && !behind_.empty()) {
    copied = CopyOne(*behind_.begin());
    if (copied.ok()) behind_.erase(behind_.begin());
  }
  is_behind_.store(!behind_.empty(), std::memory_order_relaxed);
  return copied;
}

Status CopiedKeyFiles::CopyOne(const std::string& name) {
  ASSIGN_OR_RETURN(const std::string content, disk_->Read(from_ / name));
  if (const Status copied = disk_->Replace(to_ / name, content); !copied.ok()) {
    return OfCopy(copied);
  }
  ASSIGN_OR_RETURN(const std::string read, disk_->Read(to_ / name));
  if (read == content) return OkStatus();
  return Status(StatusCode::kUnavailable, kField,
                (to_ / name).string() + " reads otherwise than it was written; mend its disk");
}

}  // namespace cordon
