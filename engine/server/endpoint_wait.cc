#include "engine/server/endpoint_wait.h"

#include <algorithm>

#include "engine/embed/endpoint.h"

namespace cordon {
namespace {

// Whether the caller may enter the collection with `right`, and an endpoint embeds for it. Whoever
// may not is refused without waiting: nobody learns by a full queue what there is.
bool IsEmbeddedOutside(const ReadContext& context, const std::string& name, Right right) {
  if (!context.caller.Require(right).ok() || !context.caller.RequireCollection(name).ok()) {
    return false;
  }
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  const auto collection = view->state().FindCollection(name);
  return collection && collection->config.embedder() == v1::EMBEDDER_HTTP;
}

bool AsksReranker(const ReadContext& context, const v1::RetrieveRequest& request) {
  const std::string& name = request.context().rerank();
  return !name.empty() && context.caller.Require(Right::kQuery).ok() &&
         context.caller.grant().MayNameDestination(name) && context.endpoints != nullptr &&
         context.endpoints->Find(name, EndpointConfig::Kind::kRerank) != nullptr;
}

}  // namespace

bool AsksEndpoint(const ReadContext& context, const v1::RetrieveRequest& request) {
  if (request.text().empty()) return false;
  if (AsksReranker(context, request)) return true;
  const bool embeds = request.vector_size() == 0 && request.rank() != v1::RANK_LEXICAL;
  return embeds && IsEmbeddedOutside(context, request.collection(), Right::kQuery);
}

bool AsksEndpoint(const ReadContext& context, const v1::BatchRetrieveRequest& request) {
  return std::any_of(request.queries().begin(), request.queries().end(),
                     [&](const auto& query) { return AsksEndpoint(context, query); });
}

bool AsksEndpoint(const ReadContext& context, const v1::IngestRequest& request) {
  return request.documents_size() > 0 &&
         IsEmbeddedOutside(context, request.collection(), Right::kIngest);
}

Status EndpointsBusy() {
  return Status(StatusCode::kResourceExhausted, "endpoint",
                "too many calls wait for the server's endpoints; try again later");
}

}  // namespace cordon
