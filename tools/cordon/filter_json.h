// Filters and fusion as JSON → their messages, strictly (json_reader.h).
#pragma once

#include <string_view>

#include "cordon/v1/retrieval.pb.h"
#include "tools/cordon/json_reader.h"

namespace cordon {

// {"and":[…]}, {"or":[…]}, {"not":{…}}, or a test {"attr":NAME, …} with one of "eq", "in":[…],
// "prefix", "exists", or one or two of "gt", "gte", "lt", "lte". Values are numbers, strings and
// truth values; times are RFC 3339 strings.
Status ReadFilter(JsonValue value, v1::Filter* filter);

// {"method":"relative"|"weighted"|"rrf","weights":{"vector":1,"lexical":1},"depth":100}; each may be missing.
Status ReadFusion(JsonValue value, v1::Fusion* fusion);

// A finite number.
Status ReadScore(JsonValue value, double* score);

// The same of a command's option, whose refusals name it.
Status ParseFilterOption(std::string_view text, v1::Filter* filter);
Status ParseFusionOption(std::string_view text, v1::Fusion* fusion);

}  // namespace cordon
