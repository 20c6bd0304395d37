// v1::ContextOptions by options of the command line, and by the key "context" of a line of
// questions.
#pragma once

#include <cstdint>
#include <string>

#include "cordon/v1/retrieval.pb.h"
#include "engine/base/status.h"
#include "tools/cordon/json_reader.h"

namespace CLI {
class App;
}

namespace cordon {

// What the options say. `diversity` is unset at -1; the other numbers are at 0, where the server
// takes its defaults.
struct ContextFlags {
  std::string duplicates;
  double diversity = -1;
  uint32_t per_document = 0;
  uint32_t per_source = 0;
  uint32_t neighbours = 0;
  bool parents = false;
  std::string rerank;
  std::string min_trust;
  uint32_t token_budget = 0;
  uint32_t token_reserve = 0;
  bool block = false;
  bool nonce = false;
  bool strip_hidden = false;
  bool with_attributes = false;
  std::string query_label;
};

void AddContextFlags(CLI::App* retrieve, ContextFlags& flags);

// Puts what they say into `request`.
Status SetContext(const ContextFlags& flags, v1::RetrieveRequest* request);

// {"duplicates","diversity","per_document_max","per_source_max","neighbours","parents","rerank",
// "min_trust","token_reserve","want_block","strip_hidden_characters","want_attributes"}.
Status ReadContextOptions(JsonValue value, v1::ContextOptions* options);

StatusOr<v1::Duplicates> ParseDuplicates(std::string_view name);
std::string_view RerankOutcomeName(v1::RerankOutcome outcome);

}  // namespace cordon
