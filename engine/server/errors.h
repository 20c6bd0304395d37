// The one error map: engine statuses as gRPC statuses with standard details.
#pragma once

#include <grpcpp/grpcpp.h>

#include "engine/base/status.h"

namespace cordon {

// Carries google.rpc.BadRequest for the field and, for RESOURCE_EXHAUSTED, google.rpc.RetryInfo.
// The messages of engine statuses hold no text of inner libraries (engine/base/status.h).
grpc::Status ToGrpc(const Status& status);

}  // namespace cordon
