// How a call enters: admission, authentication, and exactly one Finish, which counts it.
//
// No more calls are worked on at once than the bounded executor has threads, as many of streams of
// documents besides, and gRPC has threads that bring short ones. Every handler comes through
// Unary(), or is one of the streams (IngestStream, PassageStream, ExportStream, SyncStream,
// SourceStream), which authenticate each message.
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
#include "engine/ingest/open_listings.h"
#include "engine/server/call_counts.h"
#include "engine/server/errors.h"
#include "engine/server/open_runs.h"
#include "engine/server/open_streams.h"
#include "engine/server/peer.h"

namespace cordon {

// Where a call is handled. gRPC 1.51 calls back on the threads that poll its sockets, of which
// there are two at least: short reads have them (Executor::SubmitOrRun), and while one is long, and
// for a while behind it, one of them at most, so that the other goes on polling. A call that
// turns out to wait for an endpoint goes on elsewhere (endpoint_wait.h).
enum class Where { kQueue, kHereIfFree };

// Calls that wait for the same, counted by their callers. Thread-safe.
class WaitingCalls {
 public:
  // At most `all_max` wait, and at most `of_one_max` of one caller.
  WaitingCalls(size_t all_max, size_t of_one_max) : all_max_(all_max), of_one_max_(of_one_max) {}

  // False if too many wait, of this caller or in all.
  [[nodiscard]] bool Add(const std::string& caller);
  void Remove(const std::string& caller);
  bool empty();

 private:
  const size_t all_max_;
  const size_t of_one_max_;
  std::mutex mutex_;
  size_t all_ = 0;                           // guarded by mutex_
  std::map<std::string, size_t> by_caller_;  // guarded by mutex_
};

// By whom a call is counted: its key, and of a user's own token the user.
std::string CountedAs(const Authenticated& caller);

// The calls for one endpoint: the threads that ask it, and who waits for one of them.
struct EndpointCalls {
  explicit EndpointCalls(int at_once)
      // Whoever was just given a thread is counted still.
      : waiting(limits::kEndpointWaiters + static_cast<size_t>(at_once),
                limits::kEndpointWaitersOfOne),
        executor(at_once, limits::kEndpointWaiters) {}

  WaitingCalls waiting;
  Executor executor;  // gone first: what it still runs is counted above
};

// What all services share. Outlives every call.
struct Front {
  Engine* engine;
  Authenticator* authenticator;
  CertificateAuthenticator* certificates;
  Executor* executor;
  Executor* bulk;     // of threads that stand back, for streams of documents
  Executor* backups;  // of one thread: a backup takes minutes, and there is one at a time
  // For calls that wait for an endpoint, by its name: a slow one holds up who asks it alone, and
  // who asks another one first.
  std::map<std::string, std::unique_ptr<EndpointCalls>, std::less<>> outside{};
  OpenStreams streams;
  OpenRuns runs;
  OpenSyncs syncs;
  OpenListings listings;
  Peers peers;
  CallCounts counts;
  std::atomic<uint64_t> unauthenticated{0};
  std::atomic<size_t> ahead_bytes{0};  // read_ahead.h
  WaitingCalls waiting{limits::kRevisionWaiters, limits::kRevisionWaitersOfOne};
  // After how long a stream of passages is cut off, read or not.
  std::chrono::milliseconds stream_cap{limits::kDeadlineCap_ms};

  // Authenticates by the call's metadata or, if it has no `authorization`, by the connection's
  // client certificate. A certificate that has ended or is denied counts for neither.
  // UNAUTHENTICATED calls are counted, not journalled. UNAVAILABLE while the clock is in doubt.
  StatusOr<Authenticated> Authenticate(const grpc::CallbackServerContext& context);

  // Runs a task of a stream of documents where it stands behind whoever asks, once the executor has
  // come to it. False as Executor::Submit(), and while as many wait there as may wait for the
  // executor: a stream has one task at a time, but of streams there is no end.
  [[nodiscard]] bool SubmitBulk(const std::function<void()>& task);

  // Counts the call, or the message of a stream. RESOURCE_EXHAUSTED beyond the key's quota.
  Status Admit(const Authenticated& caller);
};

// Says true once the caller is gone or the deadline, at most limits::kDeadlineCap_ms from now, has
// passed. Valid until the call is finished.
std::function<bool()> StopOf(grpc::CallbackServerContext* context);

// The same by the caller's own deadline alone, for a call that takes as long as it takes.
std::function<bool()> UncappedStopOf(grpc::CallbackServerContext* context);

// The refusal of a call that found the executor's queue full, and of one that a stop breaks off.
Status Overloaded();
Status Stopping();

// Refuses a message of more than `bytes_max`.
Status CheckMessage(const google::protobuf::Message& message, size_t bytes_max);

// The call of a request, for its record: "Retrieve" for a RetrieveRequest.
std::string CallOf(const google::protobuf::Message& request);

// A call that was let in and is not answered yet.
struct EnteredCall {
  Front* front;
  const grpc::CallbackServerContext* context;  // as long as the call is not answered
  Authenticated caller;
  std::string name;  // such as "Retrieve", for its record
};

// Refuses a call that was let in: its record first.
template <typename Refused>
void RefuseEntered(const EnteredCall& call, const Status& status, Refused refused) {
  RefuseJournaled(call.front->engine->FindTenant(call.caller.tenant()), call.caller, call.name,
                  status, std::move(refused));
}

// Goes on with a call on `executor`, where it may wait: with `go(caller)`, the caller authenticated
// anew, since its key may be revoked by then. `refused(status)` runs instead if it is, or, after
// the call's record, with `full` if the queue is full.
template <typename Go, typename Refused>
void GoOnAt(Executor* executor, const EnteredCall& call, const Status& full, Go go,
            Refused refused) {
  const bool admitted = executor->Submit([front = call.front, context = call.context, go, refused] {
    const auto caller = front->Authenticate(*context);
    if (!caller.ok()) return refused(caller.status());
    go(*caller);
  });
  if (!admitted) RefuseEntered(call, full, std::move(refused));
}

// Runs `handle(caller, request, stop, done)` as a task of the executor; `done` takes
// StatusOr<Response>, once.
template <typename Request, typename Response, typename Handle>
grpc::ServerUnaryReactor* Unary(Front* front, grpc::CallbackServerContext* context,
                                const Request* request, Response* response, Handle handle,
                                size_t bytes_max = limits::kQueryMessageBytes,
                                Where where = Where::kQueue) {
  static const size_t method = MethodOf(Request::descriptor());
  const CountedCall counted(&front->counts, method);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto done = [reactor, response, counted](StatusOr<Response> result) {
    if (result.ok()) *response = *std::move(result);
    reactor->Finish(counted.Ended(result.status()));
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
  if (!admitted) reactor->Finish(counted.Ended(Overloaded()));
  return reactor;
}

}  // namespace cordon
