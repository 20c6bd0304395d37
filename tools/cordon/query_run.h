// Many questions in flight, their answers in the order of the questions.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "cordon/v1/retrieval.grpc.pb.h"
#include "engine/base/status.h"
#include "tools/cordon/connection.h"
#include "tools/cordon/gzip.h"
#include "tools/cordon/output.h"
#include "tools/cordon/query_json.h"

namespace cordon {

// One answer of `retrieve`: an object with the question's id, or null without one. `status` not OK
// makes it {"id","error"}.
void TellAnswer(Output& output, const std::optional<std::string>& id,
                const v1::RetrieveResponse& response, const Status& status);

// Asks the questions of a file. Not thread-safe; use once.
class QueryRun {
 public:
  static constexpr size_t kWindow =
      64;  // questions in flight, fewer while the server is overloaded

  // `defaults` is what a question says that does not say otherwise. The others outlive this.
  QueryRun(const Connection& connection, Output& output, v1::RetrieveRequest defaults);

  // Waits for the calls that are still open.
  ~QueryRun();

  // Answers every line of `reader`, each with one line. Returns the exit code: 1 if any failed. An
  // error means that no further question can be read.
  StatusOr<int> Run(LineReader& reader);

 private:
  using Time = std::chrono::steady_clock::time_point;

  // A question in flight. Only its call touches `response` and `result` until `done`.
  struct Slot {
    Query query;
    std::unique_ptr<grpc::ClientContext> context;
    v1::RetrieveResponse response;
    Status status;
    grpc::Status result;
    bool done = false;             // guarded by mutex_
    bool judged = false;           // status is final
    std::optional<Time> retry_at;  // waits to be asked again
    RetryPolicy retry;
  };

  // Reads questions until the window is full; false at the end of the file.
  StatusOr<bool> Fill(LineReader& reader);
  void Ask(Slot& slot);
  // Waits until something is done or due, then judges and asks again.
  void Advance();
  void Judge(Slot& slot);
  // Tells the answers that are ready, as far as no earlier one is missing.
  void TellReady();

  const Connection& connection_;
  Output& output_;
  const v1::RetrieveRequest defaults_;
  const std::unique_ptr<v1::Retrieval::Stub> stub_;
  JsonParser parser_;
  Line line_;
  bool any_failed_ = false;
  size_t window_ = kWindow;
  Time waiting_since_;  // for any answer
  Status gone_;         // not OK: the server is given up

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Slot>> slots_;  // in the order of the questions; the main thread's
  size_t open_calls_ = 0;                    // guarded by mutex_
};

}  // namespace cordon
