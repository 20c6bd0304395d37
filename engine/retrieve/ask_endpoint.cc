#include "engine/retrieve/ask_endpoint.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/base/planted.h"
#include "engine/embed/embeddings.h"
#include "engine/embed/reranking.h"
#include "engine/policy/release.h"
#include "engine/retrieve/outgoing_words.h"
#include "engine/retrieve/pack.h"
#include "engine/store/codec.h"
#include "engine/view/leaving.h"

namespace cordon {
namespace {

// How sensitive the question's text is, as its caller says; never assumed to be harmless.
StatusOr<Label> QueryLabel(const Access& access, const v1::RetrieveRequest& request) {
  const v1::CollectionConfig& config = access.collection->config;
  if (request.has_query_label()) {
    const Label label = FromProto(request.query_label());
    RETURN_IF_ERROR(access.view->policy().rules->scheme.CheckLabel(label).Within("query_label"));
    return label;
  }
  if (config.has_default_label()) return FromProto(config.default_label());
  return Invalid("query_label",
                 "missing, and the collection has no default label; say how sensitive the text is, "
                 "since it is sent to an endpoint");
}

// Texts on their way to one endpoint, for one request.
class Sender {
 public:
  Sender(const ReadContext& context, const Access& access, std::string_view endpoint)
      : context_(context), access_(access), endpoint_(endpoint) {}

  StatusOr<Released> May(const Label& label, std::string_view text) const {
    return Release(access_.view->world(), endpoint_, context_.caller.dev(),
                   access_.subject.clearance, label, text);
  }

 private:
  const ReadContext& context_;
  const Access& access_;
  const std::string endpoint_;
};

Status QueryRefused(const Status& refused) {
  const bool label = refused.code() == StatusCode::kPermissionDenied;
  return Status(refused.code(), label ? "query_label" : "collection", refused.message());
}

// The texts as they leave for the reranker: like for the caller, without hidden characters if those
// are not wanted. A block never has them.
std::vector<std::string> OutgoingTexts(const ContextPlan& plan,
                                       const std::vector<Passage>& passages) {
  std::vector<std::string> texts;
  for (const Passage& passage : passages) {
    OutgoingWords words(plan.strip_hidden_characters || plan.block);
    words.See(&texts.emplace_back(passage->text));
  }
  return texts;
}

// `texts` are those of the passages; borrowed.
StatusOr<std::vector<Released>> ReleaseAll(const Sender& sender,
                                           const std::vector<Passage>& passages,
                                           const std::vector<std::string>& texts) {
  std::vector<Released> released;
  for (size_t i = 0; i < passages.size(); ++i) {
    auto one = sender.May(passages[i]->label, texts[i]);
    if (!one.ok()) return one.status();
    released.push_back(*std::move(one));
  }
  return released;
}

// The passages are on their way to the endpoint, with the question: they are charged, journalled
// and, of a canary, told before.
Status LeaveWithPassages(const ReadContext& context, const Access& access,
                         const std::string& endpoint, journal::v1::Record* record,
                         std::vector<Passage>* passages) {
  journal::v1::Record sending = SendingRecord(*record, endpoint);
  std::set<Label> labels;
  if (!Planted(Bug::kSentUncounted)) {
    for (const Passage& passage : *passages) {
      NotePassage(passage, context.tenant->pseudonyms, &sending);
      labels.insert(passage->label);
    }
  }
  const auto joined = JoinOf(access.view->policy().rules->scheme, labels);
  if (joined) *sending.mutable_context_label() = ToProto(*joined);
  RETURN_IF_ERROR(LeaveForEndpoint(context, std::move(sending)));
  record->add_endpoints(endpoint);
  for (Passage& passage : *passages) passage.counted = true;
  return OkStatus();
}

StatusOr<v1::RerankOutcome> Reorder(const ReadContext& context, const Access& access,
                                    const LabelledText& query, const ContextPlan& plan,
                                    journal::v1::Record* record, std::vector<Passage>* passages) {
  const Sender sender(context, access, plan.rerank);
  const auto text = sender.May(query.label, query.text);
  const auto outgoing = OutgoingTexts(plan, *passages);
  const auto texts = ReleaseAll(sender, *passages, outgoing);
  if (!text.ok() || !texts.ok()) return v1::RERANK_OUTCOME_NOT_ALLOWED;
  Endpoint* const endpoint =
      context.endpoints == nullptr
          ? nullptr
          : context.endpoints->Find(plan.rerank, EndpointConfig::Kind::kRerank);
  if (endpoint == nullptr) return v1::RERANK_OUTCOME_UNAVAILABLE;
  if (passages->empty()) return v1::RERANK_OUTCOME_RERANKED;
  Status left;
  const auto leave = [&] {
    left = LeaveWithPassages(context, access, plan.rerank, record, passages);
    return left;
  };
  const auto ratings = RateTexts(endpoint, *text, *texts, leave, context.stop);
  RETURN_IF_ERROR(left);
  if (!ratings.ok()) {
    if (ratings.status().code() == StatusCode::kDeadlineExceeded) return ratings.status();
    return v1::RERANK_OUTCOME_UNAVAILABLE;
  }
  for (size_t i = 0; i < passages->size(); ++i) (*passages)[i].rerank_score = (*ratings)[i];
  std::stable_sort(passages->begin(), passages->end(), [](const Passage& a, const Passage& b) {
    return *a.rerank_score > *b.rerank_score;
  });
  return v1::RERANK_OUTCOME_RERANKED;
}

}  // namespace

StatusOr<std::vector<float>> EmbedQuery(const ReadContext& context, const Access& access,
                                        const v1::RetrieveRequest& request,
                                        journal::v1::Record* record) {
  const v1::CollectionConfig& config = access.collection->config;
  ASSIGN_OR_RETURN(Endpoint * endpoint,
                   EmbeddingEndpoint(context.endpoints, config.embedding_endpoint(), config.model(),
                                     config.dimension()));
  ASSIGN_OR_RETURN(const Label label, QueryLabel(access, request));
  const Sender sender(context, access, config.embedding_endpoint());
  const auto released = sender.May(label, request.text());
  if (!released.ok()) return QueryRefused(released.status());
  const auto leave = [&]() -> Status {
    RETURN_IF_ERROR(LeaveForEndpoint(context, SendingRecord(*record, config.embedding_endpoint())));
    record->add_endpoints(config.embedding_endpoint());
    return OkStatus();
  };
  ASSIGN_OR_RETURN(auto embeddings, EmbedTexts(endpoint, {&*released, 1}, leave, context.stop));
  return std::move(embeddings.front());
}

StatusOr<Label> CheckReranker(const ReadContext& context, const Access& access,
                              const v1::RetrieveRequest& request, const ContextPlan& plan) {
  const bool nameable =
      context.caller.grant().MayNameDestination(plan.rerank) &&
      FindDestination(*access.view->policy().rules, plan.rerank, context.caller.dev()) != nullptr;
  if (!nameable) {
    return Denied("context.rerank",
                  "unknown, or not a destination that the key may name; ask an admin");
  }
  return QueryLabel(access, request);
}

StatusOr<v1::RerankOutcome> Rerank(const ReadContext& context, const Access& access,
                                   const LabelledText& query, const ContextPlan& plan,
                                   journal::v1::Record* record, std::vector<Passage>* passages) {
  ASSIGN_OR_RETURN(const auto outcome, Reorder(context, access, query, plan, record, passages));
  const size_t kept = std::min(passages->size(), plan.k);
  passages->erase(passages->begin() + static_cast<ptrdiff_t>(kept), passages->end());
  return outcome;
}

}  // namespace cordon
