#include "tools/cordon/query_json.h"

#include <limits>

#include "tools/cordon/access_json.h"
#include "tools/cordon/context_options.h"
#include "tools/cordon/filter_json.h"

namespace cordon {
namespace {

Status ReadMode(JsonValue value, v1::RetrieveRequest* request) {
  std::string name;
  RETURN_IF_ERROR(ReadString(value, &name));
  ASSIGN_OR_RETURN(const v1::Mode mode, ParseMode(name));
  request->set_mode(mode);
  return OkStatus();
}

Status ReadRank(JsonValue value, v1::RetrieveRequest* request) {
  std::string name;
  RETURN_IF_ERROR(ReadString(value, &name));
  ASSIGN_OR_RETURN(const v1::Rank rank, ParseRank(name));
  request->set_rank(rank);
  return OkStatus();
}

Status ReadK(JsonValue value, v1::RetrieveRequest* request) {
  int64_t wide = 0;
  if (value.get_int64().get(wide) != simdjson::SUCCESS) {
    return value.is_number() ? Invalid("", "must be an integer, 1 to 10000")
                             : WrongType(value, "an integer, 1 to 10000");
  }
  ASSIGN_OR_RETURN(const uint32_t k, CheckK(wide));
  request->set_k(k);
  return OkStatus();
}

Status ReadVector(JsonValue value, v1::RetrieveRequest* request) {
  if (value.is_null()) return OkStatus();
  request->clear_vector();
  RETURN_IF_ERROR(ReadFloats(value, request->mutable_vector()));
  if (request->vector().empty()) {
    return Invalid("",
                   "empty; give as many numbers as the collection's dimension, or leave it out");
  }
  return OkStatus();
}

Status ReadMinScore(JsonValue value, v1::RetrieveRequest* request) {
  double score = 0;
  RETURN_IF_ERROR(ReadScore(value, &score));
  request->set_min_score(score);
  return OkStatus();
}

Status ReadRevision(JsonValue value, v1::Scope* scope) {
  uint64_t revision = 0;
  RETURN_IF_ERROR(ReadUint64(value, &revision));
  scope->set_at_least_revision(revision);
  return OkStatus();
}

}  // namespace

Status ParseQuery(JsonParser& parser, std::string_view line, Query* query) {
  ASSIGN_OR_RETURN(const JsonValue value, parser.Parse(line));
  std::string_view id;
  if (value.is_object() && value["id"].get_string().get(id) == simdjson::SUCCESS) query->id = id;
  v1::RetrieveRequest* const request = &query->request;
  v1::Scope* const scope = request->mutable_scope();
  std::string ignored_id;  // read above
  return ReadObject(
      value,
      {StringField("id", &ignored_id),
       StatedField("as", scope->mutable_as()),
       {"vector", [&](JsonValue v) { return ReadVector(v, request); }},
       StringField("text", request->mutable_text()),
       {"k", [&](JsonValue v) { return ReadK(v, request); }},
       {"mode", [&](JsonValue v) { return ReadMode(v, request); }},
       {"rank", [&](JsonValue v) { return ReadRank(v, request); }},
       StatedField("destination", scope->mutable_destination()),
       StatedField("purpose", scope->mutable_purpose()),
       {"context", [&](JsonValue v) { return ReadContextOptions(v, request->mutable_context()); }},
       NumberField("token_budget", [=](uint32_t budget) { request->set_token_budget(budget); }),
       {"query_label", [&](JsonValue v) { return ReadLabel(v, request->mutable_query_label()); }},
       {"at_least_revision", [&](JsonValue v) { return ReadRevision(v, scope); }},
       {"filter", [&](JsonValue v) { return ReadFilter(v, request->mutable_filter()); }},
       {"min_score", [&](JsonValue v) { return ReadMinScore(v, request); }},
       {"fusion", [&](JsonValue v) { return ReadFusion(v, request->mutable_fusion()); }}});
}

StatusOr<v1::Mode> ParseMode(std::string_view name) {
  if (name == "fast") return v1::MODE_FAST;
  if (name == "exact") return v1::MODE_EXACT;
  return Invalid("", "must be fast or exact");
}

StatusOr<v1::Rank> ParseRank(std::string_view name) {
  if (name == "vector") return v1::RANK_VECTOR;
  if (name == "lexical") return v1::RANK_LEXICAL;
  if (name == "hybrid") return v1::RANK_HYBRID;
  return Invalid("", "must be vector, lexical or hybrid");
}

StatusOr<uint32_t> CheckK(int64_t k) {
  if (k < 1 || k > std::numeric_limits<uint32_t>::max()) {
    return Invalid("", "must be an integer, 1 to 10000");
  }
  return static_cast<uint32_t>(k);
}

}  // namespace cordon
