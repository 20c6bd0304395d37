// Random worlds for the reference model: few names that meet often, starts and ends of entries
// among the times that are asked about, so that every rule decides now and then.
#pragma once

#include <string>
#include <vector>

#include "engine/base/random.h"
#include "tests/policy/reference_model.h"

namespace cordon {

// Times of a random world: starts and ends lie in [0, kTimes), questions in [-1, kTimes].
inline constexpr int kTimes = 8;

// Draws worlds, keys and questions from one seed.
class RandomWorld {
 public:
  explicit RandomWorld(uint64_t seed) : random_(seed) {}

  reference::World Draw();
  reference::Key DrawKey();
  reference::Label DrawLabel();
  reference::Time DrawTime();
  // Whom the caller wants to act for; empty is itself, and some are no users.
  std::string DrawAs();
  // Empty is the default, and some do not exist.
  std::string DrawDestination();

 private:
  bool Percent(int chance) { return random_.Below(100) < static_cast<uint64_t>(chance); }
  const std::string& Pick(const std::vector<std::string>& names);
  reference::Names Some(const std::vector<std::string>& names, int chance);
  reference::Time DrawEnd();
  reference::Entry DrawEntry(const std::string& who);
  std::vector<reference::Entry> DrawEntries(const std::vector<std::string>& names, size_t max);
  reference::Clearance DrawClearance();
  reference::Gate DrawGate();
  reference::Gate DrawRule();
  reference::Destination DrawDestinationRecord();
  reference::List DrawList(const std::vector<std::string>& containers);
  reference::Chunk DrawChunk();
  void AddGroups(reference::World* world);
  void AddAliases(reference::World* world);
  void AddLadder(reference::World* world);

  Random random_;
};

}  // namespace cordon
