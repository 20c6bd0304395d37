#include "tests/crash/crash_points.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>

namespace rocksdb {

// Declared here as in RocksDB's test_util/sync_point.h, which is no public header; the library of
// Debian 12 exports it. Only ever used through the one instance that the library makes.
class SyncPoint {
 public:
  static SyncPoint* GetInstance();
  void SetCallBack(const std::string& point, const std::function<void(void*)>& callback);
  void EnableProcessing();
};

}  // namespace rocksdb

namespace cordon {
namespace {

// Lives to the very end: files are still closed after the last destructor.
struct Watch {
  std::atomic<bool> on{false};
  std::mutex mutex;
  std::string root;
  std::string name;
  uint64_t nth = 0;
  std::map<std::string, uint64_t> seen;
  Mishap mishap = Mishap::kKilled;
  std::atomic<bool> happened{false};
  // What of index/ and keys/ is not on the disk yet: contents by inode, and changes of names, which
  // can be undone, by the directory whose sync makes them last.
  std::set<ino_t> unsynced;
  struct Renamed {
    std::string directory;
    std::function<void()> undo;
  };
  std::vector<Renamed> names;
  uint64_t kept = 0;  // names in the attic
};

Watch& watch() {
  static auto* const instance = new Watch;
  return *instance;
}

[[noreturn]] void Die() {
  syscall(SYS_kill, getpid(), SIGKILL);
  while (true) pause();
}

std::string DirectoryOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

// Files of the index and of the keys, which the store and its journal do without or ask for.
bool IsBeside(const std::string& kind) {
  return kind.starts_with("index") || kind.starts_with("keys") || kind.starts_with("file_keys");
}

// What was not synced: changes of names did not come to pass, the last ones or all of them, and
// contents are cut, garbled, or there after all. Called with the lock held.
void LosePower() {
  Watch& all = watch();
  const uint64_t dice = all.nth * 0x9e3779b97f4a7c15 >> 40;
  const size_t lasting = dice % 2 == 0 ? 0 : dice / 2 % (all.names.size() + 1);
  while (all.names.size() > lasting) {
    all.names.back().undo();
    all.names.pop_back();
  }
  for (const char* directory : {"/index", "/keys"}) {
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(all.root + directory, none)) {
      struct stat info;
      if (stat(entry.path().c_str(), &info) != 0 || !all.unsynced.contains(info.st_ino)) continue;
      const long fd = syscall(SYS_openat, AT_FDCWD, entry.path().c_str(), O_WRONLY);
      const off_t half = info.st_size / 2;
      if (dice % 3 == 0) syscall(SYS_ftruncate, fd, half);
      if (dice % 3 == 1) syscall(SYS_pwrite64, fd, "garbled", 7, half);
      syscall(SYS_close, fd);
    }
  }
}

// Counts the place. If the mishap is to happen there, `last` is done, and the process dies; or
// true: the call fails.
bool ComesToGrief(const std::string& name, const std::function<void()>& last = {}) {
  Watch& all = watch();
  std::lock_guard lock(all.mutex);
  if (++all.seen[name] != all.nth || name != all.name) return false;
  all.happened = true;
  if (last) last();
  if (all.mishap == Mishap::kPowerLost) LosePower();
  if (all.mishap == Mishap::kKilled || all.mishap == Mishap::kPowerLost) Die();
  return true;
}

// What kind of file it is: its role in the data directory; empty for what is not watched.
std::string KindOf(const std::string& path) {
  const Watch& all = watch();
  if (!path.starts_with(all.root)) return "";
  const std::string below = path.substr(std::min(path.size(), all.root.size() + 1));
  const std::string file = below.substr(below.rfind('/') + 1);
  const bool temporary = file.ends_with(".tmp");
  if (below.empty()) return "data_dir";
  for (const char* directory : {"store", "journal", "index", "keys"}) {
    if (below == directory) return below + "_dir";
  }
  if (below.starts_with("journal/")) {
    if (file.find('.') == file.npos) return "tenant_dir";
    return temporary ? "journal_tmp" : "journal";
  }
  if (below.starts_with("index/")) {
    if (file.find(".geometry") != file.npos) return temporary ? "geometry_tmp" : "geometry";
    return temporary ? "index_tmp" : "index";
  }
  if (below.starts_with("keys/")) {
    const std::string kind = file.starts_with("files") ? "file_keys" : "keys";
    return temporary ? kind + "_tmp" : kind;
  }
  if (!below.starts_with("store/"))
    return file.substr(0, file.find('.')) + (temporary ? "_tmp" : "");
  if (file.ends_with(".dbtmp")) return "current_tmp";
  if (file.starts_with("MANIFEST-")) return "manifest";
  if (file == "CURRENT") return "current";
  if (file.ends_with(".sst")) return "table";
  if (file.ends_with(".log")) return "wal";
  return "";  // RocksDB's info log, its lock, its identity
}

// A call that is watched: of which file, and its place, "KIND.CALL".
struct Watched {
  std::string path;
  std::string kind;
  std::string place;
};

std::optional<Watched> PlaceOf(const std::string& path, std::string_view call) {
  if (!watch().on) return std::nullopt;
  const std::string kind = KindOf(path);
  if (kind.empty()) return std::nullopt;
  return Watched{path, kind, kind + "." + std::string(call)};
}

std::optional<Watched> PlaceOf(int fd, std::string_view call) {
  if (!watch().on) return std::nullopt;
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = readlink(link.c_str(), path, sizeof(path));
  if (size <= 0) return std::nullopt;
  return PlaceOf(std::string(path, static_cast<size_t>(size)), call);
}

// Whether there is no room for this call any more.
bool IsFull(const Watched& watched) {
  const Watch& all = watch();
  const bool grows = watched.place.ends_with(".create") || watched.place.ends_with(".write");
  return all.mishap == Mishap::kDiskFull && all.happened && grows && IsBeside(watched.kind);
}

// Runs a call with the places before and after it.
template <typename Call>
auto Run(const std::optional<Watched>& watched, Call call) -> decltype(call()) {
  if (!watched) return call();
  if (ComesToGrief(watched->place + ".before") || IsFull(*watched)) {
    errno = watch().mishap == Mishap::kDiskFull ? ENOSPC : EIO;
    return -1;
  }
  const auto result = call();
  const int error = errno;
  if (ComesToGrief(watched->place + ".after") && watch().mishap == Mishap::kFails) {
    errno = EIO;
    return -1;
  }
  errno = error;
  return result;
}

bool Remembers(const std::optional<Watched>& watched) {
  return watched && watch().mishap == Mishap::kPowerLost && IsBeside(watched->kind);
}

void RememberContent(const std::optional<Watched>& watched, int fd, bool synced) {
  struct stat info;
  if (!Remembers(watched) || fstat(fd, &info) != 0) return;
  Watch& all = watch();
  std::lock_guard lock(all.mutex);
  if (!synced) {
    all.unsynced.insert(info.st_ino);
  } else if (S_ISDIR(info.st_mode)) {
    std::erase_if(all.names, [&](const auto& name) { return name.directory == watched->path; });
  } else {
    all.unsynced.erase(info.st_ino);
  }
}

void RememberName(const std::string& path, std::function<void()> undo) {
  Watch& all = watch();
  std::lock_guard lock(all.mutex);
  all.names.push_back({DirectoryOf(path), std::move(undo)});
}

// Another name for a file that is about to lose its own, by which it comes back; empty if there is
// no such file.
std::string InAttic(const std::string& path) {
  Watch& all = watch();
  std::lock_guard lock(all.mutex);
  const std::string attic = all.root + "-attic";
  syscall(SYS_mkdir, attic.c_str(), 0700);
  const std::string name = attic + "/" + std::to_string(all.kept++);
  return syscall(SYS_link, path.c_str(), name.c_str()) == 0 ? name : "";
}

int Unlink(const char* path) {
  const auto watched = PlaceOf(std::string(path), "unlink");
  const std::string kept = Remembers(watched) ? InAttic(path) : "";
  const int result = Run(watched, [&] { return static_cast<int>(syscall(SYS_unlink, path)); });
  if (result == 0 && !kept.empty()) {
    RememberName(
        path, [kept, path = std::string(path)] { syscall(SYS_link, kept.c_str(), path.c_str()); });
  }
  return result;
}

int Rename(const char* from, const char* to, unsigned flags) {
  const auto watched = PlaceOf(std::string(to), "rename");
  const bool exchanges = flags == RENAME_EXCHANGE;
  const std::string kept = Remembers(watched) && !exchanges ? InAttic(to) : "";
  const int result = Run(watched, [&] {
    return static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags));
  });
  if (result == 0 && Remembers(watched)) {
    RememberName(to, [=, from = std::string(from), to = std::string(to)] {
      syscall(SYS_renameat2, AT_FDCWD, to.c_str(), AT_FDCWD, from.c_str(), flags);
      if (!kept.empty()) syscall(SYS_link, kept.c_str(), to.c_str());
    });
  }
  return result;
}

}  // namespace

void HappensThere(Mishap mishap) { watch().mishap = mishap; }

bool HasHappened() { return watch().happened; }

void DieAt(const std::string& root, const std::string& name, uint64_t nth,
           const std::vector<std::string>& sync_points) {
  Watch& all = watch();
  all.root = std::filesystem::canonical(std::filesystem::path(root).parent_path()) /
             std::filesystem::path(root).filename();
  all.name = name;
  all.nth = nth;
  all.on = true;
  auto* const points = rocksdb::SyncPoint::GetInstance();
  for (const auto& point : sync_points) {
    points->SetCallBack(point, [point](void*) { ComeTo(point); });
  }
  if (!sync_points.empty()) points->EnableProcessing();
}

void ComeTo(const std::string& name) {
  if (watch().on) (void)ComesToGrief(name);
}

std::map<std::string, uint64_t> PlacesSeen() {
  std::lock_guard lock(watch().mutex);
  return watch().seen;
}

void AppendUnwatched(const std::string& file, const std::string& text) {
  const long fd = syscall(SYS_openat, AT_FDCWD, file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  syscall(SYS_write, fd, text.data(), text.size());
  syscall(SYS_close, fd);
}

}  // namespace cordon

// The calls themselves, found here before the C library's by everything in the process.
extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  const auto watched =
      (flags & O_CREAT) ? cordon::PlaceOf(std::string(path), "create") : std::nullopt;
  const bool fresh = cordon::Remembers(watched) && access(path, F_OK) != 0;
  const int fd = cordon::Run(
      watched, [&] { return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode)); });
  if (fd >= 0 && fresh) {
    cordon::RememberName(path, [path = std::string(path)] { syscall(SYS_unlink, path.c_str()); });
  }
  return fd;
}

ssize_t write(int fd, const void* bytes, size_t count) {
  const auto watched = cordon::PlaceOf(fd, "write");
  cordon::RememberContent(watched, fd, /*synced=*/false);
  if (watched && cordon::ComesToGrief(watched->place + ".half",
                                      [&] { syscall(SYS_write, fd, bytes, count / 2); })) {
    return static_cast<ssize_t>(count / 2);
  }
  return cordon::Run(watched, [&] { return syscall(SYS_write, fd, bytes, count); });
}

ssize_t writev(int fd, const struct iovec* parts, int count) {
  return cordon::Run(cordon::PlaceOf(fd, "write"),
                     [&] { return syscall(SYS_writev, fd, parts, count); });
}

// What overwrites old keys where they lie.
ssize_t pwrite(int fd, const void* bytes, size_t count, off_t at) {
  const auto watched = cordon::PlaceOf(fd, "overwrite");
  return cordon::Run(watched, [&] { return syscall(SYS_pwrite64, fd, bytes, count, at); });
}

int fsync(int fd) {
  const auto watched = cordon::PlaceOf(fd, "sync");
  const int result = cordon::Run(watched, [&] { return static_cast<int>(syscall(SYS_fsync, fd)); });
  if (result == 0) cordon::RememberContent(watched, fd, /*synced=*/true);
  return result;
}

int fdatasync(int fd) {
  const auto watched = cordon::PlaceOf(fd, "sync");
  const int result =
      cordon::Run(watched, [&] { return static_cast<int>(syscall(SYS_fdatasync, fd)); });
  if (result == 0) cordon::RememberContent(watched, fd, /*synced=*/true);
  return result;
}

int ftruncate(int fd, off_t size) noexcept {
  return cordon::Run(cordon::PlaceOf(fd, "truncate"),
                     [&] { return static_cast<int>(syscall(SYS_ftruncate, fd, size)); });
}

int rename(const char* from, const char* to) noexcept { return cordon::Rename(from, to, 0); }

int renameat2(int, const char* from, int, const char* to, unsigned flags) noexcept {
  return cordon::Rename(from, to, flags);
}

int link(const char* from, const char* to) noexcept {
  return cordon::Run(cordon::PlaceOf(std::string(to), "link"),
                     [&] { return static_cast<int>(syscall(SYS_link, from, to)); });
}

int unlink(const char* path) noexcept { return cordon::Unlink(path); }

int remove(const char* path) noexcept {
  const int result = cordon::Unlink(path);
  if (result != 0 && errno == EISDIR) return static_cast<int>(syscall(SYS_rmdir, path));
  return result;
}

int mkdir(const char* path, mode_t mode) noexcept {
  return cordon::Run(cordon::PlaceOf(std::string(path), "mkdir"),
                     [&] { return static_cast<int>(syscall(SYS_mkdir, path, mode)); });
}

}  // extern "C"
