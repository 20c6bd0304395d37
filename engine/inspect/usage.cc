// What was used, and the emergencies that are open.
#include "engine/inspect/inspect.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

void Add(const std::string& name, const store::v1::UsageRecord& record, v1::Used* used) {
  used->set_name(name);
  used->set_passages(record.passages());
  used->set_tokens(record.tokens());
  used->set_requests(record.requests());
}

StatusOr<v1::UsageResponse> Used(const ReadContext& context, const v1::UsageRequest& request) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAdmin));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  const auto& keys = *view->state().keys;
  const std::string& wanted = request.key_id();
  auto used = context.tenant->meters.Keys(view.as_of);
  if (!wanted.empty() && !keys.contains(wanted) && !used.contains(wanted)) {
    return NotFound("key_id", "no such key; see key list");
  }
  if (!wanted.empty()) used.try_emplace(wanted);
  v1::UsageResponse response;
  response.set_day(FormatTime(view.as_of).substr(0, 10));
  for (const auto& [id, record] : used) {
    if (!wanted.empty() && id != wanted) continue;
    auto* out = response.add_keys();
    Add(id, record, out);
    const auto key = keys.find(id);
    if (key == keys.end()) continue;
    const auto grant = ToProto(*key->second.grant);
    if (grant.has_quota()) *out->mutable_quota() = grant.quota();
  }
  for (const auto& [name, record] : context.tenant->meters.Destinations(view.as_of)) {
    Add(name, record, response.add_destinations());
  }
  return response;
}

StatusOr<v1::ListBreakGlassResponse> Open(const ReadContext& context) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAudit));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  v1::ListBreakGlassResponse response;
  for (const auto& [id, access] : *view->policy().break_glass) {
    if (view->now() < access->until) *response.add_open() = ToProto(*access);
  }
  response.set_revision(view->revision());
  return response;
}

}  // namespace

void Usage(const ReadContext& context, const v1::UsageRequest& request,
           Answer<v1::UsageResponse> done) {
  Journaled(
      context, "Usage", [&](journal::v1::Record*) { return Used(context, request); },
      Named<v1::UsageResponse>, std::move(done));
}

void ListBreakGlass(const ReadContext& context, Answer<v1::ListBreakGlassResponse> done) {
  Journaled(
      context, "ListBreakGlass", [&](journal::v1::Record*) { return Open(context); },
      Named<v1::ListBreakGlassResponse>, std::move(done));
}

}  // namespace cordon
