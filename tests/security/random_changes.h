// A tenant's random life: policy, directory, collections, and what is written into them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/security/draw.h"
#include "tests/security/mirrored_tenant.h"

namespace cordon {

// Borrows both. What it does depends on the draws and the model only, so that two tenants whose
// draws have the same seed live the same life.
class RandomChanges {
 public:
  RandomChanges(Draw* draw, MirroredTenant* tenant) : draw_(*draw), tenant_(*tenant) {}

  // Scheme, containers, destinations and a directory.
  void Begin();
  // Three collections with some documents.
  void Fill();

  // Sends one change of documents or the directory; it may be refused.
  void ChangeSomething();
  // One of the policy or the collections, alone: waits before and after, so that what it makes
  // valid or not does not depend on who is faster.
  void ChangeRules();

 private:
  static constexpr size_t kDocuments = 32;  // ids in a collection

  const reference::Tenant& model() const { return tenant_.model(); }
  std::string Collection();
  std::string Id();
  std::optional<uint64_t> Version();
  void SetScheme(bool levels, bool compartments, bool tags);
  void SetDefaultClearance();
  void SetScopes();
  void SetContainer(const std::string& name, const Strings& above);
  void SetDestination(const std::string& name);
  void SetSources();
  void RemoveSomeRule();
  void ChangeDirectory();
  void Sync();
  reference::Record DrawRecord(const std::string& name);
  reference::Said DrawSaid();
  void ChangeCollections();
  MirroredTenant::Access Access();
  void ChangeMany(const std::string& collection);
  void SyncSource(const std::string& collection);
  void Ingest(const std::string& collection, size_t count);
  void UpdateMetadata(const std::string& collection, const std::string& id);
  // A step on the way to another embedding model, or back.
  void Reembed(const std::string& collection);
  // Vectors in the other space for all documents, or for some.
  void FillSpace(const std::string& collection, bool all);
  // An empty collection; some embed by themselves.
  reference::Collection DrawCollection();
  void AddLadder();

  Draw& draw_;
  MirroredTenant& tenant_;
  uint64_t sequence_ = 1;  // about where the sources of the directory are
};

}  // namespace cordon
