// One Export stream: one message after the other, each authenticated, decided and recorded anew.
#pragma once

#include <mutex>
#include <optional>

#include "cordon/v1/retrieval.grpc.pb.h"
#include "engine/export.h"
#include "engine/server/calls.h"

namespace cordon {

// Deletes itself when gRPC is done with it.
class ExportStream final : public grpc::ServerWriteReactor<v1::ExportResponse> {
 public:
  ExportStream(Front* front, grpc::CallbackServerContext* context, v1::ExportRequest request);

  void OnWriteDone(bool ok) override;
  void OnDone() override;

  // Sends no further message.
  void Drain();

 private:
  // Has the executor make the next message, or ends the stream, or says why it must be refused.
  // Called with mutex_ held.
  Status Next();
  // Runs on the executor, and goes on there once the revision that is asked for is visible.
  void Make();
  void MakeAs(const Authenticated& caller);
  void Refuse(const Authenticated& caller, const Status& status);
  bool Draining();
  void Made(StatusOr<ExportedMessage> message);
  // Called with mutex_ held.
  void End(const Status& status);

  Front* const front_;
  const CountedCall counted_;
  grpc::CallbackServerContext* const context_;
  const v1::ExportRequest request_;

  std::mutex mutex_;
  ExportPlace place_;                    // guarded by mutex_
  std::optional<Authenticated> caller_;  // of the newest message
  v1::ExportResponse outgoing_;          // being written
  bool draining_ = false;                // guarded by mutex_; ends the wait for a revision, too
};

}  // namespace cordon
