// One Ingest stream: batches in, acknowledgements out, in order.
//
// Batches are handed to the writer one after the other, so that a later one replaces what an
// earlier one wrote. Reading stops while many wait for their acknowledgement (read_ahead.h): the
// client feels it as HTTP/2 flow control, and the server's memory stays bounded. A stream of a run
// (ingest.proto) is the only one of that run until all that it handed on is committed or refused.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "cordon/v1/ingest.grpc.pb.h"
#include "engine/server/calls.h"
#include "engine/server/read_ahead.h"

namespace cordon {

// Deletes itself when gRPC is done with it.
class IngestStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  IngestStream(Front* front, grpc::CallbackServerContext* context);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;

  // Takes no further batch; ends with UNAVAILABLE once those received are acknowledged.
  void Drain();

 private:
  using Result = StatusOr<IngestedBatch>;

  // Runs on the executor before anything is read: authenticates the stream itself, so that one
  // without batches is judged too.
  void Begin();
  void Begun(const Status& status);

  // The following are called with mutex_ held.
  void MaybeRead();
  // Gives the number of a batch for TurnAway().
  [[nodiscard]] std::optional<uint64_t> MaybeProcess();
  void MaybeWrite();
  void MaybeFinish();
  void Fail(const Status& status);

  // Refuses the batch that MaybeProcess() could not hand on. Called without mutex_, which the end
  // of that takes; the stream is there until then.
  void TurnAway(uint64_t number);

  // Runs behind whoever asks: authenticates, validates and submits the oldest unprocessed batch.
  void Process(grpc::ByteBuffer message, uint64_t number);
  // Submits a batch, from the threads for that if an endpoint embeds it. The next one waits.
  void Hand(const Authenticated& caller, v1::IngestRequest request, uint64_t number);
  void Processed(const Status& refused);
  Status CheckBatch(const Authenticated& caller, const v1::IngestRequest& request, uint64_t number);
  // The following two are called with mutex_ held.
  Status CheckRun(const Authenticated& caller, const v1::IngestRequest& request, uint64_t number);
  void LeaveRun();
  void Acknowledge(uint64_t number, Result result);

  Front* const front_;
  const CountedCall counted_;
  grpc::CallbackServerContext* const context_;
  std::optional<Authenticated> caller_;  // that opened the stream

  std::mutex mutex_;
  ReadAhead ahead_;
  grpc::ByteBuffer incoming_;
  std::deque<grpc::ByteBuffer> unprocessed_;
  std::map<uint64_t, Result> acknowledged_;  // by number, not yet written
  std::set<std::string> undefined_;          // named by the stream so far
  grpc::ByteBuffer outgoing_;
  std::string collection_;
  std::string run_;            // as the stream's first batch names it
  std::string open_run_;       // by which front_->runs knows it; empty: none is held
  uint64_t last_batch_ = 0;    // of the run, that was processed
  uint64_t next_number_ = 0;   // of the next batch that is read
  uint64_t next_process_ = 0;  // of the next batch that is processed
  uint64_t next_write_ = 0;    // of the next acknowledgement
  bool reading_ = false;
  bool read_all_ = false;
  bool processing_ = true;  // at first with Begin(), until Begun()
  bool writing_ = false;
  bool draining_ = false;
  bool refused_ = false;  // a batch was: those after it are not processed
  bool finished_ = false;
  Status failed_;
};

}  // namespace cordon
