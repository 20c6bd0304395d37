#include <deque>

#include "engine/base/limits.h"
#include "engine/inspect/collections.h"
#include "engine/inspect/inspect.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

void TellScheme(const PolicyRules& rules, v1::ApplyPolicyRequest* policy) {
  const store::v1::SchemeRecord record = ToProto(rules);
  *policy->mutable_levels()->mutable_names() = record.scheme().levels();
  *policy->mutable_compartments()->mutable_names() = record.scheme().compartments();
  *policy->mutable_tags()->mutable_names() = record.scheme().tags();
  *policy->mutable_default_clearance() = record.default_clearance();
  *policy->mutable_scopes()->mutable_rules() = record.scopes();
  *policy->mutable_denied_certificates()->mutable_certificates() = record.denied_certificates();
  *policy->mutable_trust()->mutable_names() = record.trust();
  for (const auto& source : record.quarantined_sources()) {
    auto* change = policy->add_sources();
    change->set_source(source);
    change->set_quarantined(true);
  }
}

// Containers and destinations as they were written.
StatusOr<v1::GetPolicyResponse> Tell(const ReadContext& context, journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAdmin));
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  record->set_revision(view->revision());
  v1::GetPolicyResponse response;
  v1::ApplyPolicyRequest* policy = response.mutable_policy();
  TellScheme(*view->policy().rules, policy);
  RETURN_IF_ERROR(view->Scan(
      Family::kPolicy, ContainerKey(view->state().id, ""), [&](auto, auto payload) -> Status {
        return ParseRecord(payload, policy->add_containers()->mutable_container());
      }));
  RETURN_IF_ERROR(view->Scan(
      Family::kPolicy, DestinationKey(view->state().id, ""), [&](auto, auto payload) -> Status {
        return ParseRecord(payload, policy->add_destinations()->mutable_destination());
      }));
  response.set_revision(view->revision());
  return response;
}

v1::PolicyRevision ToChange(uint64_t revision, const store::v1::RevisionRecord& record) {
  v1::PolicyRevision change;
  change.set_revision(revision);
  *change.mutable_time() = ToProtoTime(record.time_us());
  change.set_call(record.call());
  change.set_key_id(record.key_id());
  change.set_actor(record.actor());
  change.set_reason(record.reason());
  return change;
}

StatusOr<v1::PolicyHistoryResponse> Changes(const ReadContext& context,
                                            const v1::PolicyHistoryRequest& request,
                                            journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAudit));
  if (request.limit() > limits::kHistoryPage) {
    return Invalid("limit", "more than 1000; ask page by page with 'before'");
  }
  const size_t limit = request.limit() == 0 ? limits::kHistoryPageDefault : request.limit();
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  record->set_revision(view->revision());
  v1::PolicyHistoryResponse response;
  std::deque<v1::PolicyRevision> newest;
  RETURN_IF_ERROR(view->Scan(
      Family::kPolicy, PolicyRevisionPrefix(view->state().id), [&](auto key, auto payload) {
        const uint64_t revision = LastLongNumber(key);
        if (request.before() != 0 && revision >= request.before()) return OkStatus();
        store::v1::RevisionRecord change;
        RETURN_IF_ERROR(ParseRecord(payload, &change));
        if (!CoversChange(context.caller, change.collection(), change.dropped_collection())) {
          return OkStatus();
        }
        newest.push_back(ToChange(revision, change));
        if (newest.size() <= limit) return OkStatus();
        newest.pop_front();
        response.set_more(true);
        return OkStatus();
      }));
  response.mutable_changes()->Assign(newest.begin(), newest.end());
  response.set_revision(view->revision());
  return response;
}

}  // namespace

void GetPolicy(const ReadContext& context, Answer<v1::GetPolicyResponse> done) {
  Journaled(
      context, "GetPolicy", [&](journal::v1::Record* record) { return Tell(context, record); },
      Named<v1::GetPolicyResponse>, std::move(done));
}

void PolicyHistory(const ReadContext& context, const v1::PolicyHistoryRequest& request,
                   Answer<v1::PolicyHistoryResponse> done) {
  Journaled(
      context, "PolicyHistory",
      [&](journal::v1::Record* record) { return Changes(context, request, record); },
      Named<v1::PolicyHistoryResponse>, std::move(done));
}

}  // namespace cordon
