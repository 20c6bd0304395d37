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

// The refusal of a call that found limits::kEndpointWaiters others waiting, or
// limits::kEndpointWaitersOfOne of its own caller.
Status EndpointBusy(std::string_view endpoint);

// Runs `go(caller)`: at once if the request asks no endpoint, else on the threads for those that
// ask it, with the caller authenticated anew. `refused` runs instead if that fails, or, after the
// call's record, if too many wait there, of this caller or in all.
template <typename Request, typename Go, typename Refused>
void WhereItMayWait(const EnteredCall& call, const Request& request, Go go, Refused refused) {
  const auto& outside = call.front->outside;
  if (outside.empty()) return go(call.caller);
  const ReadContext context = call.front->engine->ReadAs(call.caller, nullptr);
  const auto asked = outside.find(EndpointAsked(context, request));
  if (asked == outside.end()) return go(call.caller);
  EndpointCalls* const its = asked->second.get();
  const Status busy = EndpointBusy(asked->first);
  const std::string counted = CountedAs(call.caller);
  if (!its->waiting.Add(counted)) return RefuseEntered(call, busy, std::move(refused));
  // Of the two, one runs, once, and before the call is answered: until then `its` is there.
  GoOnAt(
      &its->executor, call, busy,
      [=](const Authenticated& now) {
        its->waiting.Remove(counted);
        go(now);
      },
      [=](const Status& status) {
        its->waiting.Remove(counted);
        refused(status);
      });
}

}  // namespace cordon
