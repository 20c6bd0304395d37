// A listing of a source as one message, to be tried and not sent.
#pragma once

#include <string>
#include <vector>

#include "cordon/v1/ingest.pb.h"
#include "engine/base/status.h"
#include "tools/cordon/listed_lines.h"

namespace cordon {

struct TriedListing {
  v1::SyncSourceRequest request;  // without its `begin`
  ListedLines lines;
  std::vector<RefusedDocument> refused;  // by this program, in input order
};

// Reads lines as `source sync` does: one that is refused makes the listing incomplete.
// INVALID_ARGUMENT for "FILE" as soon as they are more than one message holds.
StatusOr<TriedListing> ReadTriedListing(const std::string& path);

}  // namespace cordon
