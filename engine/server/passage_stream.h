// One RetrieveStream call: an answer out in several messages.
//
// One step follows the other: authenticate, find and make the first message on the executor (where
// an endpoint is asked, on the threads for that), then for each further message, on the executor:
// authenticate anew, decide anew, its journal record, its write, the next. A client that reads
// slowly holds the names of what has not left, and no thread; one that does not read is cut off.
#pragma once

#include <memory>
#include <optional>

#include "cordon/v1/retrieval.grpc.pb.h"
#include "engine/retrieve/answer_stream.h"
#include "engine/server/calls.h"
#include "engine/server/cut_off.h"

namespace cordon {

// Deletes itself when gRPC is done with it.
class PassageStream final : public grpc::ServerWriteReactor<v1::RetrieveStreamResponse> {
 public:
  PassageStream(Front* front, grpc::CallbackServerContext* context,
                const v1::RetrieveStreamRequest* request);

  void OnWriteDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  void Begin();
  // Has the executor make the next message.
  void Next();
  void Refuse(const Authenticated& caller, const Status& status);
  void GoOn();
  void Make(const Authenticated& caller);
  EnteredCall EnteredAs(const Authenticated& caller) const;
  void End(const Status& status) { Finish(counted_.Ended(status)); }

  Front* const front_;
  const CountedCall counted_;
  grpc::CallbackServerContext* const context_;
  const v1::RetrieveStreamRequest* const request_;
  const std::function<bool()> stop_;
  std::shared_ptr<AnswerStream> answer_;
  std::optional<Authenticated> caller_;  // of the newest message
  v1::RetrieveStreamResponse outgoing_;
  CutOff cut_off_;
};

}  // namespace cordon
