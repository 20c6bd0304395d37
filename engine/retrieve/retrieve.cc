#include "engine/retrieve/retrieve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/text_check.h"
#include "engine/crypto/encoding.h"
#include "engine/crypto/random_bytes.h"
#include "engine/embed/builtin.h"
#include "engine/retrieve/access.h"
#include "engine/retrieve/answer.h"
#include "engine/retrieve/ask_endpoint.h"
#include "engine/retrieve/block.h"
#include "engine/retrieve/choose.h"
#include "engine/retrieve/guard.h"
#include "engine/retrieve/neighbours.h"
#include "engine/retrieve/pack.h"
#include "engine/retrieve/search.h"

namespace cordon {
namespace {

constexpr size_t kNonceBytes = 16;

Status CheckRequest(const v1::RetrieveRequest& request) {
  if (request.k() > limits::kTopK) {
    return Invalid("k", fmt::format("more than {}; ask for fewer", limits::kTopK));
  }
  if (!v1::Mode_IsValid(request.mode())) return Invalid("mode", "unknown; one of fast, exact");
  const double recall = request.recall_target();
  if (recall != 0 && !(limits::kRecallMin <= recall && recall <= limits::kRecallMax)) {
    return Invalid("recall_target",
                   fmt::format("must lie in [{}, {}], or be 0 for the default {}",
                               limits::kRecallMin, limits::kRecallMax, kRecallDefault));
  }
  if (!v1::Rank_IsValid(request.rank())) {
    return Invalid("rank", "unknown; one of vector, lexical, hybrid");
  }
  RETURN_IF_ERROR(CheckText("text", request.text(), limits::kQueryTextBytes));
  return CheckRanking(request);
}

// The query's embedding: the caller's own, or what the built-in embedder makes of the text; empty
// if the collection's endpoint has to embed it.
StatusOr<std::vector<float>> QueryVector(const Access& access, const v1::RetrieveRequest& request) {
  const v1::CollectionConfig& config = access.collection->config;
  if (!request.vector_model().empty() && request.vector_model() != config.model()) {
    return Invalid("vector_model",
                   "not the model of the collection; vectors of two models cannot "
                   "be compared");
  }
  if (request.vector_size() == 0 && request.text().empty()) {
    return Invalid("vector", "neither a vector nor a text is given; give one");
  }
  if (request.vector_size() == 0) {
    if (config.embedder() == v1::EMBEDDER_BUILTIN) {
      return BuiltinEmbedder(config.dimension()).Embed(request.text());
    }
    if (config.embedder() == v1::EMBEDDER_HTTP) return std::vector<float>();
    return Invalid("vector", "the collection has no embedder; give the query's vector");
  }
  if (config.embedder() != v1::EMBEDDER_NONE) {
    return Invalid("vector", "the collection embeds by itself; give a text instead");
  }
  if (static_cast<uint32_t>(request.vector_size()) != config.dimension()) {
    return Invalid("vector", fmt::format("has {} numbers, the collection {}", request.vector_size(),
                                         config.dimension()));
  }
  for (const float number : request.vector()) {
    if (!std::isfinite(number)) return Invalid("vector", "holds NaN or infinity");
  }
  return std::vector<float>(request.vector().begin(), request.vector().end());
}

std::string QueryDigest(const v1::RetrieveRequest& request, const Pseudonyms& pseudonyms) {
  std::string query = request.text();
  query.push_back('\0');
  query.append(reinterpret_cast<const char*>(request.vector().data()),
               static_cast<size_t>(request.vector_size()) * sizeof(float));
  if (request.has_filter()) query.append(request.filter().SerializeAsString());
  return pseudonyms.Digest(query);
}

// What the request asks, of a collection that the caller may search; without how many.
StatusOr<Question> ToQuestion(const Access& access, const v1::RetrieveRequest& request,
                              const ContextPlan& plan) {
  Question question;
  if (request.rank() != v1::RANK_UNSPECIFIED) question.rank = request.rank();
  if (request.mode() == v1::MODE_EXACT) question.mode = SearchMode::kExact;
  if (request.recall_target() != 0) question.recall = request.recall_target();
  if (question.rank != v1::RANK_VECTOR) {
    question.text = ParseTextQuery(LanguageOf(access.collection->config), request.text());
    RETURN_IF_ERROR(CheckTextQuery(question.text).Within("text"));
  }
  // A vector that does not fit is refused whether it ranks or not.
  if (question.rank != v1::RANK_LEXICAL || request.vector_size() > 0) {
    ASSIGN_OR_RETURN(question.vector, QueryVector(access, request));
  }
  question.reading = plan.ToRead();
  if (request.has_min_score()) question.min_score = request.min_score();
  question.fusion = request.fusion();
  // What is fused depends on what is asked for, not on how many of it are looked at.
  if (question.fusion.depth() == 0) {
    const size_t depth = std::clamp<size_t>(plan.k * limits::kFusedForEachDefault,
                                            limits::kFusionDepthDefault, limits::kFusionDepth);
    question.fusion.set_depth(static_cast<uint32_t>(depth));
  }
  if (request.has_filter()) {
    question.filter = &request.filter();
    ASSIGN_OR_RETURN(question.predicate, CheckFilterOf(access, request.filter()));
  }
  return question;
}

// A neighbour that the reranker has read, and that was cut as a hit, has been counted then.
void MarkCounted(const std::vector<Passage>& cut, std::vector<Passage>* passages) {
  std::set<std::pair<std::string_view, uint32_t>> counted;
  for (const Passage& passage : cut) {
    if (passage.counted) counted.emplace(passage->document, passage->ordinal);
  }
  for (Passage& passage : *passages) {
    if (counted.contains({passage->document, passage->ordinal})) passage.counted = true;
  }
}

}  // namespace

StatusOr<PreparedQuestion> Prepare(const ReadContext& context, const v1::RetrieveRequest& request,
                                   journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(Right::kQuery));
  RETURN_IF_ERROR(CheckRequest(request));
  if (request.explain()) RETURN_IF_ERROR(context.caller.Require(Right::kAudit));
  record->set_query_digest(QueryDigest(request, context.tenant->pseudonyms));
  PreparedQuestion prepared;
  ASSIGN_OR_RETURN(prepared.access, Enter(context, &request.collection(), request.scope(), record));
  const Access& access = prepared.access;
  ASSIGN_OR_RETURN(prepared.plan, PlanContext(request, *access.view->policy().rules));
  RETURN_IF_ERROR(CheckBudget(context, prepared.plan));
  if (!prepared.plan.rerank.empty()) {
    ASSIGN_OR_RETURN(prepared.query_label, CheckReranker(context, access, request, prepared.plan));
  }
  ASSIGN_OR_RETURN(prepared.question, ToQuestion(access, request, prepared.plan));
  ASSIGN_OR_RETURN(prepared.allowed, AllowedFor(access, context.caller, request.scope()));
  return prepared;
}

StatusOr<RetrievedContext> AnswerTo(const ReadContext& context, const v1::RetrieveRequest& request,
                                    PreparedQuestion prepared, journal::v1::Record* record) {
  RetrievedContext answer;
  answer.access = std::move(prepared.access);
  answer.plan = std::move(prepared.plan);
  const Access& access = answer.access;
  const PolicyRules& rules = *access.view->policy().rules;
  Question& question = prepared.question;
  if (prepared.embeds()) {
    ASSIGN_OR_RETURN(question.vector, EmbedQuery(context, access, request, record));
  }
  SearchTrace trace;
  const auto find = [&](size_t count) {
    question.k = count;
    return Search(access, prepared.allowed, question, context.stop, &trace);
  };
  ASSIGN_OR_RETURN(Chosen chosen, Choose(answer.plan, rules, find, context.stop));
  if (request.explain() && question.rank != v1::RANK_LEXICAL) answer.explain = trace;
  std::vector<Passage> cut;  // by the reranker
  if (prepared.query_label) {
    ASSIGN_OR_RETURN(answer.rerank, Rerank(context, access, {request.text(), *prepared.query_label},
                                           answer.plan, record, &chosen.passages, &cut));
  }
  if (answer.plan.reach > 0) {
    // Nearness is the score of a ranking by vector only: in the others neighbours have none.
    const bool scored = question.rank == v1::RANK_VECTOR;
    Guard guard(*access.view.view, *access.collection, access.subject,
                scored ? std::span<const float>(question.vector) : std::span<const float>(),
                answer.plan.ToRead());
    ASSIGN_OR_RETURN(chosen.passages, WithNeighbours(&guard, std::move(chosen.passages),
                                                     answer.plan.reach, context.stop));
    MarkCounted(cut, &chosen.passages);
  }
  ASSIGN_OR_RETURN(answer.context, Pack(access, context, std::move(chosen.passages), answer.plan));
  answer.context.limited |= chosen.limited;
  if (request.want_nonce() || answer.plan.block) {
    ASSIGN_OR_RETURN(const std::string random, RandomBytes(kNonceBytes));
    answer.nonce = HexEncode(random);
  }
  if (answer.plan.block) answer.block = Block(answer.context.passages, answer.nonce);
  return answer;
}

StatusOr<RetrievedContext> FindAnswer(const ReadContext& context,
                                      const v1::RetrieveRequest& request,
                                      journal::v1::Record* record) {
  ASSIGN_OR_RETURN(auto prepared, Prepare(context, request, record));
  return AnswerTo(context, request, std::move(prepared), record);
}

void Retrieve(const ReadContext& context, const v1::RetrieveRequest& request,
              Respond<v1::RetrieveResponse> done) {
  Journaled(
      context, "Retrieve",
      [&](journal::v1::Record* record) {
        auto answer = FindAnswer(context, request, record);
        if (answer.ok()) NoteContext(answer->context, context.tenant->pseudonyms, record);
        return answer;
      },
      ToResponse, std::move(done));
}

}  // namespace cordon
