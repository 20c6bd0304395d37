// One line of a corpus: JSON → v1::Document, strictly (json_reader.h). The schema is
// docs/formats.md's and the Ingest stream's.
#pragma once

#include <string>
#include <string_view>

#include "cordon/v1/types.pb.h"
#include "engine/base/status.h"
#include "tools/cordon/json_reader.h"

namespace cordon {

// Fills `document`, which must be empty. A refusal's field is the path in the line, such as
// `chunks[0].embedding[3]`, or empty if the line is no JSON; `document->id()` is then still set if
// the line has one. A key that may be left out may not be null, but for `valid_from`,
// `valid_until`, `from`, `until` and `embedding`.
Status ParseDocument(JsonParser& parser, std::string_view line, v1::Document* document);
// The same of a line that has been parsed.
Status ParseDocument(JsonValue value, v1::Document* document);

}  // namespace cordon
