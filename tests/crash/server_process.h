// The real cordond as a process of its own, to be killed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace cordon {

class ServerProcess {
 public:
  // `log` takes its stderr; `flags` are added to its own, each followed by its value.
  ServerProcess(std::string data_dir, std::string log, std::vector<std::string> flags = {})
      : data_dir_(std::move(data_dir)), log_(std::move(log)), flags_(std::move(flags)) {}
  ~ServerProcess() { Kill(); }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Starts the process without waiting for it to serve.
  void Begin();
  // Begins, if that is not done yet, and waits until it serves. False if it ended instead.
  bool Start();
  // HOST:PORT, while it serves.
  const std::string& address() const { return address_; }

  // SIGKILL, and waits for the end.
  void Kill();
  // SIGTERM.
  void Terminate();
  // Waits for the end; the exit code, 128 + N for signal N, or nothing if it lives on.
  std::optional<int> Wait(std::chrono::milliseconds at_most);

  // What it has logged.
  std::string Log() const;

 private:
  const std::string data_dir_;
  const std::string log_;
  const std::vector<std::string> flags_;
  pid_t pid_ = -1;
  int stdout_ = -1;
  std::string address_;
};

}  // namespace cordon
