// Work in a process of its own: what damaged data does to it is seen from outside.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
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

// What a child found out is told by exit codes from here on: a sanitizer's report ends a process
// with a low one, which must not pass for a finding.
constexpr int kFirstOutcome = 10;

// Whether InChild() returned an outcome, of which `last` is the last, and did not die on the way.
inline testing::AssertionResult IsOutcome(int code, int last) {
  if (code >= kFirstOutcome && code <= last) return testing::AssertionSuccess();
  if (code >= 0) return testing::AssertionFailure() << "the child exited with " << code;
  return testing::AssertionFailure()
         << "the child died of signal " << -code << (code == -SIGALRM ? ": it hangs" : "");
}

}  // namespace cordon
