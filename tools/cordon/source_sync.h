// One run of `cordon source sync`: sends a listing, tells of refused lines in the end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cordon/v1/ingest.grpc.pb.h"
#include "tools/cordon/connection.h"
#include "tools/cordon/listed_lines.h"
#include "tools/cordon/listing_file.h"
#include "tools/cordon/output.h"
#include "tools/cordon/progress.h"
#include "tools/cordon/refused_file.h"

namespace cordon {

// What a listing came to.
struct SyncedSource {
  v1::SyncSourceResponse response;
  uint64_t listed = 0;                    // documents, whole or by id
  uint64_t refused = 0;                   // lines
  std::vector<RefusedDocument> refusals;  // in input order, as far as they are known
};

// Not thread-safe. Uses each object once.
class SourceSyncRun {
 public:
  // `connection` and `output` outlive this.
  SourceSyncRun(const Connection& connection, Output& output, v1::SyncSourceBegin begin)
      : connection_(connection), begin_(std::move(begin)), progress_(output) {}

  // Sends the file at `path`, from its beginning again while the server is overloaded; "-", which
  // cannot be read twice, only until that. A line that cannot be sent makes the listing incomplete,
  // so that nothing is deleted.
  StatusOr<SyncedSource> Send(const std::string& path);

 private:
  using Stream = grpc::ClientWriter<v1::SyncSourceRequest>;

  // False once the server has ended the call.
  bool SendLine(ListedLine& line, Stream& stream);
  bool SendMessage(Stream& stream);
  Status SendAll(ListingFile& file, Stream& stream);
  void Restart();

  const Connection& connection_;
  const v1::SyncSourceBegin begin_;
  Progress progress_;
  v1::SyncSourceRequest message_;
  size_t message_bytes_ = 0;
  bool incomplete_ = false;  // a line was not sent
  ListedLines lines_;
  SyncedSource synced_;
};

}  // namespace cordon
