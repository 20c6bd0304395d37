// How a call enters: admission, authentication, and exactly one Finish.
//
// No more calls are worked on at once than the bounded executor has threads. Every handler comes
// through Unary() or IngestStream, so that none can forget to authenticate.
#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>

#include "engine/base/executor.h"
#include "engine/base/limits.h"
#include "engine/engine.h"
#include "engine/identity/api_key.h"
#include "engine/identity/certificate.h"
#include "engine/server/errors.h"
#include "engine/server/open_streams.h"
#include "engine/server/peer.h"

namespace cordon {

// What all services share. Outlives every call.
struct Front {
  Engine* engine;
  Authenticator* authenticator;
  CertificateAuthenticator* certificates;
  Executor* executor;
  OpenStreams streams;
  Peers peers;
  std::atomic<uint64_t> unauthenticated{0};
  std::atomic<int> waiting{0};  // calls that wait for a revision

  // Authenticates by the call's metadata or, if it has no `authorization`, by the connection's
  // client certificate. A certificate that has ended or is denied counts for neither.
  // UNAUTHENTICATED calls are counted, not journalled.
  StatusOr<Authenticated> Authenticate(const grpc::CallbackServerContext& context);
};

// Says true once the caller is gone or the deadline, at most limits::kDeadlineCap_ms from now, has
// passed. Valid until the call is finished.
std::function<bool()> StopOf(grpc::CallbackServerContext* context);

// The refusal of a call that found the executor's queue full.
Status Overloaded();

// Refuses a message of more than `bytes_max`.
Status CheckMessage(const google::protobuf::Message& message, size_t bytes_max);

// The call of a request, for its record: "Retrieve" for a RetrieveRequest.
std::string CallOf(const google::protobuf::Message& request);

// Where a call is handled. gRPC 1.51 calls back on the threads that poll its sockets, of which
// there are two at least: short reads have them (Executor::SubmitOrRun), and once one was long, one
// of them at most, so that however long a search takes, the other goes on polling.
enum class Where { kQueue, kHereIfFree };

// Runs `handle(caller, request, stop, done)` as a task of the executor; `done` takes
// StatusOr<Response>, once.
template <typename Request, typename Response, typename Handle>
grpc::ServerUnaryReactor* Unary(Front* front, grpc::CallbackServerContext* context,
                                const Request* request, Response* response, Handle handle,
                                size_t bytes_max = limits::kQueryMessageBytes,
                                Where where = Where::kQueue) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto done = [reactor, response](StatusOr<Response> result) {
    if (result.ok()) *response = *std::move(result);
    reactor->Finish(ToGrpc(result.status()));
  };
  const auto run = [=] {
    const auto caller = front->Authenticate(*context);
    if (!caller.ok()) return done(caller.status());
    if (const Status fits = CheckMessage(*request, bytes_max); !fits.ok()) {
      const auto tenant = front->engine->FindTenant(caller->tenant());
      return RefuseJournaled(tenant, *caller, CallOf(*request), fits, done);
    }
    handle(*caller, *request, StopOf(context), done);
  };
  const bool admitted = where == Where::kHereIfFree ? front->executor->SubmitOrRun(run)
                                                    : front->executor->Submit(run);
  if (!admitted) reactor->Finish(ToGrpc(Overloaded()));
  return reactor;
}

}  // namespace cordon
