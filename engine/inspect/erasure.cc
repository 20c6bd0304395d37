// How far erasures are, and what is held back from them.
#include "engine/inspect/collections.h"
#include "engine/inspect/inspect.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

StatusOr<v1::EraseStatusResponse> StatusOf(const ReadContext& context,
                                           const v1::EraseStatusRequest& request,
                                           journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(Right::kErase));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  ASSIGN_OR_RETURN(const auto collection,
                   FindCollection(context, *view.view, request.collection(), record));
  store::v1::ErasureRecord open;
  ASSIGN_OR_RETURN(
      const bool found,
      view->GetNewest(Family::kErasures, RevisionKey(view->state().id, request.revision()), &open));
  v1::EraseStatusResponse response;
  response.set_verified(!found || open.collection_id() != collection->id);
  response.set_revision(view->revision());
  return response;
}

StatusOr<v1::ListHoldsResponse> Holds(const ReadContext& context,
                                      const v1::ListHoldsRequest& request,
                                      journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAdmin));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  ASSIGN_OR_RETURN(const auto collection,
                   FindCollection(context, *view.view, request.collection(), record));
  v1::ListHoldsResponse response;
  RETURN_IF_ERROR(view->Scan(Family::kHolds, CollectionPrefix(view->state().id, collection->id),
                             [&](auto, std::string_view payload) -> Status {
                               store::v1::HoldRecord hold;
                               RETURN_IF_ERROR(ParseRecord(payload, &hold));
                               auto* out = response.add_holds();
                               out->set_name(hold.name());
                               out->set_kind(hold.kind());
                               out->set_pseudonym(hold.pseudonym());
                               *out->mutable_since() = ToProtoTime(hold.since_us());
                               return OkStatus();
                             }));
  response.set_revision(view->revision());
  return response;
}

}  // namespace

void EraseStatus(const ReadContext& context, const v1::EraseStatusRequest& request,
                 Answer<v1::EraseStatusResponse> done) {
  Journaled(
      context, "EraseStatus",
      [&](journal::v1::Record* record) { return StatusOf(context, request, record); },
      Named<v1::EraseStatusResponse>, std::move(done));
}

void ListHolds(const ReadContext& context, const v1::ListHoldsRequest& request,
               Answer<v1::ListHoldsResponse> done) {
  Journaled(
      context, "ListHolds",
      [&](journal::v1::Record* record) { return Holds(context, request, record); },
      [](v1::ListHoldsResponse response, const JournalReceipt&) { return response; },
      std::move(done));
}

}  // namespace cordon
