// A call whose client sends a stream and gets one answer.
//
// One message is worked on at a time, and the next one is read after it: the client feels it as
// HTTP/2 flow control, and the server's memory stays bounded.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "engine/server/calls.h"

namespace cordon {

// Deletes itself when gRPC is done with it. What a derived class holds is gone before the server
// forgets the stream, and so while there is an engine.
template <typename Request, typename Response>
class ClientStream : public grpc::ServerReadReactor<Request> {
 public:
  void OnReadDone(bool ok) final {
    {
      std::lock_guard lock(mutex_);
      reading_ = false;
      if (ended_ || leaving_) return;
    }
    Submit(ok ? &ClientStream::Enter : &ClientStream::BreakOff);
  }

  void OnDone() final {
    // Whoever called Finish did so with the lock held; wait until it has let go.
    { std::lock_guard lock(mutex_); }
    delete this;
  }

 protected:
  ClientStream(Front* front, grpc::CallbackServerContext* context, Response* response)
      : front_(front),
        context_(context),
        counted_(&front->counts, MethodOf(Request::descriptor())),
        response_(response) {}
  ~ClientStream() override { front_->streams.Remove(this); }

  // What a derived class's constructor ends with: from here on its functions are called.
  void Start() {
    if (!front_->streams.Add(this, [this] { Drain(); })) return End(Stopping());
    Submit(&ClientStream::Begin);
  }

  // Reads the next message, unless the server is stopping.
  void Read() {
    {
      std::lock_guard lock(mutex_);
      if (ended_) return;
      if (!draining_) {
        reading_ = true;
        this->StartRead(&incoming_);
        return;
      }
    }
    End(Stopping());
  }
  // Reads on if all is well, else ends the stream with a refusal that has its record.
  void ReadIfOk(const Status& status) {
    if (status.ok()) return Read();
    End(status);
  }

  void Answer(StatusOr<Response> result) {
    if (result.ok()) *response_ = *std::move(result);
    End(result.status());
  }

  // Ends the stream with a status that is to have no record, or has one; only the first counts.
  void End(const Status& status) {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = true;
    // A pending read ends by itself once the call is finished.
    this->Finish(counted_.Ended(status));
  }

  // Refuses a stream that waits for its client; one whose message is worked on is left alone.
  void RefuseWaiting(const Status& status) {
    {
      std::lock_guard lock(mutex_);
      if (ended_ || leaving_ || !reading_) return;
      leaving_ = true;
    }
    const auto refuse = [this, status] {
      AsCaller([&](const Authenticated& caller) { Refuse(caller, status); });
    };
    if (!front_->executor->Submit(refuse)) End(status);
  }

  // The server is stopping: nothing new is begun.
  bool draining() const { return draining_; }

  Front* const front_;
  grpc::CallbackServerContext* const context_;
  Request incoming_;  // of Process(), which may move it away

 private:
  // The following are called behind whoever asks, for a caller that was authenticated just now: a
  // key that is revoked meanwhile changes nothing more.

  // Judges the stream itself, before anything is read.
  virtual void Open(const Authenticated& caller) = 0;
  // Works on incoming_, which was admitted; goes on with Read(), Answer(), Refuse() or End().
  virtual void Process(const Authenticated& caller) = 0;
  // Ends the stream with a refusal that has no record yet.
  virtual void Refuse(const Authenticated& caller, const Status& status) = 0;
  // Why a stream without its last message is refused: the client has gone, or has ended it.
  virtual Status Incomplete() const = 0;

  void Submit(void (ClientStream::*step)()) {
    if (front_->SubmitBulk([this, step] { (this->*step)(); })) return;
    if (caller_) return Refuse(*caller_, Overloaded());
    End(Overloaded());
  }

  template <typename Go>
  void AsCaller(Go go) {
    const auto caller = front_->Authenticate(*context_);
    if (!caller.ok()) return End(caller.status());
    go(*caller);
  }

  void Begin() {
    AsCaller([this](const Authenticated& caller) {
      caller_ = caller;
      Open(caller);
    });
  }

  void Enter() {
    AsCaller([this](const Authenticated& caller) {
      Status admitted = front_->Admit(caller);
      if (admitted.ok()) admitted = CheckMessage(incoming_, limits::kIngestMessageBytes);
      if (!admitted.ok()) return Refuse(caller, admitted);
      Process(caller);
    });
  }

  void BreakOff() {
    AsCaller([this](const Authenticated& caller) { Refuse(caller, Incomplete()); });
  }

  void Drain() {
    {
      std::lock_guard lock(mutex_);
      draining_ = true;
      if (!reading_ || leaving_) return;  // Read() sees it after the message that is worked on
    }
    End(Stopping());
  }

  const CountedCall counted_;
  Response* const response_;
  std::optional<Authenticated> caller_;  // that opened the stream

  std::atomic<bool> draining_{false};
  std::mutex mutex_;
  bool reading_ = false;  // guarded by mutex_
  bool ended_ = false;    // guarded by mutex_
  bool leaving_ = false;  // guarded by mutex_; from then on RefuseWaiting() alone ends it
};

}  // namespace cordon
