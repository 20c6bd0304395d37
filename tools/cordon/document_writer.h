// Documents as lines that can be ingested again.
#pragma once

#include "cordon/v1/types.pb.h"
#include "tools/cordon/json_writer.h"

namespace cordon {

// One document, in the schema that document_json.h reads; what is unset is left out.
void WriteIngestLine(JsonWriter& json, const v1::Document& document);

}  // namespace cordon
