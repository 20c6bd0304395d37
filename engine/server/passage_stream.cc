#include "engine/server/passage_stream.h"

#include "engine/server/endpoint_wait.h"
#include "engine/server/revision_wait.h"

namespace cordon {

PassageStream::PassageStream(Front* front, grpc::CallbackServerContext* context,
                             const v1::RetrieveStreamRequest* request)
    : front_(front), context_(context), request_(request), stop_(StopOf(context)) {
  if (!front_->executor->Submit([this] { Begin(); })) End(Overloaded());
}

void PassageStream::Begin() {
  const auto caller = front_->Authenticate(*context_);
  if (!caller.ok()) return End(caller.status());
  Status admitted = front_->Admit(*caller);
  if (admitted.ok()) admitted = CheckMessage(*request_, limits::kQueryMessageBytes);
  if (!admitted.ok()) {
    return RefuseJournaled(front_->engine->FindTenant(caller->tenant()), *caller, "RetrieveStream",
                           admitted, [this](const Status& status) { End(status); });
  }
  const auto refused = [this](const Status& status) { End(status); };
  WhenVisible(
      front_, context_, *caller, request_->query().scope().at_least_revision(), stop_,
      [this, refused](const Authenticated& now) {
        WhereItMayWait(
            front_, context_, now, request_->query(),
            [this](const Authenticated& known) { Open(known); }, refused);
      },
      refused);
}

void PassageStream::Open(const Authenticated& caller) {
  AnswerStream::Open(front_->engine->ReadAs(caller, stop_), *request_,
                     [this](StatusOr<std::shared_ptr<AnswerStream>> opened) {
                       if (!opened.ok()) return End(opened.status());
                       answer_ = *std::move(opened);
                       Next();
                     });
}

void PassageStream::Next() {
  if (!front_->executor->Submit([this] { Make(); })) End(Overloaded());
}

void PassageStream::Make() {
  if (stop_()) return End(Status(StatusCode::kDeadlineExceeded, "", "the deadline has passed"));
  // A key that is revoked, or a token that has ended, in mid-stream gets nothing more.
  const auto caller = front_->Authenticate(*context_);
  if (!caller.ok()) return End(caller.status());
  answer_->Next(front_->engine->ReadAs(*caller, stop_),
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
