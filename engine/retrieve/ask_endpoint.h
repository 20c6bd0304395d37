// What a question sends to the endpoints of the server, and under which label (DESIGN §3): each
// text only if the endpoint's destination may receive it, else nothing is sent.
#pragma once

#include <string_view>
#include <vector>

#include "cordon/v1/retrieval.pb.h"
#include "engine/retrieve/access.h"
#include "engine/retrieve/context_plan.h"
#include "engine/retrieve/passage.h"

namespace cordon {

// The embedding of the question's text by the endpoint of the collection. The text is labelled by
// `query_label`, or like documents that bring no label; refused if there is neither. The journal
// has a record of it before anything is sent, and `record` then names the endpoint.
StatusOr<std::vector<float>> EmbedQuery(const ReadContext& context, const Access& access,
                                        const v1::RetrieveRequest& request,
                                        journal::v1::Record* record);

// The label of the question's text, as above, for the plan's reranker. PERMISSION_DENIED for an
// endpoint that is no destination which the key may name. Sends nothing.
StatusOr<Label> CheckReranker(const ReadContext& context, const Access& access,
                              const v1::RetrieveRequest& request, const ContextPlan& plan);

// A question's text and how sensitive it is.
struct LabelledText {
  std::string_view text;
  const Label& label;
};

// Puts the passages in the order of the plan's reranker, which has been checked, equal ones as they
// stood, and leaves plan.k of them; without its answer in the order in which they came. What is
// sent is charged and in a journal record of its own before, and `record` then names the endpoint;
// RESOURCE_EXHAUSTED beyond the key's quota, UNAVAILABLE without a journal: nothing is sent.
// DEADLINE_EXCEEDED once the call is over.
StatusOr<v1::RerankOutcome> Rerank(const ReadContext& context, const Access& access,
                                   const LabelledText& query, const ContextPlan& plan,
                                   journal::v1::Record* record, std::vector<Passage>* passages);

}  // namespace cordon
