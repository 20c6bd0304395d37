#include "tests/crash/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "engine/base/check.h"

namespace cordon {
namespace {
constexpr int kStartsWithin_ms = 30000;
}

void ServerProcess::Begin() {
  int ends[2];
  CORDON_CHECK(pipe2(ends, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log_.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  std::vector<const char*> arguments = {CORDON_SERVER_PATH, "--dev",    "--data-dir",
                                        data_dir_.c_str(),  "--listen", "127.0.0.1:0"};
  for (const auto& flag : flags_) arguments.push_back(flag.c_str());
  arguments.push_back(nullptr);
  CORDON_CHECK(posix_spawn(&pid_, CORDON_SERVER_PATH, &actions, nullptr,
                           const_cast<char**>(arguments.data()), environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  stdout_ = ends[0];
}

bool ServerProcess::Start() {
  if (pid_ < 0) Begin();
  std::string line;
  while (line.empty() || line.back() != '\n') {
    pollfd ready{stdout_, POLLIN, 0};
    char next;
    if (poll(&ready, 1, kStartsWithin_ms) != 1 || read(stdout_, &next, 1) != 1) break;
    line += next;
  }
  constexpr std::string_view kPrefix = "listening on ";
  if (!line.starts_with(kPrefix)) {
    Kill();
    return false;
  }
  address_ = line.substr(kPrefix.size(), line.size() - kPrefix.size() - 1);
  return true;
}

void ServerProcess::Kill() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  CORDON_CHECK(Wait(std::chrono::seconds(30)).has_value());
}

void ServerProcess::Terminate() { kill(pid_, SIGTERM); }

std::optional<int> ServerProcess::Wait(std::chrono::milliseconds at_most) {
  const auto until = std::chrono::steady_clock::now() + at_most;
  while (true) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      close(stdout_);
      pid_ = stdout_ = -1;
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    if (std::chrono::steady_clock::now() >= until) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

std::string ServerProcess::Log() const {
  std::ostringstream text;
  text << std::ifstream(log_).rdbuf();
  return text.str();
}

}  // namespace cordon
