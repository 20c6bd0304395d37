#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/base/limits.h"
#include "engine/base/look_alike.h"
#include "engine/base/text_check.h"
#include "engine/store/apply_steps.h"
#include "engine/store/codec.h"
#include "engine/store/documents.h"

namespace cordon {
namespace {

std::vector<std::string> ToVector(const v1::NameList& list) {
  return {list.names().begin(), list.names().end()};
}

Status SetScheme(const v1::ApplyPolicyRequest& request, PolicyRules* rules) {
  if (request.has_levels()) rules->scheme.levels = ToVector(request.levels());
  if (request.has_compartments()) rules->scheme.compartments = ToVector(request.compartments());
  if (request.has_tags()) rules->scheme.tags = ToVector(request.tags());
  // Repeats are refused before sorting makes them neighbours.
  RETURN_IF_ERROR(rules->scheme.Check());
  std::sort(rules->scheme.compartments.begin(), rules->scheme.compartments.end());
  std::sort(rules->scheme.tags.begin(), rules->scheme.tags.end());
  if (request.has_default_clearance()) {
    auto clearance = FromProto(request.default_clearance());
    if (!clearance.ok()) return clearance.status().Within("default_clearance");
    rules->default_clearance = *clearance;
  }
  return OkStatus();
}

Status SetScopes(const v1::ScopeRules& given, PolicyRules* rules) {
  rules->scopes.clear();
  for (const auto& in : given.rules()) {
    const std::string path = fmt::format("scopes[{}]", in.scope());
    auto rule = FromProto(in);
    if (!rule.ok()) return rule.status().Within(path);
    if (!rules->scopes.emplace(static_cast<int>(in.scope()), *rule).second) {
      return Invalid(path, "given twice; name each scope once");
    }
  }
  return OkStatus();
}

Status SetContainer(const v1::ContainerChange& change, PolicyRules* rules, Applied* applied) {
  const v1::Container& in = change.container();
  RETURN_IF_ERROR(CheckName("name", in.name(), limits::kNameBytes));
  const std::string key = ContainerKey(applied->next.id, in.name());
  if (change.remove()) {
    if (rules->containers.erase(in.name()) == 0) {
      return Invalid("name", fmt::format("unknown container '{}'", in.name()));
    }
    applied->batch.Delete(Family::kPolicy, key);
    return OkStatus();
  }
  RETURN_IF_ERROR(CheckAcl(in.acl()));
  Container container;
  ASSIGN_OR_RETURN(container.clause, ClauseOf(in.acl(), applied->next.policy.principals.get()));
  container.inherit = {in.acl().inherit().begin(), in.acl().inherit().end()};
  rules->containers[in.name()] = std::move(container);
  applied->batch.Put(Family::kPolicy, key, in);
  return OkStatus();
}

// One path through a change list: names in it are given once.
template <typename Changes, typename NameOf, typename Set>
Status SetAll(std::string_view field, const Changes& changes, NameOf name_of, Set set) {
  std::set<std::string> seen;
  for (int i = 0; i < changes.size(); ++i) {
    const std::string path = fmt::format("{}[{}]", field, i);
    if (!seen.insert(name_of(changes[i])).second) {
      return Invalid(path + ".name", "given twice; name it once in a file");
    }
    RETURN_IF_ERROR(set(changes[i]).Within(path));
  }
  return OkStatus();
}

// Sources are quarantined and released one by one: an emergency must not restate the others. Any
// name that a stored document can have: earlier releases took other names than ingest/ does.
Status SetSource(const v1::SourceChange& change, PolicyRules* rules) {
  if (change.source().empty()) return Invalid("source", "missing; give a value");
  RETURN_IF_ERROR(CheckText("source", change.source(), limits::kNameBytes));
  if (change.quarantined()) {
    rules->quarantined_sources.insert(change.source());
  } else {
    rules->quarantined_sources.erase(change.source());
  }
  return OkStatus();
}

// Sources of the change that no document has had and no quarantine names: perhaps misspelt, perhaps
// to come, which is no error. Clauses stay when their documents go.
std::vector<std::string> UnknownSources(const v1::ApplyPolicyRequest& request,
                                        const Interner& interner, const PolicyRules& before) {
  std::vector<std::string> unknown;
  for (const auto& change : request.sources()) {
    if (interner.KnowsSource(change.source())) continue;
    if (before.quarantined_sources.contains(change.source())) continue;
    unknown.push_back(change.source());
  }
  return unknown;
}

// Beyond it an answer might be too long to be received, whoever wrote so many names.
constexpr size_t kLookAlikesTold = 1000;

// Sources that documents have, not in quarantine, that look like one that the change puts there:
// perhaps the same that writes itself otherwise. Not more than kLookAlikesTold: once those are in
// quarantine, the same change tells of the next.
std::vector<std::string> LookAlikeSources(const v1::ApplyPolicyRequest& request,
                                          const PolicyState& next) {
  LookAlikes quarantined;
  bool any = false;
  for (const auto& change : request.sources()) {
    if (!change.quarantined()) continue;
    quarantined.Add(change.source());
    any = true;
  }
  std::vector<std::string> alike;
  if (!any) return alike;
  const auto& clauses = next.classes.clauses;
  for (size_t i = 0; i < clauses.size() && alike.size() < kLookAlikesTold; ++i) {
    const std::string& source = clauses[i].source;
    if (source.empty() || next.rules->quarantined_sources.contains(source)) continue;
    if (quarantined.HasOneLike(source)) alike.push_back(source);
  }
  return alike;
}

Status InUse(const Status& unknown, std::string_view by) {
  return Status(StatusCode::kFailedPrecondition, unknown.field(),
                fmt::format("still used by {}: {}", by, unknown.message()));
}

// Stored labels and those of models are joined already: if two levels changed places, the join
// would be the lower one.
Status CheckLevelOrder(const PolicyRules& before, const PolicyRules& after) {
  size_t above = 0;
  for (const auto& level : before.scheme.levels) {
    const auto rank = after.scheme.Rank(level);
    if (!rank) continue;
    if (*rank + 1 < above) {
      return Status(
          StatusCode::kFailedPrecondition, "levels",
          fmt::format("'{}' would change its order while documents or models have labels; keep "
                      "the order of the levels",
                      level));
    }
    above = *rank + 1;
  }
  return OkStatus();
}

// Everything stored that the new rules must still be able to name.
Status CheckStoredNames(const ApplyContext& context, const TenantState& state,
                        const PolicyRules& rules) {
  const Scheme& scheme = rules.scheme;
  Status in_directory = OkStatus();
  state.policy.directory->ForEach([&](PrincipalId id, const DirectoryRecord& record) {
    if (!record.clearance || !in_directory.ok()) return;
    const Status known = scheme.CheckClearance(*record.clearance);
    if (known.ok()) return;
    in_directory = InUse(known, "the clearance of " + state.policy.principals->Name(id));
  });
  RETURN_IF_ERROR(in_directory);
  for (const auto& [id, key] : *state.keys) {
    const Status known = scheme.CheckClearance(key.grant->clearance);
    if (!known.ok()) return InUse(known, "the clearance of key " + id);
  }
  for (const auto& [name, collection] : *state.collections) {
    const auto& config = collection->config;
    if (config.has_default_label()) {
      const Status known = scheme.CheckLabel(FromProto(config.default_label()));
      if (!known.ok()) return InUse(known, "the default label of collection " + name);
    }
    for (const auto& attribute : config.attributes()) {
      if (!attribute.has_label()) continue;
      const Status known = scheme.CheckLabel(FromProto(attribute.label()));
      if (!known.ok()) return InUse(known, "attribute " + attribute.name() + " of " + name);
    }
    const Status known = CheckContainers(rules, config.default_acl());
    if (!known.ok()) return InUse(known, "the default acl of collection " + name);
  }
  const auto in_use = context.classes_in_use();
  const bool trained = std::any_of(rules.destinations.begin(), rules.destinations.end(),
                                   [](const auto& entry) { return HasModelLabel(entry.second); });
  if (trained || std::find(in_use.begin(), in_use.end(), true) != in_use.end()) {
    RETURN_IF_ERROR(CheckLevelOrder(*state.policy.rules, rules));
  }
  const ClassTable& table = state.policy.classes;
  for (ClassId id = 0; id < in_use.size(); ++id) {
    if (!in_use[id]) continue;
    const Status known = scheme.CheckLabel(table.labels[table.classes[id].label]);
    if (!known.ok()) return InUse(known, "labels of stored documents");
    for (const ClauseId clause : table.classes[id].clauses) {
      const std::string& container = table.clauses[clause].container;
      if (!container.empty() && !rules.containers.contains(container)) {
        return Status(
            StatusCode::kFailedPrecondition, "containers",
            fmt::format("'{}' is still inherited by stored documents; move them first", container));
      }
    }
  }
  return OkStatus();
}

// Whether every name is still there and the levels are in the same order, others in between or not.
bool KeepsNames(const Scheme& before, const Scheme& after) {
  size_t kept = 0;
  for (const auto& level : after.levels) {
    if (kept < before.levels.size() && before.levels[kept] == level) ++kept;
  }
  return kept == before.levels.size() &&
         std::includes(after.compartments.begin(), after.compartments.end(),
                       before.compartments.begin(), before.compartments.end()) &&
         std::includes(after.tags.begin(), after.tags.end(), before.tags.begin(),
                       before.tags.end());
}

// A class has the join of a document's and a chunk's label: it hides names of both, and holds only
// in the order of levels in which it was made. So the stored labels themselves are read, but only
// when a name goes or moves.
Status CheckStoredLabels(const ApplyContext& context, const TenantState& state,
                         const Scheme& scheme) {
  if (context.replays || KeepsNames(state.policy.rules->scheme, scheme)) return OkStatus();
  const ClassTable& table = state.policy.classes;
  const auto check = [&](const store::v1::DocumentRecord& record) -> Status {
    const Label label = FromProto(record.document().label());
    Status known = scheme.CheckLabel(label);
    for (const auto& chunk : record.chunks()) {
      if (!known.ok()) break;
      if (!chunk.has_label()) continue;
      const Label own = FromProto(chunk.label());
      known = scheme.CheckLabel(own);
      if (known.ok() &&
          Join(scheme, label, own) != table.labels[table.classes[chunk.class_id()].label]) {
        return Status(StatusCode::kFailedPrecondition, "levels",
                      "this order would change the labels of stored chunks; keep the order, or "
                      "write those documents anew");
      }
    }
    return known.ok() ? OkStatus() : InUse(known, "labels of stored documents");
  };
  for (const auto& [name, collection] : *state.collections) {
    RETURN_IF_ERROR(
        Documents(&context.database, &context.vault, state.id).Scan(collection->id, check));
  }
  return OkStatus();
}

}  // namespace

bool KeepsNames(const PolicyRules& before, const PolicyRules& after) {
  return KeepsNames(before.scheme, after.scheme) &&
         std::all_of(before.containers.begin(), before.containers.end(),
                     [&](const auto& entry) { return after.containers.contains(entry.first); });
}

Status ApplyPolicyFile(const ApplyContext& context, const v1::ApplyPolicyRequest& request,
                       Applied* applied) {
  auto rules = std::make_shared<PolicyRules>(*applied->next.policy.rules);
  RETURN_IF_ERROR(SetScheme(request, rules.get()));
  if (request.has_scopes()) RETURN_IF_ERROR(SetScopes(request.scopes(), rules.get()));
  if (request.has_denied_certificates()) {
    ASSIGN_OR_RETURN(rules->denied_certificates,
                     FromProto(request.denied_certificates().certificates()));
  }
  if (request.has_trust()) rules->trust = ToVector(request.trust());
  RETURN_IF_ERROR(SetAll(
      "sources", request.sources(), [](const auto& s) { return s.source(); },
      [&](const auto& change) { return SetSource(change, rules.get()); }));
  RETURN_IF_ERROR(SetAll(
      "containers", request.containers(), [](const auto& c) { return c.container().name(); },
      [&](const auto& change) { return SetContainer(change, rules.get(), applied); }));
  RETURN_IF_ERROR(SetAll(
      "destinations", request.destinations(), [](const auto& d) { return d.destination().name(); },
      [&](const auto& change) { return SetDestination(change, rules.get(), applied); }));
  RETURN_IF_ERROR(rules->Check());
  RETURN_IF_ERROR(CheckStoredNames(context, applied->next, *rules));
  RETURN_IF_ERROR(CheckStoredLabels(context, applied->next, rules->scheme));
  std::vector<std::string> names;
  for (const auto& change : request.containers()) names.push_back(change.container().name());
  rules->NoteChange(*applied->next.policy.rules, names);
  applied->undefined = UnknownSources(request, context.interner, *applied->next.policy.rules);
  applied->batch.Put(Family::kPolicy, SchemeKey(applied->next.id), ToProto(*rules));
  applied->parts = static_cast<uint32_t>(request.has_levels() + request.has_compartments() +
                                         request.has_tags() + request.has_default_clearance() +
                                         request.has_scopes() + request.has_denied_certificates() +
                                         request.has_trust() + request.sources_size() +
                                         request.containers_size() + request.destinations_size());
  applied->next.policy.rules = std::move(rules);
  applied->look_alikes = LookAlikeSources(request, applied->next.policy);
  return OkStatus();
}

}  // namespace cordon
