// One SyncSource stream: the listing of a source in, one answer out.
//
// One message is worked on at a time, and the next one is read after it: the client feels it as
// HTTP/2 flow control, and the server's memory stays bounded.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "cordon/v1/ingest.grpc.pb.h"
#include "engine/ingest/source_sync.h"
#include "engine/server/calls.h"

namespace cordon {

// Deletes itself when gRPC is done with it.
class SourceStream final : public grpc::ServerReadReactor<v1::SyncSourceRequest> {
 public:
  SourceStream(Front* front, grpc::CallbackServerContext* context,
               v1::SyncSourceResponse* response);

  void OnReadDone(bool ok) override;
  void OnDone() override;

 private:
  // Run on the executor: the stream itself is judged before anything is read, and then each of its
  // messages; a key that is revoked meanwhile changes nothing more.
  void Begin();
  void Process();
  void BrokeOff();
  // Goes on with a message where it may wait for an endpoint.
  void Take(const Authenticated& caller);
  void Sent(const Status& status);
  // Ends the stream with a refusal that has no record yet.
  void Refuse(const Authenticated& caller, const Status& status);
  void Answer(StatusOr<v1::SyncSourceResponse> result);

  void Submit(void (SourceStream::*step)());
  // Reads the next message, unless the server is stopping.
  void Read();
  void End(const Status& status);
  void Drain();
  // Another listing has got the place of this one, which waits for its client.
  void Lose();
  void EndLost();

  Front* const front_;
  const CountedCall counted_;
  grpc::CallbackServerContext* const context_;
  v1::SyncSourceResponse* const response_;
  v1::SyncSourceRequest incoming_;
  std::unique_ptr<SourceSync> sync_;
  std::optional<Authenticated> caller_;  // that opened the stream

  std::atomic<bool> draining_{false};
  std::mutex mutex_;
  bool reading_ = false;  // guarded by mutex_
  bool ended_ = false;    // guarded by mutex_
  bool losing_ = false;   // guarded by mutex_; from then on EndLost() alone ends it
};

}  // namespace cordon
