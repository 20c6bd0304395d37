// Waiting for an endpoint without holding up who does not ask one.
#pragma once

#include "cordon/v1/ingest.pb.h"
#include "cordon/v1/retrieval.pb.h"
#include "engine/server/calls.h"

namespace cordon {

// Whether the request, so far as its caller is let through to it, may have to wait for one of the
// server's endpoints: by what its collection is now. Thread-safe.
bool AsksEndpoint(const ReadContext& context, const v1::RetrieveRequest& request);
bool AsksEndpoint(const ReadContext& context, const v1::BatchRetrieveRequest& request);
bool AsksEndpoint(const ReadContext& context, const v1::IngestRequest& request);
template <typename Request>
bool AsksEndpoint(const ReadContext&, const Request&) {
  return false;
}

// The refusal of a call that found limits::kEndpointWaiters others waiting.
Status EndpointsBusy();

// Runs `go(caller)`: at once if the request asks no endpoint, else on the threads for those that
// do, with the caller authenticated anew. `refused` runs instead if that fails, or if too many wait
// there.
template <typename Request, typename Go, typename Refused>
void WhereItMayWait(Front* front, const grpc::CallbackServerContext* context,
                    const Authenticated& caller, const Request& request, Go go, Refused refused) {
  const bool asks =
      front->outside != nullptr && AsksEndpoint(front->engine->ReadAs(caller, nullptr), request);
  if (!asks) return go(caller);
  GoOnAt(front->outside, front, context, EndpointsBusy(), std::move(go), std::move(refused));
}

}  // namespace cordon
