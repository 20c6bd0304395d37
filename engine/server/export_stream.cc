#include "engine/server/export_stream.h"

#include "engine/server/revision_wait.h"

namespace cordon {

ExportStream::ExportStream(Front* front, grpc::CallbackServerContext* context,
                           v1::ExportRequest request)
    : front_(front),
      counted_(&front->counts, MethodOf(v1::ExportRequest::descriptor())),
      context_(context),
      request_(std::move(request)) {
  const bool serving = front_->streams.Add(this, [this] { Drain(); });
  std::lock_guard lock(mutex_);
  draining_ = draining_ || !serving;
  if (const Status next = Next(); !next.ok()) End(next);
}

void ExportStream::Drain() {
  std::lock_guard lock(mutex_);
  draining_ = true;
}

bool ExportStream::Draining() {
  std::lock_guard lock(mutex_);
  return draining_;
}

Status ExportStream::Next() {
  if (place_.ended) {
    End(OkStatus());
    return OkStatus();
  }
  if (draining_) return Stopping();
  return front_->executor->Submit([this] { Make(); }) ? OkStatus() : Overloaded();
}

void ExportStream::Make() {
  // Each message is authenticated anew: a key that is revoked in mid-stream exports nothing more.
  const auto caller = front_->Authenticate(*context_);
  if (!caller.ok()) return Made(caller.status());
  caller_ = *caller;
  const auto made = [this](StatusOr<ExportedMessage> message) { Made(std::move(message)); };
  Status admitted = front_->Admit(*caller);
  if (admitted.ok()) admitted = CheckMessage(request_, limits::kQueryMessageBytes);
  if (!admitted.ok()) return Refuse(*caller, admitted);
  // Only the first message waits: what is visible stays so.
  WhenVisible(
      EnteredCall{front_, context_, *caller, "Export"}, Right::kExport,
      request_.scope().at_least_revision(),
      [this, gone = StopOf(context_)] { return gone() || Draining(); },
      [this](const Authenticated& now) {
        if (Draining()) return Refuse(now, Stopping());
        MakeAs(now);
      },
      made);
}

void ExportStream::MakeAs(const Authenticated& caller) {
  ExportPlace place;
  {
    std::lock_guard lock(mutex_);
    place = place_;
  }
  ExportNext(front_->engine->ReadAs(caller, StopOf(context_)), front_->engine->WriteAs(caller),
             request_, place,
             [this](StatusOr<ExportedMessage> message) { Made(std::move(message)); });
}

void ExportStream::Refuse(const Authenticated& caller, const Status& status) {
  RefuseJournaled(front_->engine->FindTenant(caller.tenant()), caller, "Export", status,
                  [this](StatusOr<ExportedMessage> message) { Made(std::move(message)); });
}

void ExportStream::Made(StatusOr<ExportedMessage> message) {
  std::lock_guard lock(mutex_);
  if (!message.ok()) return End(message.status());
  place_ = message->next;
  if (!message->response) return End(OkStatus());
  outgoing_ = *std::move(message->response);
  StartWrite(&outgoing_);
}

void ExportStream::OnWriteDone(bool ok) {
  Status next;
  {
    std::lock_guard lock(mutex_);
    if (!ok) return End(Status(StatusCode::kCancelled, "", "the client is gone"));
    next = Next();
    if (next.ok()) return;  // and may be gone by now
  }
  Refuse(*caller_, next);  // without the lock, which its end takes
}

void ExportStream::End(const Status& status) { Finish(counted_.Ended(status)); }

void ExportStream::OnDone() {
  // Whoever called Finish did so with the lock held; wait until it has let go.
  { std::lock_guard lock(mutex_); }
  front_->streams.Remove(this);
  delete this;
}

}  // namespace cordon
