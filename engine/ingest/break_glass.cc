// Break-glass accesses: who may open one, for whom, and how long, is decided here and in Apply.
#include "engine/base/limits.h"
#include "engine/base/text_check.h"
#include "engine/ingest/check_change.h"
#include "engine/policy/decide.h"
#include "engine/store/codec.h"
#include "engine/view/journaled.h"

namespace cordon {

StatusOr<v1::BreakGlass> AccessToOpen(const WriteContext& context,
                                      const v1::OpenBreakGlassRequest& request,
                                      const std::string& id) {
  RETURN_IF_ERROR(context.caller.Require(Right::kBreakGlass));
  RETURN_IF_ERROR(CheckName("reason", request.reason(), limits::kPurposeBytes));
  if (!request.has_until()) return Invalid("until", "missing; say when it ends");
  RETURN_IF_ERROR(FromProto(request.until()).status().Within("until"));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  ASSIGN_OR_RETURN(const std::string name,
                   ResolveActing(view->world(), context.caller, request.as()));
  v1::BreakGlass access;
  access.set_id(id);
  access.set_key_id(context.caller.key_id());
  access.set_as(name);
  access.set_reason(request.reason());
  *access.mutable_until() = request.until();
  return access;
}

namespace {

// The record of a change of an access.
journal::v1::Record RecordFor(const WriteContext& context, const store::v1::Mutation& mutation) {
  auto record = RecordOf(CallOf(mutation), context.caller, *context.tenant);
  record.set_reason(mutation.reason());
  record.set_break_glass(mutation.break_glass().id());
  if (mutation.break_glass().has_open()) {
    const auto& access = mutation.break_glass().open();
    record.set_purpose(access.reason());
    record.set_subject(context.tenant->pseudonyms.Of("principal", access.as()));
  }
  return record;
}

template <typename Response>
void Change(const WriteContext& context, store::v1::BreakGlassChange change,
            const std::string& reason, Response response, Acknowledge<Response> done) {
  store::v1::Mutation mutation;
  mutation.set_key_id(context.caller.key_id());
  mutation.set_actor(context.caller.grant().principal);
  mutation.set_reason(reason);
  *mutation.mutable_break_glass() = std::move(change);
  auto record = RecordFor(context, mutation);
  context.writer->Submit(context.tenant, context.caller, std::move(mutation), std::move(record),
                         [response, done = std::move(done)](const auto& committed) mutable {
                           if (!committed.ok()) return done(committed.status());
                           response.set_revision(committed->revision);
                           done(std::move(response));
                         });
}

}  // namespace

void OpenBreakGlass(const WriteContext& context, const v1::OpenBreakGlassRequest& request,
                    const std::string& id, Acknowledge<v1::OpenBreakGlassResponse> done) {
  const auto access = AccessToOpen(context, request, id);
  if (!access.ok()) {
    return RefuseJournaled(context.tenant, context.caller, "OpenBreakGlass", access.status(),
                           std::move(done));
  }
  store::v1::BreakGlassChange change;
  change.set_id(id);
  *change.mutable_open() = *access;
  v1::OpenBreakGlassResponse response;
  response.set_id(id);
  Change(context, std::move(change), access->reason(), std::move(response), std::move(done));
}

Status CheckCloseBreakGlass(const WriteContext& context,
                            const v1::CloseBreakGlassRequest& request) {
  RETURN_IF_ERROR(context.caller.Require(Right::kBreakGlass));
  return CheckReason(request.reason());
}

void CloseBreakGlass(const WriteContext& context, const v1::CloseBreakGlassRequest& request,
                     Acknowledge<v1::CloseBreakGlassResponse> done) {
  if (const Status checked = CheckCloseBreakGlass(context, request); !checked.ok()) {
    return RefuseJournaled(context.tenant, context.caller, "CloseBreakGlass", checked,
                           std::move(done));
  }
  store::v1::BreakGlassChange change;
  change.set_id(request.id());
  Change(context, std::move(change), request.reason(), v1::CloseBreakGlassResponse(),
         std::move(done));
}

}  // namespace cordon
