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
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
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
};

Watch& watch() {
  static auto* const instance = new Watch;
  return *instance;
}

[[noreturn]] void Die() {
  syscall(SYS_kill, getpid(), SIGKILL);
  while (true) pause();
}

// Counts the place; true if the process is to die there.
bool IsTheEnd(const std::string& name) {
  Watch& all = watch();
  std::lock_guard lock(all.mutex);
  return ++all.seen[name] == all.nth && name == all.name;
}

// What kind of file it is: its role in the data directory; empty for what is not watched.
std::string KindOf(const std::string& path) {
  const Watch& all = watch();
  if (!path.starts_with(all.root)) return "";
  const std::string below = path.substr(std::min(path.size(), all.root.size() + 1));
  const std::string file = below.substr(below.rfind('/') + 1);
  const bool temporary = file.ends_with(".tmp");
  if (below.empty()) return "data_dir";
  if (below == "store" || below == "journal") return below + "_dir";
  if (below.starts_with("journal/")) {
    if (file.find('.') == file.npos) return "tenant_dir";
    return temporary ? "journal_tmp" : "journal";
  }
  if (!below.starts_with("store/"))
    return file.substr(0, file.find('.')) + (temporary ? "_tmp" : "");
  if (file.starts_with("OPTIONS-")) return "options";
  if (file.ends_with(".dbtmp")) return "current_tmp";
  if (file.starts_with("MANIFEST-")) return "manifest";
  if (file == "CURRENT") return "current";
  if (file.ends_with(".sst")) return "table";
  if (file.ends_with(".log")) return "wal";
  return "";  // RocksDB's info log, its lock, its identity
}

// The place of a call, if it is watched: "KIND.CALL".
std::optional<std::string> PlaceOf(const std::string& path, std::string_view call) {
  if (!watch().on) return std::nullopt;
  const std::string kind = KindOf(path);
  if (kind.empty()) return std::nullopt;
  return kind + "." + std::string(call);
}

std::optional<std::string> PlaceOf(int fd, std::string_view call) {
  if (!watch().on) return std::nullopt;
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = readlink(link.c_str(), path, sizeof(path));
  if (size <= 0) return std::nullopt;
  return PlaceOf(std::string(path, static_cast<size_t>(size)), call);
}

// Runs a call with the places before and after it.
template <typename Call>
auto Watched(const std::optional<std::string>& place, Call call) {
  if (place && IsTheEnd(*place + ".before")) Die();
  const auto result = call();
  if (place && IsTheEnd(*place + ".after")) Die();
  return result;
}

}  // namespace

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
  if (watch().on && IsTheEnd(name)) Die();
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
  const auto place =
      (flags & O_CREAT) ? cordon::PlaceOf(std::string(path), "create") : std::nullopt;
  return cordon::Watched(
      place, [&] { return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode)); });
}

ssize_t write(int fd, const void* bytes, size_t count) {
  const auto place = cordon::PlaceOf(fd, "write");
  if (place && cordon::IsTheEnd(*place + ".half")) {
    syscall(SYS_write, fd, bytes, count / 2);
    cordon::Die();
  }
  return cordon::Watched(place, [&] { return syscall(SYS_write, fd, bytes, count); });
}

ssize_t writev(int fd, const struct iovec* parts, int count) {
  return cordon::Watched(cordon::PlaceOf(fd, "write"),
                         [&] { return syscall(SYS_writev, fd, parts, count); });
}

int fsync(int fd) {
  return cordon::Watched(cordon::PlaceOf(fd, "sync"),
                         [&] { return static_cast<int>(syscall(SYS_fsync, fd)); });
}

int fdatasync(int fd) {
  return cordon::Watched(cordon::PlaceOf(fd, "sync"),
                         [&] { return static_cast<int>(syscall(SYS_fdatasync, fd)); });
}

int ftruncate(int fd, off_t size) noexcept {
  return cordon::Watched(cordon::PlaceOf(fd, "truncate"),
                         [&] { return static_cast<int>(syscall(SYS_ftruncate, fd, size)); });
}

int rename(const char* from, const char* to) noexcept {
  return cordon::Watched(cordon::PlaceOf(std::string(to), "rename"),
                         [&] { return static_cast<int>(syscall(SYS_rename, from, to)); });
}

int link(const char* from, const char* to) noexcept {
  return cordon::Watched(cordon::PlaceOf(std::string(to), "link"),
                         [&] { return static_cast<int>(syscall(SYS_link, from, to)); });
}

int unlink(const char* path) noexcept {
  return cordon::Watched(cordon::PlaceOf(std::string(path), "unlink"),
                         [&] { return static_cast<int>(syscall(SYS_unlink, path)); });
}

int mkdir(const char* path, mode_t mode) noexcept {
  return cordon::Watched(cordon::PlaceOf(std::string(path), "mkdir"),
                         [&] { return static_cast<int>(syscall(SYS_mkdir, path, mode)); });
}

}  // extern "C"
