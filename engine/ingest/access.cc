// SetAccess of many documents: named one by one, or selected.
#include <fmt/format.h>

#include <unordered_set>

#include "engine/base/limits.h"
#include "engine/base/text_check.h"
#include "engine/ingest/check_change.h"
#include "engine/ingest/commit.h"
#include "engine/ingest/selection.h"
#include "engine/ingest/source_name.h"
#include "engine/ingest/validate.h"

namespace cordon {
namespace {

// A list or label for one document or for many, as the key may set it and the policy knows it.
template <typename Change>
Status CheckAccess(const PolicyRules& rules, const Grant& grant, const Change& change) {
  if (!change.has_acl() && !change.has_label()) {
    return Invalid("acl", "neither a list nor a label is given; give at least one");
  }
  if (change.has_acl()) {
    RETURN_IF_ERROR(CheckGivenAcl(rules, grant, change.acl()).Within("acl"));
  }
  if (!change.has_label()) return OkStatus();
  return CheckGivenLabel(rules, grant, change.label()).Within("label");
}

// The rights that the lists and labels of a call need, before anything else of it is judged.
Status CheckRights(const Authenticated& caller, bool acl, bool label) {
  if (acl) RETURN_IF_ERROR(caller.Require(Right::kGrant));
  if (label) RETURN_IF_ERROR(caller.Require(Right::kLabel));
  // With neither, which is refused later, one of the rights is needed all the same.
  if (acl || label || caller.grant().rights.Has(Right::kGrant)) return OkStatus();
  return caller.Require(Right::kLabel);
}

Status CheckChanges(const WriteContext& context, const View& view,
                    const v1::SetAccessManyRequest& request) {
  const Grant& grant = context.caller.grant();
  const PolicyRules& rules = *view.policy().rules;
  std::unordered_set<std::string_view> ids;
  for (int i = 0; i < request.changes_size(); ++i) {
    const v1::AccessChange& change = request.changes(i);
    const std::string path = fmt::format("changes[{}]", i);
    RETURN_IF_ERROR(CheckWritableId("document", grant, change.document()).Within(path));
    if (!ids.insert(change.document()).second) {
      return Invalid(path + ".document", "given twice; name each document once");
    }
    RETURN_IF_ERROR(CheckAccess(rules, grant, change).Within(path));
  }
  return OkStatus();
}

}  // namespace

Status CheckSetAccessMany(const WriteContext& context, const v1::SetAccessManyRequest& request) {
  bool acl = false, label = false;
  for (const auto& change : request.changes()) {
    acl |= change.has_acl();
    label |= change.has_label();
  }
  RETURN_IF_ERROR(CheckRights(context.caller, acl, label));
  RETURN_IF_ERROR(CheckReason(request.reason()));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  RETURN_IF_ERROR(Writable(context, *view.view, request.collection()).status());
  if (request.changes().empty()) return Invalid("changes", "none; give at least one");
  if (static_cast<size_t>(request.changes_size()) > limits::kDocumentsPerBatch) {
    return Invalid("changes", fmt::format("more than {}; split them", limits::kDocumentsPerBatch));
  }
  return CheckChanges(context, *view.view, request);
}

Status CheckSetAccessSelected(const WriteContext& context,
                              const v1::SetAccessSelectedRequest& request) {
  const Grant& grant = context.caller.grant();
  RETURN_IF_ERROR(CheckRights(context.caller, request.has_acl(), request.has_label()));
  RETURN_IF_ERROR(CheckReason(request.reason()));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  RETURN_IF_ERROR(Writable(context, *view.view, request.collection()).status());
  if (request.id_prefix().empty() && request.source().empty()) {
    return Invalid("id_prefix", "neither an id prefix nor a source is given; give at least one");
  }
  if (!request.id_prefix().empty()) {
    RETURN_IF_ERROR(CheckName("id_prefix", request.id_prefix(), limits::kIdBytes));
  }
  // What is selected must lie where the key may write, whatever is stored there.
  if (!grant.MayWriteId(request.id_prefix())) {
    return Denied("id_prefix",
                  fmt::format("the key writes only ids that begin with '{}'", grant.id_prefix));
  }
  if (!request.source().empty()) {
    RETURN_IF_ERROR(CheckStoredSource("source", request.source()));
  }
  return CheckAccess(*view->policy().rules, grant, request);
}

void SetAccessMany(const WriteContext& context, v1::SetAccessManyRequest request,
                   Acknowledge<v1::SetAccessManyResponse> done) {
  if (const Status checked = CheckSetAccessMany(context, request); !checked.ok()) {
    return RefuseJournaled(context, "SetAccessMany", checked, std::move(done));
  }
  store::v1::Mutation mutation;
  mutation.set_reason(request.reason());
  *mutation.mutable_set_access_many() = std::move(request);
  const bool audit = context.caller.grant().rights.Has(Right::kAudit);
  Commit(context, std::move(mutation), std::move(done), [audit](const Committed& committed) {
    v1::SetAccessManyResponse response;
    response.set_revision(committed.revision);
    if (!audit) return response;
    for (const bool existed : committed.existed_each) response.add_existed(existed);
    return response;
  });
}

void SetAccessSelected(const WriteContext& context, const v1::SetAccessSelectedRequest& request,
                       std::function<bool()> stop,
                       Acknowledge<v1::SetAccessSelectedResponse> done) {
  const auto refuse = [&](const Status& status) {
    RefuseJournaled(context, "SetAccessSelected", status, done);
  };
  const Status checked = CheckSetAccessSelected(context, request);
  if (!checked.ok()) return refuse(checked);
  const auto selection = std::make_shared<Selection>(context, request, std::move(stop));
  CORDON_CHECK(context.background != nullptr);
  const bool queued = context.background->Submit([selection, done] { done(selection->Change()); });
  if (queued) return;
  refuse(Status(StatusCode::kResourceExhausted, "",
                "too many selections wait to be changed; try again"));
}

}  // namespace cordon
