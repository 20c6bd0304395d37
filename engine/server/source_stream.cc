#include "engine/server/source_stream.h"

#include "engine/server/endpoint_wait.h"

namespace cordon {
namespace {

// By what WhereItMayWait() judges a message.
v1::IngestRequest AskedOf(const std::string& collection, const v1::SyncSourceRequest& message) {
  v1::IngestRequest asked;
  asked.set_collection(collection);
  if (!message.documents().empty()) asked.add_documents();
  return asked;
}

}  // namespace

SourceStream::SourceStream(Front* front, grpc::CallbackServerContext* context,
                           v1::SyncSourceResponse* response)
    : front_(front),
      counted_(&front->counts, MethodOf(v1::SyncSourceRequest::descriptor())),
      context_(context),
      response_(response),
      sync_(std::make_unique<SourceSync>(&front->listings, [this] { Lose(); })) {
  const bool serving = front_->streams.Add(this, [this] { Drain(); });
  if (serving) {
    Submit(&SourceStream::Begin);
  } else {
    End(Stopping());
  }
}

void SourceStream::Submit(void (SourceStream::*step)()) {
  if (front_->executor->Submit([this, step] { (this->*step)(); })) return;
  if (caller_) return Refuse(*caller_, Overloaded());
  End(Overloaded());
}

void SourceStream::Begin() {
  const auto caller = front_->Authenticate(*context_);
  if (!caller.ok()) return End(caller.status());
  caller_ = *caller;
  OpenSource(front_->engine->WriteAs(*caller), [this](const Status& status) {
    if (status.ok()) return Read();
    End(status);
  });
}

void SourceStream::Read() {
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    if (!draining_) {
      reading_ = true;
      incoming_.Clear();
      StartRead(&incoming_);
      return;
    }
  }
  End(Stopping());
}

void SourceStream::OnReadDone(bool ok) {
  {
    std::lock_guard lock(mutex_);
    reading_ = false;
    if (ended_ || losing_) return;
  }
  Submit(ok ? &SourceStream::Process : &SourceStream::BrokeOff);
}

void SourceStream::Process() {
  const auto caller = front_->Authenticate(*context_);
  if (!caller.ok()) return End(caller.status());
  Status admitted = front_->Admit(*caller);
  if (admitted.ok()) admitted = CheckMessage(incoming_, limits::kIngestMessageBytes);
  if (!admitted.ok()) return Refuse(*caller, admitted);
  const std::string& collection =
      incoming_.has_begin() ? incoming_.begin().collection() : sync_->collection();
  WhereItMayWait(
      EnteredCall{front_, context_, *caller, "SyncSource"}, AskedOf(collection, incoming_),
      [this](const Authenticated& now) { Take(now); },
      [this](const Status& refused) { End(refused); });
}

void SourceStream::Take(const Authenticated& caller) {
  const WriteContext write = front_->engine->WriteAs(caller);
  const bool last = incoming_.has_commit();
  const Status taken = sync_->Take(write, std::move(incoming_));
  if (!taken.ok()) return Refuse(caller, taken);
  if (!last) return sync_->Send(write, [this](const Status& status) { Sent(status); });
  sync_->Commit(
      write, [this, over = UncappedStopOf(context_)] { return draining_ || over(); },
      [this](auto result) { Answer(std::move(result)); });
}

void SourceStream::Sent(const Status& status) {
  if (status.ok()) return Read();
  End(status);
}

// The client has gone, or has ended the stream without saying that the listing is whole.
void SourceStream::BrokeOff() {
  const auto caller = front_->Authenticate(*context_);
  if (!caller.ok()) return End(caller.status());
  Refuse(*caller, Invalid("commit",
                          "missing: the stream ended before it, and nothing was deleted; send the "
                          "whole listing again"));
}

void SourceStream::Refuse(const Authenticated& caller, const Status& status) {
  sync_->Refuse(front_->engine->WriteAs(caller), status,
                [this](const Status& refused) { End(refused); });
}

void SourceStream::Answer(StatusOr<v1::SyncSourceResponse> result) {
  if (result.ok()) *response_ = *std::move(result);
  End(result.status());
}

void SourceStream::Drain() {
  {
    std::lock_guard lock(mutex_);
    draining_ = true;
    if (!reading_ || losing_) return;  // Read() sees it after the message that is worked on
  }
  End(Stopping());
}

void SourceStream::Lose() {
  {
    std::lock_guard lock(mutex_);
    if (ended_ || !reading_) return;  // the next message finds out
    losing_ = true;
  }
  if (!front_->executor->Submit([this] { EndLost(); })) End(ListingLost());
}

void SourceStream::EndLost() {
  const auto caller = front_->Authenticate(*context_);
  if (!caller.ok()) return End(caller.status());
  Refuse(*caller, ListingLost());
}

void SourceStream::End(const Status& status) {
  std::lock_guard lock(mutex_);
  if (ended_) return;
  ended_ = true;
  // A pending read ends by itself once the call is finished.
  Finish(counted_.Ended(status));
}

void SourceStream::OnDone() {
  // Whoever called Finish did so with the lock held; wait until it has let go.
  { std::lock_guard lock(mutex_); }
  sync_.reset();
  front_->streams.Remove(this);
  delete this;
}

}  // namespace cordon
