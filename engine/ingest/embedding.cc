// A collection's second embedding space, as its admins begin it, switch to it and drop it.
#include "engine/embed/endpoint.h"
#include "engine/ingest/check_change.h"
#include "engine/ingest/commit.h"
#include "engine/ingest/embedding_walk.h"

namespace cordon {
namespace {

using store::v1::Mutation;

Status CheckEmbeddingChange(const WriteContext& context, const std::string& collection,
                            const std::string& reason) {
  RETURN_IF_ERROR(CheckAdmin(context, reason));
  return context.caller.RequireCollection(collection);
}

// A space that an endpoint embeds for records the endpoint's model, which must be there.
Status CompleteSpace(const WriteContext& context, v1::EmbeddingSpace* space) {
  if (space->embedder() != v1::EMBEDDER_HTTP) return OkStatus();
  const Endpoint* const endpoint =
      context.endpoints == nullptr
          ? nullptr
          : context.endpoints->Find(space->embedding_endpoint(), EndpointConfig::Kind::kEmbeddings);
  if (endpoint == nullptr) {
    return Invalid("embedding_endpoint",
                   "no embedding endpoint of the server; name one of its configuration");
  }
  if (space->model().empty()) space->set_model(endpoint->config().model);
  if (space->dimension() == 0) space->set_dimension(endpoint->config().dimension);
  const auto found = EmbeddingEndpoint(context.endpoints, space->embedding_endpoint(),
                                       space->model(), space->dimension());
  return found.ok() ? OkStatus()
                    : Invalid("model",
                              "the endpoint has another model, or another dimension; leave both "
                              "out");
}

void CommitSwitch(const WriteContext& context, const v1::SwitchEmbeddingRequest& request,
                  Acknowledge<v1::SwitchEmbeddingResponse> done) {
  Mutation mutation;
  mutation.set_reason(request.reason());
  *mutation.mutable_switch_embedding() = request;
  Commit(context, std::move(mutation), std::move(done),
         RevisionOnly<v1::SwitchEmbeddingResponse>());
}

// Gives zeros to what the endpoint of the model may not receive; nothing if it is not the model of
// the collection's other space, which the writer says.
Status FillMissing(const WriteContext& context, const v1::SwitchEmbeddingRequest& request,
                   const std::function<bool()>& stop) {
  std::shared_ptr<const Collection> collection;
  {
    const PinnedView view = context.tenant->publisher.Pin(context.clock);
    collection = view->state().FindCollection(request.collection());
  }
  if (!collection || !collection->other || collection->other->space.model() != request.model()) {
    return OkStatus();
  }
  EmbeddingWalk walk({context.writer, context.clock, context.endpoints, stop}, context.tenant,
                     *collection, WalkGives::kZeros, &context.caller, request.reason());
  while (true) {
    ASSIGN_OR_RETURN(const bool more, walk.Step());
    if (!more) return OkStatus();
    if (stop && stop()) {
      return Status(StatusCode::kDeadlineExceeded, "",
                    "the time ran out before the switch; the same call does the rest");
    }
  }
}

}  // namespace

void BeginEmbedding(const WriteContext& context, v1::BeginEmbeddingRequest request,
                    Acknowledge<v1::BeginEmbeddingResponse> done) {
  Status checked = CheckEmbeddingChange(context, request.collection(), request.reason());
  if (checked.ok()) checked = CompleteSpace(context, request.mutable_space()).Within("space");
  if (!checked.ok()) return RefuseJournaled(context, "BeginEmbedding", checked, std::move(done));
  Mutation mutation;
  mutation.set_reason(request.reason());
  *mutation.mutable_begin_embedding() = std::move(request);
  Commit(context, std::move(mutation), std::move(done), RevisionOnly<v1::BeginEmbeddingResponse>());
}

void SwitchEmbedding(const WriteContext& context, const v1::SwitchEmbeddingRequest& request,
                     std::function<bool()> stop, Acknowledge<v1::SwitchEmbeddingResponse> done) {
  static constexpr std::string_view kCall = "SwitchEmbedding";
  const Status checked = CheckEmbeddingChange(context, request.collection(), request.reason());
  if (!checked.ok()) return RefuseJournaled(context, kCall, checked, std::move(done));
  if (!request.allow_missing()) return CommitSwitch(context, request, std::move(done));
  CORDON_CHECK(context.background != nullptr);
  const bool queued = context.background->Submit([context, request, stop, done] {
    const Status filled = FillMissing(context, request, stop);
    if (!filled.ok()) return RefuseJournaled(context, kCall, filled, done);
    CommitSwitch(context, request, done);
  });
  if (queued) return;
  RefuseJournaled(
      context, kCall,
      Status(StatusCode::kResourceExhausted, "", "too many calls that take long wait; try again"),
      std::move(done));
}

void DropEmbedding(const WriteContext& context, const v1::DropEmbeddingRequest& request,
                   Acknowledge<v1::DropEmbeddingResponse> done) {
  const Status checked = CheckEmbeddingChange(context, request.collection(), request.reason());
  if (!checked.ok()) return RefuseJournaled(context, "DropEmbedding", checked, std::move(done));
  Mutation mutation;
  mutation.set_reason(request.reason());
  *mutation.mutable_drop_embedding() = request;
  Commit(context, std::move(mutation), std::move(done), RevisionOnly<v1::DropEmbeddingResponse>());
}

}  // namespace cordon
