#include "engine/retrieve/retrieve.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/base/text_check.h"
#include "engine/crypto/encoding.h"
#include "engine/crypto/random_bytes.h"
#include "engine/embed/builtin.h"
#include "engine/retrieve/access.h"
#include "engine/retrieve/answer.h"
#include "engine/retrieve/ask_endpoint.h"
#include "engine/retrieve/choose.h"
#include "engine/retrieve/guard.h"
#include "engine/retrieve/neighbours.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

constexpr size_t kNonceBytes = 16;
constexpr size_t kJudgedAtOnce = 64;  // candidates: the reads of their records share the way down

Status CheckRequest(const v1::RetrieveRequest& request) {
  if (request.k() > limits::kTopK) {
    return Invalid("k", fmt::format("more than {}; ask for fewer", limits::kTopK));
  }
  if (!v1::Mode_IsValid(request.mode())) return Invalid("mode", "unknown; one of fast, exact");
  if (!v1::Rank_IsValid(request.rank())) {
    return Invalid("rank", "unknown; one of vector, lexical, hybrid");
  }
  if (request.rank() == v1::RANK_LEXICAL || request.rank() == v1::RANK_HYBRID) {
    return Status(StatusCode::kUnimplemented, "rank", "not served yet; use vector");
  }
  return CheckText("text", request.text(), limits::kQueryTextBytes);
}

// The query's embedding: the caller's own, or what the collection's embedder makes of the text.
StatusOr<std::vector<float>> QueryVector(const ReadContext& context, const Access& access,
                                         const v1::RetrieveRequest& request,
                                         journal::v1::Record* record) {
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
    if (config.embedder() == v1::EMBEDDER_HTTP) {
      return EmbedQuery(context, access, request, record);
    }
    return Invalid("vector", "the collection has no embedder; give the query's vector");
  }
  if (config.embedder() != v1::EMBEDDER_NONE)
    return Invalid("vector", "the collection embeds by itself; give a text instead");
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
  return pseudonyms.Digest(query);
}

// Refuses more text than one answer may hold; it is never cut.
Status CheckAnswer(size_t bytes) {
  if (bytes <= limits::kAnswerBytes) return OkStatus();
  return Invalid("k", fmt::format("the answer would have more than {} bytes of text; ask for "
                                  "fewer, or leave the text out",
                                  limits::kAnswerBytes));
}

// `count` candidates from `first` on, or as many as there are.
std::vector<Guard::Wanted> WantedFrom(const std::vector<Hit>& candidates, size_t first,
                                      size_t count) {
  std::vector<Guard::Wanted> wanted;
  for (size_t i = first; i < candidates.size() && wanted.size() < count; ++i) {
    wanted.push_back({candidates[i].document, candidates[i].ordinal});
  }
  return wanted;
}

// True if what the guard computed from the stored record is what the index proposed, and in order.
bool IsAsProposed(const ClearedChunk& chunk, const Hit& proposed,
                  const std::vector<Cleared<ClearedChunk>>& before) {
  return proposed.score.low <= chunk.score && chunk.score <= proposed.score.high &&
         (before.empty() || chunk.score <= before.back()->score);
}

// Search proposes, the guard disposes: candidates that it rejects are defects of the index, and the
// search goes on until k are cleared or nothing more is permitted.
StatusOr<std::vector<Cleared<ClearedChunk>>> SearchAndGuard(const Access& access,
                                                            const std::vector<float>& query,
                                                            size_t k, Reading reading,
                                                            const std::function<bool()>& stop) {
  const VectorIndex& index = access.view->index(*access.collection);
  AllowedSet allowed = access.Allowed();
  for (size_t i = 0; Planted(Bug::kFilterAfterTopK) && i < allowed.classes.size(); ++i) {
    allowed.classes.Set(i);
  }
  Guard guard(*access.view.view, *access.collection, access.subject(), query, reading);
  std::vector<Cleared<ClearedChunk>> cleared;
  size_t bytes = 0;
  for (size_t asked = k, seen = 0;; asked += k) {
    ASSIGN_OR_RETURN(const auto candidates, index.Search(allowed, query, asked, stop));
    while (seen < candidates.size() && cleared.size() < k) {
      const size_t missing = std::min(kJudgedAtOnce, k - cleared.size());
      ASSIGN_OR_RETURN(auto judged, guard.Clear(WantedFrom(candidates, seen, missing)));
      for (auto& passed : judged) {
        if (passed && IsAsProposed(**passed, candidates[seen], cleared)) {
          bytes += (*passed)->text.size();
          RETURN_IF_ERROR(CheckAnswer(bytes));
          cleared.push_back(*std::move(passed));
        } else {
          spdlog::error("defect: the guard rejected a candidate of the index");
        }
        ++seen;
      }
    }
    if (cleared.size() == k || candidates.size() < asked || Planted(Bug::kFilterAfterTopK)) {
      return cleared;
    }
  }
}

}  // namespace

StatusOr<RetrievedContext> FindAnswer(const ReadContext& context,
                                      const v1::RetrieveRequest& request,
                                      journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(Right::kQuery));
  RETURN_IF_ERROR(CheckRequest(request));
  record->set_query_digest(QueryDigest(request, context.tenant->pseudonyms));
  RetrievedContext answer;
  ASSIGN_OR_RETURN(answer.access, Enter(context, &request.collection(), request.scope(), record));
  const Access& access = answer.access;
  const PolicyRules& rules = *access.view->policy().rules;
  ASSIGN_OR_RETURN(answer.plan, PlanContext(request, rules));
  ASSIGN_OR_RETURN(const std::vector<float> query, QueryVector(context, access, request, record));
  const auto find = [&](size_t count) {
    return SearchAndGuard(access, query, count, answer.plan.ToRead(), context.stop);
  };
  ASSIGN_OR_RETURN(Chosen chosen, Choose(answer.plan, rules, find, context.stop));
  if (!answer.plan.rerank.empty()) {
    ASSIGN_OR_RETURN(answer.rerank,
                     Rerank(context, access, request, answer.plan, record, &chosen.passages));
  }
  if (answer.plan.reach > 0) {
    Guard guard(*access.view.view, *access.collection, access.subject(), query,
                answer.plan.ToRead());
    ASSIGN_OR_RETURN(chosen.passages,
                     WithNeighbours(&guard, std::move(chosen.passages), answer.plan.reach));
  }
  answer.context = Pack(access, context.caller, std::move(chosen.passages), answer.plan,
                        context.tokens == nullptr ? ApproximateCounter() : *context.tokens);
  answer.context.limited |= chosen.limited;
  if (request.want_nonce() || answer.plan.block) {
    ASSIGN_OR_RETURN(const std::string random, RandomBytes(kNonceBytes));
    answer.nonce = HexEncode(random);
  }
  return answer;
}

StatusOr<RetrievedContext> FindAndNote(const ReadContext& context,
                                       const v1::RetrieveRequest& request,
                                       journal::v1::Record* record) {
  auto answer = FindAnswer(context, request, record);
  if (answer.ok()) NoteContext(answer->context, context.tenant->pseudonyms, record);
  return answer;
}

void Retrieve(const ReadContext& context, const v1::RetrieveRequest& request,
              Respond<v1::RetrieveResponse> done) {
  Journaled(
      context, "Retrieve",
      [&](journal::v1::Record* record) { return FindAndNote(context, request, record); },
      ToResponse, std::move(done));
}

}  // namespace cordon
