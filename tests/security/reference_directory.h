// What sources of the directory may say, in plain words: in order, each of its own records. To be
// read beside docs/decisions/directory-sync.md; it shares no code with the engine.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/security/reference_store.h"

namespace reference {

// One record; nothing set takes it out.
struct Record {
  std::optional<std::vector<Entry>> members = {};
  std::optional<Clearance> clearance = {};
  std::string alias_of = {};
};

inline void Say(Tenant* tenant, const std::string& name, const Record& record) {
  tenant->world.members.erase(name);
  tenant->world.clearances.erase(name);
  tenant->world.aliases.erase(name);
  if (record.members) tenant->world.members[name] = *record.members;
  if (record.clearance) tenant->world.clearances[name] = *record.clearance;
  if (!record.alias_of.empty()) tenant->world.aliases[name] = record.alias_of;
}

inline uint64_t SnapshotOf(const Tenant& tenant, const std::string& source) {
  const auto found = tenant.snapshots.find(source);
  return found == tenant.snapshots.end() ? 0 : found->second;
}

// Whether `source` (empty: nobody) says its own, and says it after all that it said before.
inline bool InOrder(const Tenant& tenant, const std::string& name, const Said& by) {
  const auto found = tenant.said.find(name);
  if (found != tenant.said.end() && found->second.source != by.source) return false;
  if (by.source.empty()) return true;
  if (by.sequence <= SnapshotOf(tenant, by.source)) return false;
  return found == tenant.said.end() || by.sequence > found->second.sequence;
}

inline void SayBy(Tenant* tenant, const std::string& name, const Record& record, const Said& by) {
  Say(tenant, name, record);
  if (!by.source.empty()) tenant->said[name] = by;
}

// The same of a snapshot.
inline bool SnapshotInOrder(const Tenant& tenant, const std::map<std::string, Record>& records,
                            const Said& by) {
  if (by.sequence <= SnapshotOf(tenant, by.source)) return false;
  return all_of(records, [&](const auto& record) {
    const auto found = tenant.said.find(record.first);
    return found == tenant.said.end() || found->second.source == by.source;
  });
}

inline void Replace(Tenant* tenant, const std::map<std::string, Record>& records, const Said& by) {
  std::map<std::string, Record> all = records;
  for (const auto& [name, said] : tenant->said) {
    if (said.source == by.source) all.try_emplace(name);
  }
  for (const auto& [name, record] : all) {
    const auto found = tenant->said.find(name);
    const bool later = found != tenant->said.end() && found->second.sequence > by.sequence;
    if (later) continue;
    SayBy(tenant, name, record, by);
    if (!records.contains(name)) tenant->said.erase(name);
  }
  tenant->snapshots[by.source] = by.sequence;
}

// Whether every alias stands for somebody who is none, and is of the same kind.
inline bool AliasesStand(const World& world) {
  return all_of(world.aliases, [&](const auto& each) {
    const auto kind = [](const std::string& name) { return name.substr(0, name.find(':')); };
    return !world.aliases.contains(each.second) && kind(each.first) == kind(each.second);
  });
}

}  // namespace reference
