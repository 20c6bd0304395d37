// Batches of documents over one Ingest stream after another, until each is acknowledged.
//
// Invariants: batches are completed in the order in which they were sent; a batch is completed
// once, when the server has acknowledged it; at most kWindow batches wait for that.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cordon/v1/ingest.grpc.pb.h"
#include "engine/base/status.h"
#include "tools/cordon/connection.h"

namespace cordon {

// Where a document came from.
struct Origin {
  uint64_t line = 0;  // from 1; of a directory the number of the file
  std::string file;   // empty for lines
  // What the source keeps, if it is asked to: the line as it came, empty if it was too long, and
  // the vector beside it.
  std::string text;
  std::vector<float> vector;
};

// A document that was refused, here or by the server.
struct RefusedDocument {
  Origin origin;
  std::string id;
  std::string field;
  std::string message;
};

// Adds what the server refuses of the documents that came from `origins`; all are in the order of
// the input then.
void MergeRefusals(const google::protobuf::RepeatedPtrField<v1::Refusal>& refusals,
                   const std::vector<Origin>& origins, std::vector<RefusedDocument>* refused);

// What is sent as one message, and what was refused before sending.
struct DocumentBatch {
  v1::IngestRequest request;
  std::vector<Origin> origins;           // one for each of the request's documents
  std::vector<RefusedDocument> refused;  // in input order

  // Only refusals of our own: nothing for the server. A batch without anything is sent, so that
  // the server judges key and collection even if there are no documents.
  bool Ours() const { return origins.empty() && !refused.empty(); }
};

// One run of Ingest. Send() and Finish() are one thread's.
class BatchStream {
 public:
  // Told of each completed batch, in order, from any thread but one at a time; must not call back.
  using Completed =
      std::function<void(const DocumentBatch& batch, const v1::IngestResponse& response)>;

  static constexpr size_t kWindow = 4;  // with 4 MB each the server never waits for the next

  // `connection` must outlive this.
  BatchStream(const Connection& connection, Completed completed);
  // Breaks off what is not finished.
  ~BatchStream();

  BatchStream(const BatchStream&) = delete;
  BatchStream& operator=(const BatchStream&) = delete;

  // Sends a batch and waits until there is room for another. One without documents is completed in
  // its turn without being sent. An error is final.
  Status Send(DocumentBatch batch);

  // Before anything is sent: where the run stands that `first`, which has no documents, names. What
  // is sent from then on follows its last batch. ABORTED is waited out for 5 s: the stream of a
  // client that has just died may still be open. UNIMPLEMENTED if the server knows no runs.
  StatusOr<v1::Checkpoint> OpenRun(v1::IngestRequest first);

  // Waits until `descriptor` can be read. Meanwhile it sees to the stream: an error, which is
  // final, if the server is gone, so that nobody waits for input that could not be sent.
  Status WaitForInput(int descriptor);

  // Waits until everything is acknowledged and ends the stream.
  Status Finish();

 private:
  using Stream = grpc::ClientReaderWriter<v1::IngestRequest, v1::IngestResponse>;

  // Writes what is unwritten and waits, over reconnects, until at most `pending_max` batches pend.
  Status Pump(size_t pending_max);
  void Open();
  // Ends the broken stream; opens another one if the server only asked to wait, or if what was sent
  // is nowhere and may be sent again.
  Status Reopen();
  // How long to wait before another stream; nothing if there is to be none. With mutex_ held.
  std::optional<std::chrono::milliseconds> DelayBefore(const RpcOutcome& outcome);
  grpc::Status Close();
  void ReadAcknowledgements();
  void CompleteFront(const v1::IngestResponse& response);  // with mutex_ held
  void CompleteUnsent();                                   // with mutex_ held

  const Connection& connection_;
  const Completed completed_;
  const std::unique_ptr<v1::Ingest::Stub> stub_;
  uint64_t next_batch_ = 1;
  Status failed_;          // final
  const int ended_event_;  // an eventfd(2) that can be read once a stream has ended

  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<Stream> stream_;
  std::thread reader_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<DocumentBatch>> pending_;  // guarded by mutex_
  size_t written_ = 0;         // how many of pending_ this stream has; guarded by mutex_
  bool ended_ = false;         // the reader has seen the stream's end; guarded by mutex_
  bool out_of_order_ = false;  // guarded by mutex_
  std::optional<v1::Checkpoint> checkpoint_;  // of OpenRun(); guarded by mutex_
  RetryPolicy retry_;                         // guarded by mutex_
  int switches_ = 0;  // in a row that came between a batch and the store; guarded by mutex_
};

}  // namespace cordon
