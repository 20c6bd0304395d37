// Erasure and holds, as calls.
#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/base/text_check.h"
#include "engine/ingest/check_change.h"
#include "engine/ingest/commit.h"
#include "engine/ingest/validate.h"

namespace cordon {
namespace {

using store::v1::Mutation;

// Whatever else may be found by a subject or source has ids that the key may not write.
Status CheckUnbounded(const WriteContext& context, std::string_view field) {
  const std::string& prefix = context.caller.grant().id_prefix;
  if (prefix.empty()) return OkStatus();
  return Denied(field, fmt::format("the key writes only ids that begin with '{}'; erase by "
                                   "document, or use a key without a prefix",
                                   prefix));
}

template <typename Request>
Status CheckWhich(const WriteContext& context, const Request& request) {
  if (request.has_document()) {
    return CheckWritableId("document", context.caller.grant(), request.document());
  }
  RETURN_IF_ERROR(CheckUnbounded(context, "subject"));
  return CheckName("subject", request.subject(), limits::kNameBytes);
}

StatusOr<Mutation> EraseOf(const WriteContext& context, const v1::EraseRequest& request) {
  RETURN_IF_ERROR(context.caller.Require(Right::kErase));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  RETURN_IF_ERROR(Writable(context, *view.view, request.collection()).status());
  Mutation mutation;
  auto* erase = mutation.mutable_erase();
  erase->set_collection(request.collection());
  erase->set_limit(limits::kEraseAtOnce);
  switch (request.which_case()) {
    case v1::EraseRequest::kDocument:
      RETURN_IF_ERROR(CheckWhich(context, request));
      erase->set_document(request.document());
      return mutation;
    case v1::EraseRequest::kSubject:
      RETURN_IF_ERROR(CheckWhich(context, request));
      erase->set_subject(request.subject());
      return mutation;
    case v1::EraseRequest::kSource:
      RETURN_IF_ERROR(CheckUnbounded(context, "source"));
      RETURN_IF_ERROR(CheckName("source", request.source(), limits::kNameBytes));
      erase->set_source(request.source());
      return mutation;
    case v1::EraseRequest::WHICH_NOT_SET:
      break;
  }
  return Invalid("document", "missing; name a document, a subject or a source");
}

StatusOr<Mutation> HoldOf(const WriteContext& context, const v1::SetHoldRequest& request) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAdmin));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  RETURN_IF_ERROR(Writable(context, *view.view, request.collection()).status());
  if (request.which_case() == v1::SetHoldRequest::WHICH_NOT_SET) {
    return Invalid("document", "missing; name a document or a subject");
  }
  RETURN_IF_ERROR(CheckWhich(context, request));
  RETURN_IF_ERROR(CheckName("name", request.name(), limits::kNameBytes));
  Mutation mutation;
  *mutation.mutable_hold() = request;
  return mutation;
}

// One mutation after the other until nothing is left: each is as large as a batch of documents.
void EraseSome(const WriteContext& context, Mutation mutation, uint64_t before,
               Acknowledge<v1::EraseResponse> done) {
  auto again = mutation;
  Commit<Committed>(
      context, std::move(mutation),
      [context, again = std::move(again), before,
       done = std::move(done)](StatusOr<Committed> committed) mutable {
        if (!committed.ok()) return done(committed.status());
        const uint64_t erased = before + committed->parts;
        if (committed->more) return EraseSome(context, std::move(again), erased, std::move(done));
        v1::EraseResponse response;
        response.set_revision(committed->revision);
        if (context.caller.grant().rights.Has(Right::kAudit)) response.set_erased(erased);
        done(response);
      },
      [](Committed& committed) { return std::move(committed); });
}

}  // namespace

void Erase(const WriteContext& context, const v1::EraseRequest& request,
           Acknowledge<v1::EraseResponse> done) {
  auto mutation = EraseOf(context, request);
  if (!mutation.ok()) return RefuseJournaled(context, "Erase", mutation.status(), std::move(done));
  EraseSome(context, *std::move(mutation), 0, std::move(done));
}

void SetHold(const WriteContext& context, const v1::SetHoldRequest& request,
             Acknowledge<v1::SetHoldResponse> done) {
  auto mutation = HoldOf(context, request);
  if (!mutation.ok()) {
    return RefuseJournaled(context, "SetHold", mutation.status(), std::move(done));
  }
  Commit(context, *std::move(mutation), std::move(done), RevisionOnly<v1::SetHoldResponse>());
}

}  // namespace cordon
