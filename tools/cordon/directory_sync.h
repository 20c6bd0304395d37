// A snapshot of a source of the directory, sent as one SyncDirectory stream.
#pragma once

#include "cordon/v1/directory.grpc.pb.h"
#include "engine/base/status.h"
#include "tools/cordon/connection.h"
#include "tools/cordon/directory_file.h"

namespace cordon {

// Sends all records of `file` and says at the end that they are all; again from the start while the
// server is overloaded. An error names the line of the file where there is one.
StatusOr<v1::SyncDirectoryResponse> SendSnapshot(const Connection& connection,
                                                 const v1::SyncBegin& begin,
                                                 const DirectoryFile& file);

}  // namespace cordon
