#include "engine/store/interner.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/planted.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

// Sorted and without repeats, so that equal lists are equal bytes.
void CopySorted(const google::protobuf::RepeatedPtrField<v1::Entry>& from,
                google::protobuf::RepeatedPtrField<v1::Entry>* to) {
  std::vector<std::pair<std::string, const v1::Entry*>> sorted;
  sorted.reserve(static_cast<size_t>(from.size()));
  for (const auto& entry : from) sorted.emplace_back(entry.SerializeAsString(), &entry);
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i == 0 || sorted[i].first != sorted[i - 1].first) *to->Add() = *sorted[i].second;
  }
}

// The stored form of a list without its containers.
store::v1::ClauseRecord CanonicalClause(const v1::Acl& acl) {
  store::v1::ClauseRecord record;
  CopySorted(acl.allow(), record.mutable_acl()->mutable_allow());
  CopySorted(acl.deny(), record.mutable_acl()->mutable_deny());
  record.set_only_denies(acl.allow().empty());
  return record;
}

void AppendNumber(size_t number, std::string* key) {
  const auto narrow = static_cast<uint32_t>(number);
  key->append(reinterpret_cast<const char*>(&narrow), sizeof(narrow));
}

void AppendNames(const std::vector<std::string>& names, std::string* key) {
  AppendNumber(names.size(), key);
  for (const auto& name : names) {
    AppendNumber(name.size(), key);
    key->append(name);
  }
}

// A label in a form that only equal labels share. In memory only: the store has records.
std::string LabelKey(const Label& label) {
  std::string key;
  AppendNumber(label.level.size(), &key);
  key.append(label.level);
  AppendNames(label.compartments, &key);
  AppendNames(label.tags, &key);
  if (label.regions) AppendNames(*label.regions, &key);
  return key;
}

// A class in a form that only equal classes share.
std::string ClassKey(const std::vector<ClauseId>& clauses, std::string_view label_key) {
  std::string key;
  AppendNumber(clauses.size(), &key);
  for (const ClauseId clause : clauses) AppendNumber(clause, &key);
  key.append(label_key);
  return key;
}

store::v1::ClassRecord RecordOf(const std::vector<ClauseId>& clauses, const Label& label) {
  store::v1::ClassRecord record;
  record.mutable_clauses()->Assign(clauses.begin(), clauses.end());
  *record.mutable_label() = ToProto(label);
  if (label.regions) {
    record.set_regions_met(true);
    record.mutable_regions()->Assign(label.regions->begin(), label.regions->end());
  }
  return record;
}

Label LabelOf(const store::v1::ClassRecord& record) {
  Label label = FromProto(record.label());
  if (record.regions_met()) label.regions = {record.regions().begin(), record.regions().end()};
  return label;
}

Status AppendSlot(const store::v1::ClauseRecord& record, PolicyState* state) {
  ClauseSlot slot;
  slot.container = record.container();
  slot.source = record.source();
  slot.name = slot.container.empty() ? "acl" : slot.container;
  if (!slot.source.empty()) {
    slot.name = "source " + slot.source;
    slot.clause.only_denies = true;
  } else if (slot.container.empty()) {
    ASSIGN_OR_RETURN(slot.clause, ClauseOf(record.acl(), state->principals.get()));
    slot.clause.only_denies = record.only_denies();
  }
  state->classes.AddClause(std::move(slot));
  return OkStatus();
}

store::v1::ClauseRecord ClauseOfSource(const std::string& source) {
  store::v1::ClauseRecord record;
  record.set_source(source);
  return record;
}

}  // namespace

Status CheckContainers(const PolicyRules& rules, const v1::Acl& acl) {
  for (int i = 0; i < acl.inherit_size(); ++i) {
    if (!rules.containers.contains(acl.inherit(i))) {
      return Invalid(
          fmt::format("inherit[{}]", i),
          fmt::format("unknown container '{}'; define it by policy apply", acl.inherit(i)));
    }
  }
  return OkStatus();
}

std::pair<Interner::Place, bool> Interner::NumberOf(Numbers* numbers, std::string key,
                                                    size_t next) {
  const auto [place, added] = numbers->try_emplace(std::move(key), static_cast<uint32_t>(next));
  if (added) pending_.emplace_back(numbers, &place->first);
  return {place, added};
}

StatusOr<ClauseId> Interner::Clause(const store::v1::ClauseRecord& record, PolicyState* state,
                                    uint32_t tenant, Batch* batch) {
  const auto [place, added] =
      NumberOf(&clauses_, record.SerializeAsString(), state->classes.clauses.size());
  const auto& [bytes, id] = *place;
  if (added) {
    RETURN_IF_ERROR(AppendSlot(record, state));
    batch->PutBytes(Family::kClauses, NumberedKey(tenant, id), bytes);
  }
  CORDON_CHECK(id < state->classes.clauses.size());
  return id;
}

Status Interner::AddClauses(const v1::Acl& acl, PolicyState* state, uint32_t tenant, Batch* batch,
                            std::vector<ClauseId>* ids) {
  RETURN_IF_ERROR(CheckContainers(*state->rules, acl));
  if (!acl.allow().empty() || !acl.deny().empty()) {
    ASSIGN_OR_RETURN(const ClauseId own, Clause(CanonicalClause(acl), state, tenant, batch));
    ids->push_back(own);
  }
  for (const auto& name : acl.inherit()) {
    store::v1::ClauseRecord container;
    container.set_container(name);
    ASSIGN_OR_RETURN(const ClauseId inherited, Clause(container, state, tenant, batch));
    ids->push_back(inherited);
  }
  return OkStatus();
}

ClauseId Interner::Source(const std::string& source, PolicyState* state, uint32_t tenant,
                          Batch* batch) {
  return *Clause(ClauseOfSource(source), state, tenant, batch);  // has no times
}

bool Interner::KnowsSource(const std::string& source) const {
  return clauses_.contains(ClauseOfSource(source).SerializeAsString());
}

ClassId Interner::ClassOf(std::vector<ClauseId> clauses, const Label& label, PolicyState* state,
                          uint32_t tenant, Batch* batch) {
  std::sort(clauses.begin(), clauses.end());
  clauses.erase(std::unique(clauses.begin(), clauses.end()), clauses.end());
  ClassTable& table = state->classes;
  const std::string label_key = LabelKey(label);
  std::string key = ClassKey(clauses, Planted(Bug::kClassIdReuse) ? std::string() : label_key);
  const auto [place, added] = NumberOf(&classes_, std::move(key), table.classes.size());
  const ClassId id = place->second;
  if (added) {
    batch->Put(Family::kClasses, NumberedKey(tenant, id), RecordOf(clauses, label));
    const auto [of_label, new_label] = NumberOf(&labels_, label_key, table.labels.size());
    if (new_label) table.labels.PushBack(label);
    table.classes.PushBack({std::move(clauses), of_label->second});
  }
  CORDON_CHECK(id < table.classes.size());
  return id;
}

Status Interner::LoadClause(const store::v1::ClauseRecord& record, PolicyState* state) {
  clauses_.emplace(record.SerializeAsString(), static_cast<uint32_t>(clauses_.size()));
  return AppendSlot(record, state);
}

void Interner::LoadClass(const store::v1::ClassRecord& record, PolicyState* state) {
  Label label = LabelOf(record);
  const std::string label_key = LabelKey(label);
  std::vector<ClauseId> clauses(record.clauses().begin(), record.clauses().end());
  classes_.emplace(ClassKey(clauses, label_key), static_cast<uint32_t>(classes_.size()));
  const auto [of_label, new_label] = NumberOf(&labels_, label_key, state->classes.labels.size());
  if (new_label) state->classes.labels.PushBack(std::move(label));
  state->classes.classes.PushBack({std::move(clauses), of_label->second});
  Commit();
}

void Interner::Commit() { pending_.clear(); }

void Interner::Rollback() {
  for (const auto& [numbers, key] : pending_) numbers->erase(numbers->find(*key));
  pending_.clear();
}

}  // namespace cordon
