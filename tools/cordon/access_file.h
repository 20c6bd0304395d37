// A file of lists and labels (one JSON object a line) → v1::SetAccessManyRequest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cordon/v1/ingest.pb.h"
#include "engine/base/status.h"

namespace cordon {

// Such a file as read: change i comes from line lines[i].
struct AccessFile {
  v1::SetAccessManyRequest request;  // without the collection
  std::vector<uint64_t> lines;
};

// Reads all lines, `{"id","acl","label"}`, or says which one is wrong; empty ones are passed over.
// "-" is standard input.
StatusOr<AccessFile> ReadAccessFile(const std::string& path);

}  // namespace cordon
