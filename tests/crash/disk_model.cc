#include "tests/crash/disk_model.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "engine/base/check.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSectorBytes = 512;

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void WriteAll(const std::string& path, const std::string& content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << content;
  CORDON_CHECK(out.good());
}

uint64_t Below(Rng* rng, uint64_t end) { return (*rng)() % end; }

}  // namespace

DiskModel::DiskModel(std::string attic) : attic_(std::move(attic)) {
  fs::create_directories(attic_);
}

void DiskModel::FailAt(Side side, uint64_t n, FaultKind kind, bool lasting) {
  std::lock_guard lock(mutex_);
  plan(side) = {.fail_at = n, .kind = kind, .lasting = lasting};
  failed_ = false;
}

void DiskModel::CutPowerAt(uint64_t n) {
  std::lock_guard lock(mutex_);
  power_left_ = n;
}

void DiskModel::SetFull(Side side, bool full) {
  std::lock_guard lock(mutex_);
  plan(side).full = full;
}

void DiskModel::Hold(Side side, bool hold) {
  {
    std::lock_guard lock(mutex_);
    plan(side).hold = hold;
  }
  released_.notify_all();
}

void DiskModel::Mend() {
  std::lock_guard lock(mutex_);
  plans_[0] = plans_[1] = Plan();
  power_left_ = 0;
  off_ = failed_ = false;
}

uint64_t DiskModel::count(Side side) const {
  std::lock_guard lock(mutex_);
  return plans_[static_cast<size_t>(side)].count;
}

int DiskModel::Begin(Side side, Io io) {
  Plan& own = plan(side);
  ++own.count;
  short_ = false;
  const bool modifies = io != Io::kExamine && io != Io::kRead;
  if (modifies && power_left_ > 0 && --power_left_ == 0) off_ = true;
  if (modifies && off_) return EIO;
  const bool due =
      own.fail_at > 0 && (own.count == own.fail_at || (own.lasting && own.count > own.fail_at));
  if (!due) {
    short_ = own.full && io == Io::kAppend;
    return short_ ? ENOSPC : 0;
  }
  failed_ = true;
  short_ = own.kind == FaultKind::kShortWrite;
  // Reads and syncs know no full disk.
  return own.kind == FaultKind::kNoSpace && (io == Io::kAppend || io == Io::kChange) ? ENOSPC : EIO;
}

IoResult DiskModel::Do(Side side, Io io, const Work& work) {
  std::lock_guard lock(mutex_);
  if (const int error = Begin(side, io); error != 0) return {error};
  return {work()};
}

DiskModel::File& DiskModel::FileOf(const std::string& path) {
  auto it = files_.find(path);
  if (it == files_.end()) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    it = files_.emplace(path, File{error ? 0 : size, std::nullopt}).first;
  }
  return it->second;
}

IoResult DiskModel::Create(Side side, const std::string& path, bool durable, const Work& work) {
  std::lock_guard lock(mutex_);
  if (const int error = Begin(side, Io::kChange); error != 0) return {error};
  std::string away;
  const bool existed = fs::exists(path);
  if (existed && !durable) away = ToAttic(path);
  if (const int error = work(); error != 0) return {error};
  files_.erase(path);
  if (durable) return {};
  files_[path] = File();
  changes_.push_back({Change::kCreated, path, "", away});
  return {};
}

IoResult DiskModel::Append(Side side, const std::string& path, size_t bytes,
                           const std::function<int(size_t)>& write) {
  std::lock_guard lock(mutex_);
  FileOf(path);
  const int error = Begin(side, Io::kAppend);
  if (error == 0) return {write(bytes)};
  if (short_ && bytes > 1) CORDON_CHECK(write(bytes / 2) == 0);
  return {error};
}

IoResult DiskModel::Sync(Side side, const std::string& path) {
  std::unique_lock lock(mutex_);
  released_.wait(lock, [&] { return !plan(side).hold; });
  if (const int error = Begin(side, Io::kSync); error != 0) return {error};
  files_[path] = File{fs::file_size(path), std::nullopt};
  return {};
}

IoResult DiskModel::Truncate(Side side, const std::string& path, uint64_t size, const Work& work) {
  std::lock_guard lock(mutex_);
  if (const int error = Begin(side, Io::kChange); error != 0) return {error};
  File& file = FileOf(path);
  if (size < file.durable) {
    if (!file.before) file.before = ReadAll(path).substr(0, file.durable);
    file.durable = size;
  }
  return {work()};
}

IoResult DiskModel::Rename(Side side, const std::string& from, const std::string& to,
                           const Work& work) {
  std::lock_guard lock(mutex_);
  if (const int error = Begin(side, Io::kChange); error != 0) return {error};
  const std::string away = fs::exists(to) ? ToAttic(to) : "";
  if (const int error = work(); error != 0) return {error};
  FileOf(to);
  if (const auto it = files_.find(from); it != files_.end()) {
    files_[to] = it->second;
    files_.erase(it);
  }
  changes_.push_back({Change::kRenamed, to, from, away});
  return {};
}

IoResult DiskModel::Delete(Side side, const std::string& path) {
  std::lock_guard lock(mutex_);
  if (const int error = Begin(side, Io::kChange); error != 0) return {error};
  if (!fs::exists(path)) return {ENOENT};
  changes_.push_back({Change::kDeleted, path, "", ToAttic(path)});
  return {};
}

IoResult DiskModel::SyncDirectory(Side side, const std::string& directory) {
  std::lock_guard lock(mutex_);
  if (const int error = Begin(side, Io::kSync); error != 0) return {error};
  const fs::path synced = fs::path(directory + "/").lexically_normal().parent_path();
  std::erase_if(changes_, [&](const Change& change) {
    if (fs::path(change.path).lexically_normal().parent_path() != synced) return false;
    if (!change.attic.empty()) fs::remove(change.attic);
    files_.erase(change.attic);
    return true;
  });
  return {};
}

std::string DiskModel::ToAttic(const std::string& path) {
  std::string away = attic_ + "/" + std::to_string(++stored_away_);
  Move(path, away);
  return away;
}

void DiskModel::Move(const std::string& from, const std::string& to) {
  const File file = FileOf(from);
  fs::rename(from, to);
  files_.erase(from);
  files_[to] = file;
}

void DiskModel::Undo(const Change& change) {
  if (change.kind == Change::kCreated) {
    fs::remove(change.path);
    files_.erase(change.path);
  }
  if (change.kind == Change::kRenamed) Move(change.path, change.from);
  if (!change.attic.empty()) Move(change.attic, change.path);
}

void DiskModel::LosePower(Loss loss, Rng* rng) {
  std::lock_guard lock(mutex_);
  const size_t undone = loss == Loss::kDropped ? changes_.size() : Below(rng, changes_.size() + 1);
  for (size_t i = 0; i < undone; ++i) {
    Undo(changes_.back());
    changes_.pop_back();
  }
  for (const auto& change : changes_) {
    if (!change.attic.empty()) fs::remove(change.attic);
    files_.erase(change.attic);
  }
  changes_.clear();
  for (const auto& [path, file] : files_) LoseContent(path, file, loss, rng);
  files_.clear();
}

void DiskModel::LoseContent(const std::string& path, const File& file, Loss loss, Rng* rng) {
  if (!fs::exists(path)) return;
  if (file.before && (loss == Loss::kDropped || Below(rng, 2) == 0)) {
    return WriteAll(path, *file.before);
  }
  if (fs::file_size(path) <= file.durable) return;
  if (loss == Loss::kDropped) return fs::resize_file(path, file.durable);
  std::string content = ReadAll(path);
  const size_t tail = content.size() - file.durable;
  if (loss == Loss::kTorn || Below(rng, 2) == 0) {
    content.resize(file.durable + Below(rng, tail + 1));
  }
  if (loss == Loss::kGarbled) {
    for (size_t at = file.durable; at < content.size();) {
      const size_t end = std::min(content.size(), (at / kSectorBytes + 1) * kSectorBytes);
      const uint64_t fate = Below(rng, 3);
      for (; at < end; ++at) {
        if (fate == 1) content[at] = '\0';
        if (fate == 2) content[at] = static_cast<char>((*rng)());
      }
    }
  }
  WriteAll(path, content);
}

}  // namespace cordon
