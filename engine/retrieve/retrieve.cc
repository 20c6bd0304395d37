#include "engine/retrieve/retrieve.h"

#include <fmt/format.h>

#include <cmath>

#include "engine/base/limits.h"
#include "engine/base/text_check.h"
#include "engine/crypto/encoding.h"
#include "engine/crypto/random_bytes.h"
#include "engine/embed/builtin.h"
#include "engine/retrieve/access.h"
#include "engine/retrieve/guard.h"
#include "engine/retrieve/pack.h"
#include "engine/retrieve/search.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

constexpr size_t kNonceBytes = 16;

struct Answer {
  Access access;
  Context context;
  std::string nonce;
};

Status CheckRequest(const v1::RetrieveRequest& request) {
  if (request.k() > limits::kTopK) {
    return Invalid("k", fmt::format("more than {}; ask for fewer", limits::kTopK));
  }
  if (!v1::Mode_IsValid(request.mode())) return Invalid("mode", "unknown; one of fast, exact");
  if (!v1::Rank_IsValid(request.rank())) {
    return Invalid("rank", "unknown; one of vector, lexical, hybrid");
  }
  RETURN_IF_ERROR(CheckText("text", request.text(), limits::kQueryTextBytes));
  return CheckRanking(request);
}

// The query's embedding: the caller's own, or what the collection's embedder makes of the text.
StatusOr<std::vector<float>> QueryVector(const v1::RetrieveRequest& request,
                                         const v1::CollectionConfig& config) {
  if (request.vector_size() == 0 && request.text().empty()) {
    return Invalid("vector", "neither a vector nor a text is given; give one");
  }
  const bool builtin = config.embedder() == v1::EMBEDDER_BUILTIN;
  if (request.vector_size() == 0) {
    if (!builtin) {
      return Invalid("vector", "the collection has no embedder; give the query's vector");
    }
    return BuiltinEmbedder(config.dimension()).Embed(request.text());
  }
  if (builtin) return Invalid("vector", "the collection embeds by itself; give a text instead");
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

// What the request asks, of a collection that the caller may search.
StatusOr<Question> ToQuestion(const v1::RetrieveRequest& request,
                              const v1::CollectionConfig& config) {
  Question question;
  if (request.rank() != v1::RANK_UNSPECIFIED) question.rank = request.rank();
  // A vector that does not fit is refused whether it ranks or not.
  if (question.rank != v1::RANK_LEXICAL || request.vector_size() > 0) {
    ASSIGN_OR_RETURN(question.vector, QueryVector(request, config));
  }
  if (question.rank != v1::RANK_VECTOR) {
    question.text = ParseTextQuery(LanguageOf(config), request.text());
  }
  question.k = request.k() == 0 ? limits::kTopKDefault : request.k();
  question.with_text = !request.omit_text() || request.token_budget() > 0;
  if (request.has_min_score()) question.min_score = request.min_score();
  question.fusion = request.fusion();
  if (request.has_filter()) question.filter = &request.filter();
  return question;
}

StatusOr<Answer> Find(const ReadContext& context, const v1::RetrieveRequest& request,
                      journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(Right::kQuery));
  RETURN_IF_ERROR(CheckRequest(request));
  record->set_query_digest(QueryDigest(request, context.tenant->pseudonyms));
  Answer answer;
  ASSIGN_OR_RETURN(answer.access, Enter(context, &request.collection(), request.scope(), record));
  ASSIGN_OR_RETURN(const Question question, ToQuestion(request, answer.access.collection->config));
  ASSIGN_OR_RETURN(AllowedSet allowed, AllowedFor(answer.access, context.caller, request.scope()));
  ASSIGN_OR_RETURN(auto cleared, Search(answer.access, std::move(allowed), question, context.stop));
  answer.context = Pack(answer.access, context.caller, std::move(cleared), request.token_budget());
  if (request.want_nonce()) {
    ASSIGN_OR_RETURN(const std::string random, RandomBytes(kNonceBytes));
    answer.nonce = HexEncode(random);
  }
  NoteContext(answer.context, context.tenant->pseudonyms, record);
  return answer;
}

v1::RetrieveResponse ToResponse(Answer answer, bool omit_text, const JournalReceipt& receipt) {
  v1::RetrieveResponse response;
  for (Cleared<ClearedChunk>& cleared : answer.context.passages) {
    ClearedChunk chunk = std::move(cleared).Take();
    v1::Passage* passage = response.add_passages();
    passage->set_document(std::move(chunk.document));
    passage->set_chunk(chunk.ordinal);
    passage->set_score(chunk.score);
    if (!omit_text) passage->set_text(std::move(chunk.text));
    *passage->mutable_label() = ToProto(chunk.label);
    passage->set_title(std::move(chunk.title));
    passage->set_uri(std::move(chunk.uri));
    if (!chunk.parts) continue;
    passage->set_vector_score(chunk.parts->vector_score);
    passage->set_lexical_score(chunk.parts->lexical_score);
    if (chunk.parts->vector_rank) passage->set_vector_rank(*chunk.parts->vector_rank);
    if (chunk.parts->lexical_rank) passage->set_lexical_rank(*chunk.parts->lexical_rank);
  }
  if (answer.context.label) *response.mutable_context_label() = ToProto(*answer.context.label);
  response.mutable_destinations()->Assign(answer.context.destinations.begin(),
                                          answer.context.destinations.end());
  response.set_limited(answer.context.limited);
  response.set_revision(answer.access.view->revision());
  *response.mutable_as_of() = ToProtoTime(answer.access.view.as_of);
  response.set_journal_id(receipt.id());
  response.set_nonce(answer.nonce);
  response.set_break_glass(answer.access.break_glass());
  return response;
}

}  // namespace

void Retrieve(const ReadContext& context, const v1::RetrieveRequest& request,
              Respond<v1::RetrieveResponse> done) {
  Journaled(
      context, "Retrieve",
      [&](journal::v1::Record* record) { return Find(context, request, record); },
      [omit_text = request.omit_text()](Answer answer, const JournalReceipt& receipt) {
        return ToResponse(std::move(answer), omit_text, receipt);
      },
      std::move(done));
}

}  // namespace cordon
