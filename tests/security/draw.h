// Random values for whole worlds, from one seed: few names that meet often, ends among the times
// that are asked about, embeddings that tie. Most of what is drawn is valid, not all.
#pragma once

#include <string>
#include <vector>

#include "engine/base/random.h"
#include "tests/security/reference_store.h"
#include "tests/security/wire.h"

namespace cordon {

using Strings = std::vector<std::string>;

// The names of every world.
extern const Strings kUsers, kServices, kGroups, kListed, kContainers, kDestinations, kSources,
    kTrust;

class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {}

  // The time around which starts and ends lie from now on.
  void set_now(reference::Time now) { now_ = now; }

  size_t Below(size_t bound) { return random_.Below(bound); }
  bool Percent(int chance) { return random_.Below(100) < static_cast<uint64_t>(chance); }
  const std::string& Pick(const Strings& names) { return names[Below(names.size())]; }
  reference::Names Some(const Strings& names, int chance);

  // The scheme's parts; every choice holds the names of the smallest.
  Strings Levels();
  reference::Names Compartments();
  reference::Names Tags();

  // What a scheme's names can say.
  reference::Label Label(const reference::Tenant& tenant);
  reference::Clearance Clearance(const reference::Tenant& tenant);
  reference::Gate Gate(const reference::Tenant& tenant);
  reference::Gate Rule(const reference::Tenant& tenant);
  reference::Destination Destination(const reference::Tenant& tenant);
  reference::List List(const Strings& containers);
  std::vector<reference::Entry> Members();

  reference::Collection Collection(const reference::Tenant& tenant);
  std::vector<float> Vector(size_t dimension);
  // Up to `max` words of a few that meet often, some of them codes, some of them a phrase.
  std::string Words(size_t max);
  reference::StoredChunk Chunk(const reference::Tenant& tenant, const reference::Label& floor,
                               size_t dimension);
  reference::Document Document(const reference::Tenant& tenant, size_t dimension);

  // A caller, for whom, and for which consumer.
  Credential Key(const reference::Tenant& tenant);
  std::string As();
  std::string To();

 private:
  reference::Time Soon();
  reference::Time End();
  reference::Entry Entry(const std::string& who);
  std::vector<reference::Entry> Entries(size_t max);

  Random random_;
  reference::Time now_ = 0;
  uint64_t texts_ = 0;
};

}  // namespace cordon
