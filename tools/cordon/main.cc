#include <absl/synchronization/mutex.h>

#include <cstdio>

#include "tools/cordon/command_line.h"

int main(int argc, char** argv) {
  // Debian builds absl with lock-order tracking, and gRPC's locks are absl's.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return cordon::RunCommandLine(argc, argv, stdout, stderr);
}
