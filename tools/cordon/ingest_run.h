// One run of `cordon ingest`: batches documents, keeps count, tells of refusals in input order.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "engine/base/status.h"
#include "tools/cordon/batch_stream.h"
#include "tools/cordon/ingest_source.h"
#include "tools/cordon/input_position.h"
#include "tools/cordon/output.h"
#include "tools/cordon/progress.h"
#include "tools/cordon/refused_file.h"

namespace cordon {

// How a run is done.
struct IngestSettings {
  std::string collection;
  // Why, for the journal.
  std::string reason;
  // Stops as soon as this many documents are refused; nothing: never.
  std::optional<uint64_t> errors_max;
  // Where refused lines go; null: nowhere. Borrowed.
  RefusedFile* refused = nullptr;
  // The run that this one goes on with, or begins; empty: each time all is sent.
  std::string run = {};
  // Nothing but embeddings is sent, which this model made for the collection's second space; empty:
  // whole documents.
  std::string model = {};
};

// Not thread-safe. Uses each object once.
class IngestRun {
 public:
  // `connection` and `output` outlive this.
  IngestRun(const Connection& connection, Output& output, IngestSettings settings);

  // Ingests all of `source`, telling of refused documents and, last, of the sums; those of a run
  // that broke off cover what was acknowledged, in input order. Returns the exit code.
  int Run(DocumentSource& source);

 private:
  // Finds out where the run stands.
  Status Resume();
  Status ReadAll(DocumentSource& source);
  // Passes over what an earlier start of the run has sent. True while there is more of that.
  StatusOr<bool> Skip(SourceItem& item);
  // The end of the input, which must be behind what was sent, and of the run.
  Status End();
  // Adds a document to the batch, or sends the batch first if it has no room.
  Status Add(SourceItem& item);
  // Moves the run's position behind the item, which the next batch to be sent has then.
  void Advance(const SourceItem& item);
  void AddRefused(SourceItem& item);
  Status SendBatch();
  // ABORTED once --max-errors is reached.
  Status CheckErrors() const;
  size_t BatchDocuments() const;
  Status Send();
  void Complete(const DocumentBatch& batch, const v1::IngestResponse& response);
  void TellSums();

  Output& output_;
  const IngestSettings settings_;
  Progress progress_;

  DocumentBatch batch_;
  size_t batch_bytes_ = 0;
  size_t batch_text_bytes_ = 0;  // of its lines and vectors, if they are kept
  bool sent_any_ = false;
  InputPosition position_;        // behind what is in batch_; of a run
  InputPosition sent_;            // behind what the run's earlier starts sent
  uint64_t accepted_before_ = 0;  // of that
  // Of what they sent, by its places: what the server refused of the last batches, as far as the
  // input has not come to it. Told again, as nobody knows what the starts before have told.
  std::set<uint64_t> refused_before_;
  uint64_t place_ = 0;         // of the next document that they sent
  bool ended_ = false;         // the run has
  uint64_t refused_here_ = 0;  // by this program, told or not

  // Written where batches complete, read where progress is shown.
  std::atomic<uint64_t> accepted_{0};
  std::atomic<uint64_t> refused_{0};
  std::atomic<uint64_t> refused_by_server_{0};
  uint64_t undefined_principals_ = 0;
  uint64_t stale_ = 0;  // of what was accepted: out of date, as far as the server tells
  uint64_t revision_ = 0;

  BatchStream stream_;  // last: its thread uses the others
};

}  // namespace cordon
