// How a call enters: admission, authentication, and exactly one Finish.
//
// No more calls are worked on at once than the bounded executor has threads, and gRPC has threads
// that bring short ones. Every handler comes through Unary() or IngestStream, so that none can
// forget to authenticate.
#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "engine/base/executor.h"
#include "engine/base/limits.h"
#include "engine/engine.h"
#include "engine/identity/api_key.h"
#include "engine/identity/certificate.h"
#include "engine/ingest/directory_sync.h"
#include "engine/server/errors.h"
#include "engine/server/open_streams.h"
#include "engine/server/peer.h"

namespace cordon {

// Where a call is handled. gRPC 1.51 calls back on the threads that poll its sockets, of which
// there are two at least: short reads have them (Executor::SubmitOrRun), and once one was long, one
// of them at most, so that however long a search takes, the other goes on polling. A call that
// turns out to wait for an endpoint goes on elsewhere (endpoint_wait.h).
enum class Where { kQueue, kHereIfFree };

// Calls that wait for a revision, counted by their keys. Thread-safe.
class WaitingCalls {
 public:
  // False if too many wait, of this key or in all.
  bool Add(const std::string& key);
  void Remove(const std::string& key);
  bool empty();

 private:
  std::mutex mutex_;
  int all_ = 0;                        // guarded by mutex_
  std::map<std::string, int> by_key_;  // guarded by mutex_
};

// What all services share. Outlives every call.
struct Front {
  Engine* engine;
  Authenticator* authenticator;
  CertificateAuthenticator* certificates;
  Executor* executor;
  Executor* backups;  // of one thread: a backup takes minutes, and there is one at a time
  // For calls that wait for an endpoint, by its name: a slow one holds up who asks it alone.
  std::map<std::string, std::unique_ptr<Executor>, std::less<>> outside{};
  OpenStreams streams;
  OpenSyncs syncs;         // of directories
  OpenSyncs source_syncs;  // of documents
  Peers peers;
  std::atomic<uint64_t> unauthenticated{0};
  WaitingCalls waiting;
  // After how long a stream of passages is cut off, read or not.
  std::chrono::milliseconds stream_cap{limits::kDeadlineCap_ms};

  // Authenticates by the call's metadata or, if it has no `authorization`, by the connection's
  // client certificate. A certificate that has ended or is denied counts for neither.
  // UNAUTHENTICATED calls are counted, not journalled.
  StatusOr<Authenticated> Authenticate(const grpc::CallbackServerContext& context);

  // Counts the call, or the message of a stream. RESOURCE_EXHAUSTED beyond the key's quota.
  Status Admit(const Authenticated& caller);
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

// Goes on with a call on `executor`, where it may wait: with `go(caller)`, the caller authenticated
// anew, since its key may be revoked by then. `refused(status)` runs instead if it is, or with
// `full` if the queue is full.
template <typename Go, typename Refused>
void GoOnAt(Executor* executor, Front* front, const grpc::CallbackServerContext* context,
            const Status& full, Go go, Refused refused) {
  const bool admitted = executor->Submit([=] {
    const auto caller = front->Authenticate(*context);
    if (!caller.ok()) return refused(caller.status());
    go(*caller);
  });
  if (!admitted) refused(full);
}

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
    Status admitted = front->Admit(*caller);
    if (admitted.ok()) admitted = CheckMessage(*request, bytes_max);
    if (!admitted.ok()) {
      const auto tenant = front->engine->FindTenant(caller->tenant());
      return RefuseJournaled(tenant, *caller, CallOf(*request), admitted, done);
    }
    handle(*caller, *request, StopOf(context), done);
  };
  const bool admitted = where == Where::kHereIfFree ? front->executor->SubmitOrRun(run)
                                                    : front->executor->Submit(run);
  if (!admitted) reactor->Finish(ToGrpc(Overloaded()));
  return reactor;
}

}  // namespace cordon
