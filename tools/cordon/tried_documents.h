// The documents of a file as one message, to be tried and not written.
#pragma once

#include <string>
#include <vector>

#include "cordon/v1/ingest.pb.h"
#include "engine/base/status.h"
#include "tools/cordon/batch_stream.h"

namespace cordon {

struct TriedDocuments {
  v1::IngestRequest request;
  std::vector<Origin> origins;           // one for each of the request's documents
  std::vector<RefusedDocument> refused;  // by this program, in input order
};

// Reads lines as ingest does, plain or packed; "-" is standard input. INVALID_ARGUMENT for "FILE"
// as soon as they are more than one message holds.
StatusOr<TriedDocuments> ReadTriedDocuments(const std::string& path);

}  // namespace cordon
