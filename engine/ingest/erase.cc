// Erasure and holds, as calls.
#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/base/text_check.h"
#include "engine/ingest/check_change.h"
#include "engine/ingest/commit.h"
#include "engine/ingest/source_name.h"
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

}  // namespace

StatusOr<Mutation> EraseOf(const WriteContext& context, const v1::EraseRequest& request) {
  RETURN_IF_ERROR(context.caller.Require(Right::kErase));
  RETURN_IF_ERROR(CheckReason(request.reason()));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  RETURN_IF_ERROR(Writable(context, *view.view, request.collection()).status());
  Mutation mutation;
  mutation.set_reason(request.reason());
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
      RETURN_IF_ERROR(CheckStoredSource("source", request.source()));
      erase->set_source(request.source());
      return mutation;
    case v1::EraseRequest::WHICH_NOT_SET:
      break;
  }
  return Invalid("document", "missing; name a document, a subject or a source");
}

namespace {

StatusOr<Mutation> HoldOf(const WriteContext& context, const v1::SetHoldRequest& request) {
  RETURN_IF_ERROR(CheckAdmin(context, request.reason()));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  RETURN_IF_ERROR(Writable(context, *view.view, request.collection()).status());
  if (request.which_case() == v1::SetHoldRequest::WHICH_NOT_SET) {
    return Invalid("document", "missing; name a document or a subject");
  }
  RETURN_IF_ERROR(CheckWhich(context, request));
  RETURN_IF_ERROR(CheckName("name", request.name(), limits::kNameBytes));
  Mutation mutation;
  mutation.set_reason(request.reason());
  *mutation.mutable_hold() = request;
  return mutation;
}

// What the mutations of one call have erased so far.
struct SoFar {
  uint64_t documents = 0;
  uint64_t revision = 0;  // of the last of them; 0: none is made yet
};

bool MayCount(const WriteContext& context) {
  return context.caller.grant().rights.Has(Right::kAudit);
}

// An error of a later mutation takes back nothing of those before.
Status Interrupted(const WriteContext& context, const Status& status, const SoFar& so_far) {
  const std::string_view field = status.field();
  const bool held = status.code() == StatusCode::kFailedPrecondition;  // a failed disk: who knows
  if (so_far.revision == 0 && !held) return status;
  if (so_far.revision == 0) {
    return Status(status.code(), field, fmt::format("{}; nothing was erased", status.message()));
  }
  const std::string what =
      MayCount(context) ? fmt::format("{} documents", so_far.documents) : "a part of it";
  return Status(status.code(), field,
                fmt::format("{}; {} and older versions were erased before, up to revision {}: the "
                            "same call goes on from there",
                            status.message(), what, so_far.revision));
}

// One mutation after the other until nothing is left: each is as large as a batch of documents.
void EraseSome(const WriteContext& context, Mutation mutation, const SoFar& before,
               Acknowledge<v1::EraseResponse> done) {
  auto again = mutation;
  Commit<Committed>(
      context, std::move(mutation),
      [context, again = std::move(again), before,
       done = std::move(done)](StatusOr<Committed> committed) mutable {
        if (!committed.ok()) return done(Interrupted(context, committed.status(), before));
        const SoFar so_far{before.documents + committed->parts, committed->revision};
        if (committed->more) return EraseSome(context, std::move(again), so_far, std::move(done));
        v1::EraseResponse response;
        response.set_revision(committed->revision);
        if (MayCount(context)) response.set_erased(so_far.documents);
        done(response);
      },
      [](Committed& committed) { return std::move(committed); });
}

}  // namespace

void Erase(const WriteContext& context, const v1::EraseRequest& request,
           Acknowledge<v1::EraseResponse> done) {
  auto mutation = EraseOf(context, request);
  if (!mutation.ok()) return RefuseJournaled(context, "Erase", mutation.status(), std::move(done));
  EraseSome(context, *std::move(mutation), {}, std::move(done));
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
