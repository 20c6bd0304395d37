// A directory file (one JSON object a line) → v1::ApplyDirectoryRequest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cordon/v1/directory.pb.h"
#include "engine/base/status.h"

namespace cordon {

// A directory file as read: principal i comes from line lines[i].
struct DirectoryFile {
  v1::ApplyDirectoryRequest request;
  std::vector<uint64_t> lines;
};

// Reads all lines or says which one is wrong; empty ones are passed over. "-" is standard input.
StatusOr<DirectoryFile> ReadDirectoryFile(const std::string& path);

}  // namespace cordon
