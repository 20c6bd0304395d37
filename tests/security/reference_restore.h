// What a restore brings back, in plain words: of what a backup holds, each document that was there
// all the time since, with the content of then and the list, label and validity of now. All else is
// as now, but for embedding spaces, which are those of then. To be read beside docs/operations.md,
// Backups; it shares no code with the engine.
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "tests/security/reference_store.h"

namespace reference {

inline bool AreKnown(const Tenant& tenant, const Label& label) {
  return Rank(tenant.world, label.level) < tenant.world.levels.size() &&
         std::ranges::includes(tenant.compartments, label.compartments) &&
         std::ranges::includes(tenant.tags, label.tags);
}

inline bool AreKnown(const Tenant& tenant, const List& list) {
  return all_of(list.inherit, [&](const auto& n) { return tenant.world.containers.contains(n); });
}

// Whether all names are there that the lists and labels of its chunks have.
inline bool AreKnown(const Tenant& tenant, const Document& document) {
  return all_of(document.chunks, [&](const auto& each) {
    const StoredChunk& chunk = each.second;
    return (!chunk.acl || AreKnown(tenant, *chunk.acl)) &&
           (!chunk.label || AreKnown(tenant, *chunk.label));
  });
}

// One backup, as time goes on: what a restore would still bring back of it.
struct Backup {
  std::map<std::string, Collection> collections = {};

  Document* Find(const std::string& collection, const std::string& id) {
    const auto of = collections.find(collection);
    if (of == collections.end()) return nullptr;
    const auto found = of->second.documents.find(id);
    return found == of->second.documents.end() ? nullptr : &found->second;
  }

  void Gone(const std::string& collection, const std::string& id) {
    if (Find(collection, id)) collections.at(collection).documents.erase(id);
  }

  // The document has another list, label or validity: a name that its chunks have must be there.
  void Changed(const Tenant& now, const std::string& collection, const std::string& id) {
    const Document* copy = Find(collection, id);
    if (copy && !AreKnown(now, *copy)) Gone(collection, id);
  }

  // It is another version, which a chunk's own list or label keeps apart from the older one.
  void Replaced(const Tenant& now, const std::string& collection, const std::string& id) {
    const Document& newest = now.collections.at(collection).documents.at(id);
    const bool narrowed = any_of(
        newest.chunks, [](const auto& each) { return each.second.acl || each.second.label; });
    narrowed ? Gone(collection, id) : Changed(now, collection, id);
  }

  // What is there once it is restored; further restores bring back the same.
  void Restore(Tenant* now) {
    for (auto& [name, collection] : collections) {
      for (auto& [id, document] : collection.documents) {
        const Document& newest = now->collections.at(name).documents.at(id);
        document.acl = newest.acl;
        document.label = newest.label;
        document.valid_from = newest.valid_from;
        document.valid_until = newest.valid_until;
      }
      std::erase_if(collection.documents,
                    [&](const auto& each) { return !AreKnown(*now, each.second); });
    }
    now->collections = collections;
  }
};

}  // namespace reference
