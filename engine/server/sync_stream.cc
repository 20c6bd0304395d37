#include "engine/server/sync_stream.h"

namespace cordon {

SyncStream::SyncStream(Front* front, grpc::CallbackServerContext* context,
                       v1::SyncDirectoryResponse* response)
    : front_(front),
      counted_(&front->counts, MethodOf(v1::SyncDirectoryRequest::descriptor())),
      context_(context),
      response_(response),
      sync_(std::make_unique<DirectorySync>(&front->syncs)) {
  const bool serving = front_->streams.Add(this, [this] { Drain(); });
  if (serving) {
    Submit(&SyncStream::Begin);
  } else {
    End(Stopping());
  }
}

void SyncStream::Submit(void (SyncStream::*step)()) {
  if (front_->executor->Submit([this, step] { (this->*step)(); })) return;
  if (caller_) return Refuse(*caller_, Overloaded());
  End(Overloaded());
}

void SyncStream::Begin() {
  const auto caller = front_->Authenticate(*context_);
  if (!caller.ok()) return End(caller.status());
  caller_ = *caller;
  OpenSync(front_->engine->WriteAs(*caller), [this](const Status& status) {
    if (status.ok()) return Read();
    End(status);
  });
}

void SyncStream::Read() {
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    if (!draining_) {
      reading_ = true;
      StartRead(&incoming_);
      return;
    }
  }
  End(Stopping());
}

void SyncStream::OnReadDone(bool ok) {
  {
    std::lock_guard lock(mutex_);
    reading_ = false;
    if (ended_) return;
  }
  Submit(ok ? &SyncStream::Process : &SyncStream::BrokeOff);
}

void SyncStream::Process() {
  const auto caller = front_->Authenticate(*context_);
  if (!caller.ok()) return End(caller.status());
  const WriteContext write = front_->engine->WriteAs(*caller);
  Status taken = front_->Admit(*caller);
  if (taken.ok()) taken = CheckMessage(incoming_, limits::kIngestMessageBytes);
  if (taken.ok()) taken = sync_->Add(write, incoming_);
  if (!taken.ok()) return Refuse(*caller, taken);
  if (!incoming_.has_commit()) return Read();
  sync_->Commit(write, [this](auto result) { Answer(std::move(result)); });
}

// The client has gone, or has ended the stream without saying that the snapshot is whole.
void SyncStream::BrokeOff() {
  const auto caller = front_->Authenticate(*context_);
  if (!caller.ok()) return End(caller.status());
  Refuse(*caller, Invalid("commit",
                          "missing: the stream ended before it, and nothing was changed; "
                          "send the whole snapshot again"));
}

void SyncStream::Refuse(const Authenticated& caller, const Status& status) {
  RefuseJournaled(front_->engine->FindTenant(caller.tenant()), caller, "SyncDirectory", status,
                  [this](const Status& refused) { End(refused); });
}

void SyncStream::Answer(StatusOr<v1::SyncDirectoryResponse> result) {
  if (result.ok()) *response_ = *std::move(result);
  End(result.status());
}

void SyncStream::Drain() {
  {
    std::lock_guard lock(mutex_);
    draining_ = true;
    if (!reading_) return;  // Read() sees it after the message that is worked on
  }
  End(Stopping());
}

void SyncStream::End(const Status& status) {
  std::lock_guard lock(mutex_);
  if (ended_) return;
  ended_ = true;
  // A pending read ends by itself once the call is finished.
  Finish(counted_.Ended(status));
}

void SyncStream::OnDone() {
  // Whoever called Finish did so with the lock held; wait until it has let go.
  { std::lock_guard lock(mutex_); }
  sync_.reset();  // drops its stage while the engine is there for certain
  front_->streams.Remove(this);
  delete this;
}

}  // namespace cordon
