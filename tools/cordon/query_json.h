// One line of a file of questions: JSON → v1::RetrieveRequest, strictly (json_reader.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cordon/v1/retrieval.pb.h"
#include "engine/base/status.h"
#include "tools/cordon/json_reader.h"

namespace cordon {

// A question as a line states it.
struct Query {
  std::optional<std::string> id;  // set as soon as the line has one, also when it is refused
  v1::RetrieveRequest request;
};

// Reads {"id","as","vector","text","k","mode","rank","destination","purpose","at_least_revision",
// "filter","min_score","fusion","context","token_budget","query_label"} over what `query->request`
// already says. A refusal's field is the key.
Status ParseQuery(JsonParser& parser, std::string_view line, Query* query);

// The modes and ranks by name; refuses others.
StatusOr<v1::Mode> ParseMode(std::string_view name);
StatusOr<v1::Rank> ParseRank(std::string_view name);

// Refuses 0, which the protocol reads as the default, and what does not fit; the upper limit is the
// server's.
StatusOr<uint32_t> CheckK(int64_t k);

}  // namespace cordon
