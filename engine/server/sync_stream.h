// One SyncDirectory stream: a snapshot of the directory in, one answer out.
//
// One message is worked on at a time, and the next one is read after it: the client feels it as
// HTTP/2 flow control, and the server's memory stays bounded.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "cordon/v1/directory.grpc.pb.h"
#include "engine/ingest/directory_sync.h"
#include "engine/server/calls.h"

namespace cordon {

// Deletes itself when gRPC is done with it.
class SyncStream final : public grpc::ServerReadReactor<v1::SyncDirectoryRequest> {
 public:
  SyncStream(Front* front, grpc::CallbackServerContext* context,
             v1::SyncDirectoryResponse* response);

  void OnReadDone(bool ok) override;
  void OnDone() override;

 private:
  // Run on the executor: the stream itself is judged before anything is read, and then each of its
  // messages; a key that is revoked meanwhile changes nothing.
  void Begin();
  void Process();
  void BrokeOff();
  // Ends the stream with a refusal that has no record yet.
  void Refuse(const Authenticated& caller, const Status& status);
  void Answer(StatusOr<v1::SyncDirectoryResponse> result);

  void Submit(void (SyncStream::*step)());
  // Reads the next message, unless the server is stopping.
  void Read();
  void End(const Status& status);
  void Drain();

  Front* const front_;
  const CountedCall counted_;
  grpc::CallbackServerContext* const context_;
  v1::SyncDirectoryResponse* const response_;
  v1::SyncDirectoryRequest incoming_;
  std::unique_ptr<DirectorySync> sync_;
  std::optional<Authenticated> caller_;  // that opened the stream

  std::mutex mutex_;
  bool reading_ = false;   // guarded by mutex_
  bool draining_ = false;  // guarded by mutex_
  bool ended_ = false;     // guarded by mutex_
};

}  // namespace cordon
