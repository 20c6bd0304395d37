#include <algorithm>

#include "engine/inspect/collections.h"
#include "engine/inspect/inspect.h"
#include "engine/store/embedding_spaces.h"

namespace cordon {
namespace {

StatusOr<v1::EmbeddingStatusResponse> StatusOf(const ReadContext& context,
                                               const v1::EmbeddingStatusRequest& request,
                                               const EmbeddingProgressOf& progress_of,
                                               journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAdmin));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  ASSIGN_OR_RETURN(const auto collection,
                   FindCollection(context, *view.view, request.collection(), record));
  v1::EmbeddingStatusResponse response;
  *response.mutable_searched() = SearchedSpace(collection->config);
  response.set_documents(collection->documents);
  response.set_to_clean(collection->stale);
  response.set_revision(view->revision());
  const EmbeddingProgress progress = progress_of(context.tenant->name, collection->id);
  response.set_waits_for(progress.waits_for);
  if (!collection->other) return response;
  *response.mutable_other() = collection->other->space;
  response.set_embedded(collection->other->documents);
  const uint64_t missing = collection->documents - collection->other->documents;
  if (missing > 0 && !MadeHere(collection->other->space)) {
    response.set_left_out(missing);
    response.set_waits_for(
        "clients bring the vectors of this space, also of documents that were written since it was "
        "begun or switched from; fill it, or drop it");
    return response;
  }
  // What was left out is remembered a little longer than it is so.
  response.set_left_out(std::min(progress.left_out, missing));
  return response;
}

}  // namespace

void EmbeddingStatus(const ReadContext& context, const v1::EmbeddingStatusRequest& request,
                     const EmbeddingProgressOf& progress_of,
                     Answer<v1::EmbeddingStatusResponse> done) {
  Journaled(
      context, "EmbeddingStatus",
      [&](journal::v1::Record* record) { return StatusOf(context, request, progress_of, record); },
      Unnamed<v1::EmbeddingStatusResponse>, std::move(done));
}

}  // namespace cordon
