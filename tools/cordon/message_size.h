// How much of documents goes into one message of Ingest or SyncSource.
#pragma once

#include <cstddef>

#include "cordon/v1/types.pb.h"
#include "engine/base/limits.h"
#include "engine/base/status.h"

namespace cordon {

// A message is sent once it has so many documents or bytes of them: acknowledgements come often
// enough to be watched, and a few messages fill the pipe.
inline constexpr size_t kBatchDocuments = 512;
inline constexpr size_t kBatchBytes = 4 << 20;

// The most bytes of documents that a message takes, with 64 KiB for what is around them.
inline constexpr size_t kBatchBytesMax = limits::kIngestMessageBytes - (64 << 10);

// The bytes of `document` in a message.
size_t BytesInMessage(const v1::Document& document);

// INVALID_ARGUMENT, without a field, if `document` alone is more than a message takes.
Status CheckMessageSize(const v1::Document& document);

}  // namespace cordon
