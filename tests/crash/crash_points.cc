#include "tests/crash/crash_points.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "tests/crash/file_kinds.h"

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
  std::vector<std::string> directories = {"index", "keys"};  // of which power is lost, or full
  uint64_t seed = 0;
  std::atomic<bool> happened{false};
  std::string happened_at;
  // The call that fails by its number, 0: none.
  uint64_t calls = 0;
  uint64_t fails_at = 0;
  Failure failure = Failure::kEio;
  // What of these directories is not on the disk yet: contents by inode, each with the bytes that
  // are, and changes of names, which can be undone, by the directory whose sync makes them last.
  std::map<ino_t, off_t> unsynced;
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

// Whether it is one of the directories that lose power or are full, or in one.
bool IsMeant(const std::string& path) {
  const Watch& all = watch();
  return std::any_of(all.directories.begin(), all.directories.end(), [&](const auto& directory) {
    const std::string whole = all.root + "/" + directory;
    return path == whole || path.starts_with(whole + "/");
  });
}

// What is left of a file of which some was not synced.
void LoseContent(const std::string& path, off_t size, off_t synced, uint64_t dice) {
  const long fd = syscall(SYS_openat, AT_FDCWD, path.c_str(), O_WRONLY);
  const off_t half = synced + (size - synced) / 2;
  if (dice % 4 == 0) syscall(SYS_ftruncate, fd, half);
  if (dice % 4 == 1) syscall(SYS_pwrite64, fd, "garbled", std::min<off_t>(7, size - half), half);
  if (dice % 4 == 2) syscall(SYS_ftruncate, fd, synced);
  syscall(SYS_close, fd);
}

// What was not synced: changes of names did not come to pass, the last ones or all of them, and
// contents are cut, garbled, or there after all. Called with the lock held.
void LosePower() {
  Watch& all = watch();
  const uint64_t dice = (all.nth + all.seed) * 0x9e3779b97f4a7c15 >> 40;
  const size_t lasting = dice % 2 == 0 ? 0 : dice / 2 % (all.names.size() + 1);
  while (all.names.size() > lasting) {
    all.names.back().undo();
    all.names.pop_back();
  }
  for (const auto& directory : all.directories) {
    std::error_code none;
    const std::filesystem::path whole = all.root + "/" + directory;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(whole, none)) {
      struct stat info;
      if (stat(entry.path().c_str(), &info) != 0) continue;
      const auto found = all.unsynced.find(info.st_ino);
      if (found == all.unsynced.end() || info.st_size <= found->second) continue;
      LoseContent(entry.path(), info.st_size, found->second, dice);
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
  all.happened_at = name;
  if (last) last();
  if (all.mishap == Mishap::kPowerLost) LosePower();
  if (all.mishap == Mishap::kKilled || all.mishap == Mishap::kPowerLost) Die();
  return true;
}

// A call that is watched: of which file, and its place, "KIND.CALL".
struct Watched {
  std::string path;
  std::string place;
};

std::optional<Watched> PlaceOf(const std::string& path, std::string_view call) {
  if (!watch().on) return std::nullopt;
  const std::string kind = KindOf(watch().root, path);
  if (kind.empty()) return std::nullopt;
  return Watched{path, kind + "." + std::string(call)};
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
  const std::string& place = watched.place;
  const bool grows =
      place.ends_with(".create") || place.ends_with(".write") || place.ends_with(".mkdir");
  return all.mishap == Mishap::kDiskFull && all.happened && grows && IsMeant(watched.path);
}

// How the call fails that is due by its number; counts it.
std::optional<Failure> FailsByNumber(const Watched& watched) {
  Watch& all = watch();
  std::lock_guard lock(all.mutex);
  if (++all.calls != all.fails_at) return std::nullopt;
  all.happened = true;
  all.happened_at = watched.place;
  return all.failure;
}

// Only what needs room finds none.
int ErrorOf(Failure failure, const std::string& place) {
  const bool syncs = place.ends_with(".sync") || place.ends_with(".unlink");
  return failure == Failure::kNoSpace && !syncs ? ENOSPC : EIO;
}

// Runs a call with the places before and after it.
template <typename Call>
auto Run(const std::optional<Watched>& watched, Call call, const std::function<void()>& half = {})
    -> decltype(call()) {
  if (!watched) return call();
  if (const auto failure = FailsByNumber(*watched)) {
    if (*failure == Failure::kDoneAndEio) call();
    if (*failure == Failure::kShortWrite && half) half();
    errno = ErrorOf(*failure, watched->place);
    return -1;
  }
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
  return watched && watch().mishap == Mishap::kPowerLost && IsMeant(watched->path);
}

void RememberContent(const std::optional<Watched>& watched, int fd, bool synced) {
  struct stat info;
  if (!watched || watch().mishap != Mishap::kPowerLost || fstat(fd, &info) != 0) return;
  Watch& all = watch();
  std::lock_guard lock(all.mutex);
  if (!synced) {
    if (IsMeant(watched->path)) all.unsynced.try_emplace(info.st_ino, info.st_size);
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

// A directory that has lost its name goes where it is not found.
void IntoAttic(const std::string& path) {
  Watch& all = watch();
  const std::string attic = all.root + "-attic";
  syscall(SYS_mkdir, attic.c_str(), 0700);
  const std::string name = attic + "/" + std::to_string(all.kept++);
  syscall(SYS_renameat2, AT_FDCWD, path.c_str(), AT_FDCWD, name.c_str(), 0);
}

// Without the slash at its end that RocksDB gives to some.
std::string NameOf(const char* directory) {
  std::string name = directory;
  while (name.size() > 1 && name.ends_with('/')) name.pop_back();
  return name;
}

int Mkdir(const std::string& path, mode_t mode) {
  const auto watched = PlaceOf(path, "mkdir");
  const bool fresh = Remembers(watched) && access(path.c_str(), F_OK) != 0;
  const int result =
      Run(watched, [&] { return static_cast<int>(syscall(SYS_mkdir, path.c_str(), mode)); });
  if (result == 0 && fresh) RememberName(path, [path] { IntoAttic(path); });
  return result;
}

int Link(const char* from, const char* to) {
  const auto watched = PlaceOf(std::string(to), "link");
  const int result = Run(watched, [&] { return static_cast<int>(syscall(SYS_link, from, to)); });
  if (result == 0 && Remembers(watched)) {
    RememberName(to, [to = std::string(to)] { syscall(SYS_unlink, to.c_str()); });
  }
  return result;
}

// What stands for a directory and a name in it.
std::string PathAt(int directory, const char* name) {
  if (directory == AT_FDCWD || *name == '/') return name;
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(directory);
  const ssize_t size = readlink(link.c_str(), path, sizeof(path));
  return size <= 0 ? name : std::string(path, static_cast<size_t>(size)) + "/" + name;
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

void HappensThere(Mishap mishap, std::vector<std::string> directories, uint64_t seed) {
  Watch& all = watch();
  all.mishap = mishap;
  all.directories = std::move(directories);
  all.seed = seed;
}

bool HasHappened() { return watch().happened; }

std::string HappenedAt() {
  std::lock_guard lock(watch().mutex);
  return watch().happened ? watch().happened_at : "";
}

void FailNth(const std::string& root, uint64_t nth, Failure failure) {
  EndWatch();
  Watch& all = watch();
  std::lock_guard lock(all.mutex);
  const std::string canonical = std::filesystem::canonical(root);
  if (all.root != canonical) all.root = canonical;  // other threads may still read it
  all.mishap = Mishap::kFails;
  all.fails_at = nth;
  all.failure = failure;
  all.on = true;
}

uint64_t CallsSeen() {
  std::lock_guard lock(watch().mutex);
  return watch().calls;
}

void EndWatch() {
  Watch& all = watch();
  std::lock_guard lock(all.mutex);
  all.on = false;
  all.name.clear();
  all.seen.clear();
  all.calls = all.fails_at = 0;
  all.happened = false;
}

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
  const auto half = [&] { syscall(SYS_write, fd, bytes, count / 2); };
  if (watched && cordon::ComesToGrief(watched->place + ".half", half)) {
    return static_cast<ssize_t>(count / 2);
  }
  const auto call = [&] { return syscall(SYS_write, fd, bytes, count); };
  return cordon::Run(watched, call, half);
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

int link(const char* from, const char* to) noexcept { return cordon::Link(from, to); }

int unlink(const char* path) noexcept { return cordon::Unlink(path); }

int remove(const char* path) noexcept {
  const int result = cordon::Unlink(path);
  if (result != 0 && errno == EISDIR) return static_cast<int>(syscall(SYS_rmdir, path));
  return result;
}

// By which the standard library takes whole directories away.
int unlinkat(int directory, const char* name, int flags) noexcept {
  const auto call = [&] { return static_cast<int>(syscall(SYS_unlinkat, directory, name, flags)); };
  return cordon::Run(cordon::PlaceOf(cordon::PathAt(directory, name), "unlink"), call);
}

int mkdir(const char* path, mode_t mode) noexcept {
  return cordon::Mkdir(cordon::NameOf(path), mode);
}

int rmdir(const char* path) noexcept {
  const std::string name = cordon::NameOf(path);
  return cordon::Run(cordon::PlaceOf(name, "unlink"),
                     [&] { return static_cast<int>(syscall(SYS_rmdir, name.c_str())); });
}

// RocksDB waits a second after an error in the background.
int usleep(useconds_t micros) {
  const timespec wait{0, static_cast<long>(std::min<useconds_t>(micros, 1000)) * 1000};
  return static_cast<int>(syscall(SYS_nanosleep, &wait, nullptr));
}

}  // extern "C"
