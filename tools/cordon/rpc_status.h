// grpc::Status → Status: the code, the message, the refused field, and how long to wait.
#pragma once

#include <grpcpp/support/status.h>

#include <chrono>
#include <optional>

#include "engine/base/status.h"

namespace cordon {

// What a call came to.
struct RpcOutcome {
  Status status;
  // How long the server asks to wait before the next try.
  std::optional<std::chrono::milliseconds> retry_delay;

  bool ok() const { return status.ok(); }
};

// Reads google.rpc.BadRequest (its first field) and google.rpc.RetryInfo out of the details;
// details that cannot be read are passed over.
RpcOutcome FromGrpc(const grpc::Status& status);

// How often and how long RESOURCE_EXHAUSTED is waited out. Not thread-safe.
class RetryPolicy {
 public:
  // How long to wait before the call that came to `outcome` is tried again; nothing if it must not
  // be. A delay named by the server is kept (up to 30 s) for two minutes in all; one without gets a
  // few quick tries.
  std::optional<std::chrono::milliseconds> Next(const RpcOutcome& outcome);

  // Forgets the tries so far: there was progress.
  void Reset();

 private:
  std::chrono::milliseconds waited_{0};
  int blind_tries_ = 0;
};

}  // namespace cordon
