#include "engine/server/endpoint_wait.h"

#include <fmt/format.h>

namespace cordon {
namespace {

// The endpoint that embeds for a collection which the caller may enter with `right`. Whoever may
// not is refused without waiting: nobody learns by a full queue what there is.
std::string EmbedsFor(const ReadContext& context, const std::string& name, Right right) {
  if (!context.caller.Require(right).ok() || !context.caller.RequireCollection(name).ok()) {
    return "";
  }
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  const auto collection = view->state().FindCollection(name);
  return collection ? collection->config.embedding_endpoint() : "";
}

// The endpoint that the caller names to rerank, if it may.
std::string Reranks(const ReadContext& context, const v1::RetrieveRequest& request) {
  const std::string& name = request.context().rerank();
  const bool may = context.caller.Require(Right::kQuery).ok() &&
                   context.caller.RequireCollection(request.collection()).ok() &&
                   context.caller.grant().MayNameDestination(name);
  return may ? name : "";
}

}  // namespace

std::string EndpointAsked(const ReadContext& context, const v1::RetrieveRequest& request) {
  if (request.text().empty()) return "";
  const bool embeds = request.vector_size() == 0 && request.rank() != v1::RANK_LEXICAL;
  std::string endpoint;
  if (embeds) endpoint = EmbedsFor(context, request.collection(), Right::kQuery);
  return endpoint.empty() ? Reranks(context, request) : endpoint;
}

std::string EndpointAsked(const ReadContext& context, const v1::BatchRetrieveRequest& request) {
  for (const auto& query : request.queries()) {
    std::string endpoint = EndpointAsked(context, query);
    if (!endpoint.empty()) return endpoint;
  }
  return "";
}

std::string EndpointAsked(const ReadContext& context, const v1::IngestRequest& request) {
  if (request.documents_size() == 0 || request.embeddings_only()) return "";
  return EmbedsFor(context, request.collection(), Right::kIngest);
}

Status EndpointBusy(std::string_view endpoint) {
  return Status(
      StatusCode::kResourceExhausted, "endpoint",
      fmt::format("too many calls, yours or in all, wait for the endpoint '{}'; try again later",
                  endpoint));
}

}  // namespace cordon
