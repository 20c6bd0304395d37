// What is to be said of a document: JSON → an UpdateMetadataRequest's mask and values. The JSON is
// a merge patch (RFC 7396): what it names changes, null clears, and all else stays.
#pragma once

#include <string>

#include "cordon/v1/ingest.pb.h"
#include "engine/base/status.h"
#include "tools/cordon/json_reader.h"

namespace cordon {

// Fills mask and values.
Status ReadMetadata(JsonValue value, v1::UpdateMetadataRequest* request);

// The same from the text of an option `option`, with which the field of a refusal begins.
Status ParseMetadataOption(const std::string& option, const std::string& text,
                           v1::UpdateMetadataRequest* request);

}  // namespace cordon
