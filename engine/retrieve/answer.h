// An answer on its way out: nothing of it leaves without a journal receipt.
#pragma once

#include <optional>
#include <string>

#include "cordon/v1/retrieval.pb.h"
#include "engine/index/search_options.h"
#include "engine/retrieve/access.h"
#include "engine/retrieve/pack.h"
#include "engine/retrieve/search.h"

namespace cordon {

struct RetrievedContext {
  Access access;
  ContextPlan plan;
  Context context;
  std::string nonce;  // empty if none is asked for
  std::string block;  // the same
  v1::RerankOutcome rerank = v1::RERANK_OUTCOME_UNSPECIFIED;
  std::optional<SearchTrace> explain;  // if asked for, and if vectors were searched
};

// A question that is checked and resolved, and nothing of it searched yet. Borrows the request.
struct PreparedQuestion {
  Access access;
  ContextPlan plan;
  Question question;
  AllowedSet allowed;
  std::optional<Label> query_label;  // if a reranker reads the text

  // Whether the collection's endpoint has to embed its text.
  bool embeds() const { return question.rank != v1::RANK_LEXICAL && question.vector.empty(); }
};

// Pins a View and notes in `record` who asks what. What is to be refused for what it asks is
// refused here, no text has left for an endpoint yet; but for what an embedding endpoint may not
// have or serves no more, which AnswerTo() refuses before anything is sent.
StatusOr<PreparedQuestion> Prepare(const ReadContext& context, const v1::RetrieveRequest& request,
                                   journal::v1::Record* record);

// The answer to it, in its View.
StatusOr<RetrievedContext> AnswerTo(const ReadContext& context, const v1::RetrieveRequest& request,
                                    PreparedQuestion prepared, journal::v1::Record* record);

// Both at once: the answer to a question, as far as it can be told before the journal has it. Notes
// in `record` who asked what, and not yet what leaves.
StatusOr<RetrievedContext> FindAnswer(const ReadContext& context,
                                      const v1::RetrieveRequest& request,
                                      journal::v1::Record* record);

// At least the bytes that its response will have.
size_t BytesMax(const RetrievedContext& answer);

// A passage as it is told. Takes its texts. `citation`: its number in the block, or 0.
v1::Passage ToProto(Passage passage, const ContextPlan& plan, uint32_t citation);

// The whole answer. There is no other way to a passage than these two.
v1::RetrieveResponse ToResponse(RetrievedContext answer, const JournalReceipt& receipt);

}  // namespace cordon
