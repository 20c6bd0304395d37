#include <absl/synchronization/mutex.h>
#include <grpc/grpc.h>

#include <cstdio>
#include <cstdlib>

#include "tools/cordon/command_line.h"

int main(int argc, char** argv) {
  // Debian builds absl with lock-order tracking, and gRPC's locks are absl's.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Once a large message was written, gRPC 1.51's own shutdown may wait for a poller that sleeps up
  // to 10 s. All calls have ended when RunCommandLine returns: one reference more keeps the library
  // up until the process is gone.
  grpc_init();
  const int code = cordon::RunCommandLine(argc, argv, stdout, stderr);
  std::fflush(nullptr);
  std::_Exit(code);
}
