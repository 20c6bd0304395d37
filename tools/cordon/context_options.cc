#include "tools/cordon/context_options.h"

#include <CLI/CLI.hpp>

#include "tools/cordon/access_json.h"

namespace cordon {
namespace {

void AddChoosing(CLI::App* retrieve, ContextFlags& flags) {
  retrieve->add_option("--duplicates", flags.duplicates, "Which repeats of a passage to leave out")
      ->check(CLI::IsMember({"kept", "exact", "near"}))
      ->type_name("kept|exact|near");
  retrieve
      ->add_option("--diversity", flags.diversity,
                   "Chooses unlike passages: from 1, relevance alone, to 0, difference alone")
      ->check(CLI::Range(0.0, 1.0));
  retrieve->add_option("--per-document", flags.per_document,
                       "At most so many passages of a document");
  retrieve->add_option("--per-source", flags.per_source, "At most so many passages of a source");
  retrieve->add_option("--min-trust", flags.min_trust,
                       "Only passages of this trust tier of the policy, or a higher one");
  retrieve->add_option("--rerank", flags.rerank, "The endpoint that orders the passages anew");
  CLI::Option* const neighbours =
      retrieve->add_option("--neighbours", flags.neighbours,
                           "Adds so many permitted chunks before and after each passage");
  retrieve->add_flag("--parents", flags.parents, "Adds each passage's whole permitted document")
      ->excludes(neighbours);
}

}  // namespace

void AddContextFlags(CLI::App* retrieve, ContextFlags& flags) {
  AddChoosing(retrieve, flags);
  retrieve->add_option("--token-budget", flags.token_budget,
                       "Whole passages, up to so many tokens");
  retrieve->add_option("--token-reserve", flags.token_reserve,
                       "Of the budget, what the rest of the prompt takes");
  retrieve->add_flag("--block", flags.block,
                     "Prints a block for a prompt: marked, numbered, with citations");
  retrieve->add_flag("--nonce", flags.nonce, "Asks for a nonce to mark untrusted text with");
  retrieve->add_flag("--strip-hidden", flags.strip_hidden,
                     "Takes invisible and bidirectional control characters out of all but ids");
  retrieve->add_flag("--with-attributes", flags.with_attributes,
                     "Adds the documents' attributes that the user may see");
  retrieve->add_option("--query-label", flags.query_label,
                       "How sensitive the question is (JSON), where an endpoint embeds or reranks");
}

Status SetContext(const ContextFlags& flags, v1::RetrieveRequest* request) {
  v1::ContextOptions options;
  if (!flags.duplicates.empty()) {
    ASSIGN_OR_RETURN(const v1::Duplicates duplicates, ParseDuplicates(flags.duplicates));
    options.set_duplicates(duplicates);
  }
  if (flags.diversity >= 0) options.set_diversity(flags.diversity);
  options.set_per_document_max(flags.per_document);
  options.set_per_source_max(flags.per_source);
  options.set_neighbours(flags.neighbours);
  options.set_parents(flags.parents);
  options.set_rerank(flags.rerank);
  options.set_min_trust(flags.min_trust);
  options.set_token_reserve(flags.token_reserve);
  options.set_want_block(flags.block);
  options.set_strip_hidden_characters(flags.strip_hidden);
  options.set_want_attributes(flags.with_attributes);
  if (options.ByteSizeLong() > 0) *request->mutable_context() = options;
  request->set_token_budget(flags.token_budget);
  request->set_want_nonce(flags.nonce);
  if (flags.query_label.empty()) return OkStatus();
  ASSIGN_OR_RETURN(*request->mutable_query_label(),
                   ParseLabelOption("query-label", flags.query_label));
  return OkStatus();
}

Status ReadContextOptions(JsonValue value, v1::ContextOptions* options) {
  const auto duplicates = [options](JsonValue v) {
    std::string name;
    RETURN_IF_ERROR(ReadString(v, &name));
    ASSIGN_OR_RETURN(const v1::Duplicates parsed, ParseDuplicates(name));
    options->set_duplicates(parsed);
    return OkStatus();
  };
  const auto diversity = [options](JsonValue v) {
    double lambda = 0;
    if (v.get_double().get(lambda) != simdjson::SUCCESS) return WrongType(v, "a number, 0 to 1");
    options->set_diversity(lambda);
    return OkStatus();
  };
  return ReadObject(
      value,
      {{"duplicates", duplicates},
       {"diversity", diversity},
       NumberField("per_document_max", [=](uint32_t n) { options->set_per_document_max(n); }),
       NumberField("per_source_max", [=](uint32_t n) { options->set_per_source_max(n); }),
       NumberField("neighbours", [=](uint32_t n) { options->set_neighbours(n); }),
       FlagField("parents", [=](bool on) { options->set_parents(on); }),
       StatedField("rerank", options->mutable_rerank()),
       StatedField("min_trust", options->mutable_min_trust()),
       NumberField("token_reserve", [=](uint32_t n) { options->set_token_reserve(n); }),
       FlagField("want_block", [=](bool on) { options->set_want_block(on); }),
       FlagField("strip_hidden_characters",
                 [=](bool on) { options->set_strip_hidden_characters(on); }),
       FlagField("want_attributes", [=](bool on) { options->set_want_attributes(on); })});
}

StatusOr<v1::Duplicates> ParseDuplicates(std::string_view name) {
  if (name == "kept") return v1::DUPLICATES_KEPT;
  if (name == "exact") return v1::DUPLICATES_EXACT;
  if (name == "near") return v1::DUPLICATES_NEAR;
  return Invalid("", "must be kept, exact or near");
}

std::string_view RerankOutcomeName(v1::RerankOutcome outcome) {
  switch (outcome) {
    case v1::RERANK_OUTCOME_RERANKED:
      return "reranked";
    case v1::RERANK_OUTCOME_UNAVAILABLE:
      return "unavailable";
    case v1::RERANK_OUTCOME_NOT_ALLOWED:
      return "not allowed";
    default:
      return "";
  }
}

}  // namespace cordon
