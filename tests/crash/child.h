// Work in a process of its own: RocksDB may abort on damaged data, and a test is to go on.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

#include "engine/base/check.h"

namespace cordon {

// Runs `work` in a child process and returns what it returned (0 to 125), or minus the signal that
// ended it; a child that hangs is ended by SIGALRM. This process must not have opened a RocksDB:
// its threads do not survive a fork.
inline int InChild(const std::function<int()>& work) {
  constexpr unsigned kHang_s = 60;
  std::fflush(nullptr);
  const pid_t child = fork();
  CORDON_CHECK(child >= 0);
  if (child == 0) {
    alarm(kHang_s);
    const int code = work();
    std::fflush(nullptr);
    _exit(code);
  }
  int status = 0;
  CORDON_CHECK(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace cordon
