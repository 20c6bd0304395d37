// How far erasures are, and what is held back from them.
#include <algorithm>

#include "engine/inspect/collections.h"
#include "engine/inspect/inspect.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

// Whether an erasure of the collection up to `revision` has no receipt yet. Of one call there may
// be several, and the last one's receipt may come first. Rows are read as they are now: a View that
// nothing changes does not hear of receipts.
StatusOr<bool> AnyOpen(const View& view, uint32_t collection, uint64_t revision) {
  const uint32_t tenant = view.state().id;
  const uint64_t last = std::min(revision, UINT64_MAX - 1);
  const auto cursor =
      view.WalkNewest(Family::kErasures, TenantPrefix(tenant), RevisionKey(tenant, last + 1));
  store::v1::ErasureRecord open;
  for (; cursor->Valid(); cursor->Next()) {
    ASSIGN_OR_RETURN(const std::string_view payload, cursor->Payload());
    RETURN_IF_ERROR(ParseRecord(payload, &open));
    if (open.collection_id() == collection) return true;
  }
  RETURN_IF_ERROR(cursor->status());
  return false;
}

StatusOr<v1::EraseStatusResponse> StatusOf(const ReadContext& context,
                                           const v1::EraseStatusRequest& request,
                                           journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(Right::kErase));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  ASSIGN_OR_RETURN(const auto collection,
                   FindCollection(context, *view.view, request.collection(), record));
  ASSIGN_OR_RETURN(const bool open, AnyOpen(*view.view, collection->id, request.revision()));
  v1::EraseStatusResponse response;
  response.set_verified(!open && request.revision() <= view->revision());
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
      Unnamed<v1::ListHoldsResponse>, std::move(done));
}

}  // namespace cordon
