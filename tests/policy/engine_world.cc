#include "tests/policy/engine_world.h"

#include <algorithm>

namespace cordon {
namespace {

std::vector<std::string> ToNames(const reference::Names& names) {
  return {names.begin(), names.end()};  // a set is sorted, as the engine wants it
}

std::vector<TimedPrincipal> ToEntries(PrincipalTable* table,
                                      const std::vector<reference::Entry>& entries) {
  std::vector<TimedPrincipal> timed;
  for (const auto& [who, until, from] : entries) timed.push_back({table->Intern(who), until, from});
  return timed;
}

Directory ToDirectory(PrincipalTable* table, const reference::World& world) {
  std::map<PrincipalId, DirectoryRecord> merged;
  for (const auto& [group, members] : world.members) {
    merged[table->Intern(group)].members = ToEntries(table, members);
  }
  for (const auto& [principal, clearance] : world.clearances) {
    merged[table->Intern(principal)].clearance = ToClearance(clearance);
  }
  for (const auto& [alias, of] : world.aliases) {
    merged[table->Intern(alias)].alias_of = table->Intern(of);
  }
  Directory directory;
  for (auto& [id, record] : merged) {
    directory.Set(id, std::make_shared<const DirectoryRecord>(std::move(record)));
  }
  return directory;
}

}  // namespace

Label ToLabel(const reference::Label& label) {
  return {label.level, ToNames(label.compartments), ToNames(label.tags)};
}

Clearance ToClearance(const reference::Clearance& clearance) {
  if (clearance.symbol == "all") return Clearance::All();
  if (clearance.symbol == "lowest") return Clearance::Lowest();
  return {Clearance::Kind::kNamed, clearance.level, ToNames(clearance.compartments)};
}

Destination ToDestination(std::string name, const reference::Destination& destination) {
  Destination result;
  result.name = std::move(name);
  result.scope = destination.scope;
  result.ceiling = ToClearance(destination.gate.ceiling);
  result.forbidden_tags = ToNames(destination.gate.forbidden_tags);
  result.region = destination.region;
  if (destination.model_label) result.model_label = ToLabel(*destination.model_label);
  result.terms_reviewed_until = destination.gate.terms;
  result.trains_on_input = destination.trains;
  return result;
}

Authenticated ToCaller(const reference::World& world, const reference::Key& key) {
  Grant grant;
  grant.principal = key.principal;
  grant.rights.Add(Right::kQuery);
  if (key.act_as) grant.rights.Add(Right::kActAs);
  grant.as_patterns = key.patterns;
  grant.clearance = ToClearance(key.clearance);
  grant.destinations = key.destinations;
  return Authenticator::Prove(std::move(grant), world.dev);
}

EngineWorld::EngineWorld(const reference::World& world) {
  PrincipalTable* table = state_.principals.get();
  PolicyRules rules;
  rules.scheme.levels = world.levels;
  rules.default_clearance = ToClearance(world.default_clearance);
  for (const auto& [scope, gate] : world.scopes) {
    rules.scopes[scope] = {ToClearance(gate.ceiling), ToNames(gate.forbidden_tags),
                           ToNames(gate.regions), gate.terms, gate.no_training};
  }
  for (const auto& [name, list] : world.containers) {
    rules.containers[name] = {ToClause(list), ToNames(list.inherit)};
  }
  for (const auto& [name, destination] : world.destinations) {
    rules.destinations[name] = ToDestination(name, destination);
  }
  rules.quarantined_sources.insert(world.quarantined.begin(), world.quarantined.end());
  state_.rules = std::make_shared<const PolicyRules>(std::move(rules));
  state_.directory = std::make_shared<const Directory>(ToDirectory(table, world));
  for (const auto& chunk : world.chunks) AddChunk(chunk);
}

const Label& EngineWorld::label(size_t i) const {
  const ClassTable& table = state_.classes;
  return table.labels[table.classes[facts_[i].class_id].label];
}

Clause EngineWorld::ToClause(const reference::List& list) {
  PrincipalTable* table = state_.principals.get();
  return {ToEntries(table, list.allow), ToEntries(table, list.deny),
          list.allow.empty() && !list.inherit.empty()};
}

ClauseId EngineWorld::AddContainerSlot(const std::string& name) {
  const auto id = static_cast<ClauseId>(state_.classes.clauses.size());
  const auto [slot, fresh] = container_slots_.try_emplace(name, id);
  if (fresh) state_.classes.AddClause({name, {}, name});
  return slot->second;
}

// One clause for the list itself and one for each container that it inherits from.
void EngineWorld::AddList(const reference::List& list, std::string name,
                          std::vector<ClauseId>* clauses) {
  clauses->push_back(static_cast<ClauseId>(state_.classes.clauses.size()));
  state_.classes.AddClause({"", ToClause(list), std::move(name)});
  for (const auto& container : list.inherit) clauses->push_back(AddContainerSlot(container));
}

void EngineWorld::AddChunk(const reference::Chunk& chunk) {
  ClassTable& table = state_.classes;
  SecurityClass security;
  AddList(chunk.document_acl, "document acl", &security.clauses);
  if (chunk.acl) AddList(*chunk.acl, "chunk acl", &security.clauses);
  if (!chunk.source.empty()) {
    security.clauses.push_back(static_cast<ClauseId>(table.clauses.size()));
    table.AddClause({"", {{}, {}, true}, "source " + chunk.source, chunk.source});
  }
  std::sort(security.clauses.begin(), security.clauses.end());
  security.clauses.erase(std::unique(security.clauses.begin(), security.clauses.end()),
                         security.clauses.end());
  Label label = ToLabel(chunk.document_label);
  if (chunk.label) label = Join(state_.rules->scheme, label, ToLabel(*chunk.label));
  security.label = static_cast<LabelId>(table.labels.size());
  table.labels.PushBack(std::move(label));
  facts_.push_back(
      {static_cast<ClassId>(table.classes.size()), chunk.valid_from, chunk.valid_until});
  table.classes.PushBack(std::move(security));
}

}  // namespace cordon
