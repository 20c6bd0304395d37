#include "engine/crypto/key_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "engine/crypto/key_file.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;
using Time = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;

constexpr size_t kLineMax = SecretKey::kBytes * 2 + 1;
constexpr milliseconds kLookAgain(5);  // whether it has ended: nothing tells

Status Refused(const fs::path& program, std::string_view why) {
  return Status(StatusCode::kFailedPrecondition, program.string(), why);
}

Status SystemRefused(const fs::path& program, int error) {
  return Refused(program, fmt::format("cannot be run: {}; name a program that this user may run",
                                      std::generic_category().message(error)));
}

Status CheckProgram(const fs::path& program) {
  if (!program.is_absolute()) {
    return Refused(program,
                   "is not an absolute path to a program; it takes no arguments: write a "
                   "script with what it needs");
  }
  struct stat info;
  if (::stat(program.c_str(), &info) != 0) return SystemRefused(program, errno);
  if (!S_ISREG(info.st_mode)) return Refused(program, "is not a program");
  if ((info.st_mode & 022) == 0) return OkStatus();
  return Refused(program, fmt::format("may be replaced by others (mode {:04o}); run: chmod go-w {}",
                                      info.st_mode & 07777, program.string()));
}

// What it is begun with.
struct Spawning {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;

  explicit Spawning(int output) {
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);  // the server ignores it
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Spawning() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  Spawning(const Spawning&) = delete;
  Spawning& operator=(const Spawning&) = delete;
};

// A program that runs, in a process group of its own, which goes with this.
class Running {
 public:
  static StatusOr<std::unique_ptr<Running>> Begin(const fs::path& program) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return SystemRefused(program, errno);
    std::string name = program.string();
    char* arguments[] = {name.data(), nullptr};
    pid_t pid = 0;
    const Spawning spawning(ends[1]);
    const int error = posix_spawn(&pid, program.c_str(), &spawning.files, &spawning.attributes,
                                  arguments, environ);
    ::close(ends[1]);
    if (error == 0) return std::unique_ptr<Running>(new Running(pid, ends[0]));
    ::close(ends[0]);
    return SystemRefused(program, error);
  }
  ~Running() {
    ::close(output_);
    if (ended_) return;
    ::kill(-pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  // How much it prints until it closes its output, at most `size`; nothing if that takes too long.
  std::optional<size_t> Read(char* to, size_t size, Time until) {
    size_t read = 0;
    while (read < size) {
      const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::now());
      pollfd ready{output_, POLLIN, 0};
      const int count =
          ::poll(&ready, 1, static_cast<int>(std::max(left, milliseconds(0)).count()));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return std::nullopt;
      const ssize_t got = ::read(output_, to + read, size - read);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      read += static_cast<size_t>(got);
    }
    return read;
  }

  // With what it ended; nothing if that takes too long.
  std::optional<int> End(Time until) {
    int status = 0;
    while (::waitpid(pid_, &status, WNOHANG) != pid_) {
      if (Clock::now() >= until) return std::nullopt;
      std::this_thread::sleep_for(kLookAgain);
    }
    ended_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  using Clock = std::chrono::steady_clock;
  Running(pid_t pid, int output) : pid_(pid), output_(output) {}

  const pid_t pid_;
  const int output_;
  bool ended_ = false;
};

}  // namespace

StatusOr<SecretKey> ReadKeyFromCommand(const fs::path& program, milliseconds most) {
  RETURN_IF_ERROR(CheckProgram(program));
  const Time until = std::chrono::steady_clock::now() + most;
  ASSIGN_OR_RETURN(const auto running, Running::Begin(program));
  std::array<char, kLineMax + 1> output;
  const auto size = running->Read(output.data(), output.size(), until);
  auto key = KeyOfLine(std::string_view(output.data(), size.value_or(0)));
  OPENSSL_cleanse(output.data(), output.size());
  const bool more = size == output.size();  // than a key: it may go on for ever
  const auto end = size && !more ? running->End(until) : std::nullopt;
  if (!end && !more) {
    return Refused(program,
                   fmt::format("has not ended within {} ms; run it by hand", most.count()));
  }
  if (end && *end != 0) {
    return Refused(program,
                   fmt::format("ended with {}; see what it said, and run it by hand", *end));
  }
  if (!key.ok()) return Refused(program, fmt::format("printed no key: {}", key.status().message()));
  return key;
}

}  // namespace cordon
