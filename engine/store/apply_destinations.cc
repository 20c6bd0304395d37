// Destinations, and what they received: the label of a model only rises.
#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/base/text_check.h"
#include "engine/store/apply_steps.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

// Tags that rise in a join; those of regions meet.
std::vector<std::string> HandlingTags(const Label& label) {
  std::vector<std::string> tags;
  for (const auto& tag : label.tags) {
    if (!tag.starts_with(kRegionTag)) tags.push_back(tag);
  }
  return tags;
}

// Whether a model so labelled would be taken for less than it has seen.
bool Falls(const Scheme& scheme, const Destination& before, const Destination* after) {
  if (!HasModelLabel(before) || Planted(Bug::kModelLabelFalls)) return false;
  if (after == nullptr || !HasModelLabel(*after)) return true;
  const Label& seen = *before.model_label;
  const Label joined = Join(scheme, seen, *after->model_label);
  return joined.level != after->model_label->level ||
         joined.compartments != after->model_label->compartments ||
         HandlingTags(joined) != HandlingTags(*after->model_label);
}

Status CheckFall(const PolicyRules& rules, const v1::DestinationChange& change,
                 const Destination* before, const Destination* after) {
  RETURN_IF_ERROR(CheckText("retrained", change.retrained(), limits::kPurposeBytes));
  if (!change.retrained().empty() && before == nullptr) {
    return Invalid("retrained", "there is no such destination yet; leave it out");
  }
  if (before == nullptr || !change.retrained().empty()) return OkStatus();
  if (!Falls(rules.scheme, *before, after)) return OkStatus();
  return Status(StatusCode::kFailedPrecondition, "model_label",
                fmt::format("the model has {}, and its label does not fall; leave it out to keep "
                            "it, or say in `retrained` why it is so no more",
                            ToText(*before->model_label)));
}

// What the batch makes of the model's label: the join, whatever it was.
Label Raised(const Scheme& scheme, const Destination& destination,
             const store::v1::ExportedBatch& batch) {
  Label raised = destination.model_label.value_or(Label{scheme.levels.front(), {}, {}});
  for (const auto& label : batch.labels()) raised = Join(scheme, raised, FromProto(label));
  raised.regions.reset();  // stands in no policy: a model is asked for level and compartments
  return raised;
}

Status PutExport(const ApplyContext& context, const std::string& key, Applied* applied) {
  store::v1::ExportRecord record;
  ASSIGN_OR_RETURN(const bool again, context.database.Get(Family::kPolicy, key, &record));
  if (!again) record.set_first_revision(applied->next.revision);
  record.set_last_revision(applied->next.revision);
  applied->batch.Put(Family::kPolicy, key, record);
  return OkStatus();
}

// A restored store is told the pseudonyms only: the journal keeps no names of what may be erased.
Status PutExports(const ApplyContext& context, const store::v1::ExportedBatch& batch,
                  uint32_t collection, Applied* applied) {
  const uint32_t tenant = applied->next.id;
  store::v1::ExportedBatch told = batch;
  told.clear_documents();
  for (const auto& id : batch.documents()) {
    applied->documents.push_back(id);
    told.add_pseudonyms(context.vault.Pseudonym(tenant, collection, "document", id));
  }
  for (const auto& pseudonym : told.pseudonyms()) {
    const std::string key = ExportKey(tenant, collection, pseudonym, batch.destination());
    RETURN_IF_ERROR(PutExport(context, key, applied));
  }
  *applied->told.emplace().mutable_exported() = std::move(told);
  return OkStatus();
}

}  // namespace

Status SetDestination(const v1::DestinationChange& change, PolicyRules* rules, Applied* applied) {
  const v1::Destination& in = change.destination();
  RETURN_IF_ERROR(CheckName("name", in.name(), limits::kNameBytes));
  if (in.name() == kDevDestination || in.name() == kAnyName) {
    return Invalid("name", fmt::format("'{}' is reserved; choose another name", in.name()));
  }
  const std::string key = DestinationKey(applied->next.id, in.name());
  const auto found = rules->destinations.find(in.name());
  const Destination* before = found == rules->destinations.end() ? nullptr : &found->second;
  if (change.remove()) {
    if (before == nullptr) {
      return Invalid("name", fmt::format("unknown destination '{}'", in.name()));
    }
    RETURN_IF_ERROR(CheckFall(*rules, change, before, nullptr));
    rules->destinations.erase(found);
    applied->batch.Delete(Family::kPolicy, key);
    return OkStatus();
  }
  ASSIGN_OR_RETURN(Destination after, FromProto(in));
  if (before != nullptr && !after.model_label && change.retrained().empty()) {
    after.model_label = before->model_label;
  }
  RETURN_IF_ERROR(CheckFall(*rules, change, before, &after));
  applied->batch.Put(Family::kPolicy, key, ToProto(after));
  rules->destinations[in.name()] = std::move(after);
  return OkStatus();
}

Status ApplyExported(const ApplyContext& context, const store::v1::ExportedBatch& batch,
                     Applied* applied) {
  const auto collection = applied->next.FindCollection(batch.collection());
  if (!collection) return CollectionNotFound();
  const PolicyState& policy = applied->next.policy;
  const auto found = policy.rules->destinations.find(batch.destination());
  // Judged when the message was made; since then the destination may have become narrower.
  if (found == policy.rules->destinations.end() || found->second.scope < kFirstTrainedScope) {
    return Denied("destination", "no registered destination of scope 4 or 5; ask an admin");
  }
  const World world{policy, applied->next.time};
  for (const auto& label : batch.labels()) {
    if (!MayReceive(world, found->second, Clearance::All(), FromProto(label))) {
      return Denied("destination", "may not receive all of this any more; begin again");
    }
  }
  applied->collection = batch.collection();
  RETURN_IF_ERROR(PutExports(context, batch, collection->id, applied));
  const Label raised = Raised(policy.rules->scheme, found->second, batch);
  applied->model_label = raised;
  if (found->second.model_label == raised || Planted(Bug::kExportWithoutRaise)) return OkStatus();
  auto rules = std::make_shared<PolicyRules>(*policy.rules);
  Destination& destination = rules->destinations.at(batch.destination());
  destination.model_label = raised;
  applied->batch.Put(Family::kPolicy, DestinationKey(applied->next.id, batch.destination()),
                     ToProto(destination));
  rules->NoteChange(*policy.rules, {});
  applied->next.policy.rules = std::move(rules);
  return OkStatus();
}

}  // namespace cordon
