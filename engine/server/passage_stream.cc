#include "engine/server/passage_stream.h"

#include "engine/base/stop.h"
#include "engine/server/endpoint_wait.h"
#include "engine/server/revision_wait.h"

namespace cordon {

PassageStream::PassageStream(Front* front, grpc::CallbackServerContext* context,
                             const v1::RetrieveStreamRequest* request)
    : front_(front),
      counted_(&front->counts, MethodOf(v1::RetrieveStreamRequest::descriptor())),
      context_(context),
      request_(request),
      stop_(StopOf(context)),
      cut_off_(context, front->stream_cap) {
  if (!front_->executor->Submit([this] { Begin(); })) End(Overloaded());
}

void PassageStream::Begin() {
  const auto caller = front_->Authenticate(*context_);
  if (!caller.ok()) return End(caller.status());
  Status admitted = front_->Admit(*caller);
  if (admitted.ok()) admitted = CheckMessage(*request_, limits::kQueryMessageBytes);
  if (!admitted.ok()) {
    return Refuse(*caller, admitted);
  }
  answer_ = std::make_shared<AnswerStream>(request_->query());
  const auto refused = [this](const Status& status) { End(status); };
  WhenVisible(
      EnteredAs(*caller), Right::kQuery, request_->query().scope().at_least_revision(), stop_,
      [this, refused](const Authenticated& now) {
        WhereItMayWait(
            EnteredAs(now), request_->query(), [this](const Authenticated& known) { Make(known); },
            refused);
      },
      refused);
}

EnteredCall PassageStream::EnteredAs(const Authenticated& caller) const {
  return {front_, context_, caller, "RetrieveStream"};
}

void PassageStream::Next() {
  if (!front_->executor->Submit([this] { GoOn(); })) Refuse(*caller_, Overloaded());
}

void PassageStream::Refuse(const Authenticated& caller, const Status& status) {
  RefuseEntered(EnteredAs(caller), status, [this](const Status& refused) { End(refused); });
}

void PassageStream::GoOn() {
  if (const Status status = CheckGoesOn(stop_); !status.ok()) return Refuse(*caller_, status);
  // A key that is revoked, or a token that has ended, in mid-stream gets nothing more.
  const auto caller = front_->Authenticate(*context_);
  if (!caller.ok()) return End(caller.status());
  Make(*caller);
}

void PassageStream::Make(const Authenticated& caller) {
  caller_ = caller;
  answer_->Next(front_->engine->ReadAs(caller, stop_),
                [this](StatusOr<v1::RetrieveStreamResponse> part) {
                  if (!part.ok()) return End(part.status());
                  outgoing_ = *std::move(part);
                  StartWrite(&outgoing_);
                });
}

void PassageStream::OnWriteDone(bool ok) {
  if (!ok) return End(Status(StatusCode::kCancelled, "", "the client is gone"));
  if (answer_->ended()) return End(OkStatus());
  Next();
}

}  // namespace cordon
