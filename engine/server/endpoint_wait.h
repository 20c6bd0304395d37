// Waiting for an endpoint without holding up who does not ask one.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "cordon/v1/ingest.pb.h"
#include "cordon/v1/retrieval.pb.h"
#include "engine/server/calls.h"

namespace cordon {

// The first endpoint that the request, so far as its caller is let through to it, may have to wait
// for: by what its collection is now. Empty: none. Thread-safe.
std::string EndpointAsked(const ReadContext& context, const v1::RetrieveRequest& request);
std::string EndpointAsked(const ReadContext& context, const v1::BatchRetrieveRequest& request);
std::string EndpointAsked(const ReadContext& context, const v1::IngestRequest& request);
template <typename Request>
std::string EndpointAsked(const ReadContext&, const Request&) {
  return "";
}

// The refusal of a call that found limits::kEndpointWaiters others waiting.
Status EndpointBusy(std::string_view endpoint);

// Runs `go(caller)`: at once if the request asks no endpoint, else on the threads for those that
// ask it, with the caller authenticated anew. `refused` runs instead if that fails, or if too many
// wait there.
template <typename Request, typename Go, typename Refused>
void WhereItMayWait(Front* front, const grpc::CallbackServerContext* context,
                    const Authenticated& caller, const Request& request, Go go, Refused refused) {
  if (front->outside.empty()) return go(caller);
  const std::string endpoint = EndpointAsked(front->engine->ReadAs(caller, nullptr), request);
  const auto outside = front->outside.find(endpoint);
  if (outside == front->outside.end()) return go(caller);
  GoOnAt(outside->second.get(), front, context, EndpointBusy(endpoint), std::move(go),
         std::move(refused));
}

}  // namespace cordon
