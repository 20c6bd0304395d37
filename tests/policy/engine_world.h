// The same world for both: fills the engine's types from the plain strings of the reference model.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/policy/decide.h"
#include "tests/policy/reference_model.h"
#include "tests/store/proof.h"

namespace cordon {

// A reference world as the engine keeps it. Immutable.
class EngineWorld {
 public:
  explicit EngineWorld(const reference::World& world);

  // The world at a time.
  World At(Micros now) const { return {state_, now}; }
  const PolicyState& state() const { return state_; }

  // What the engine has stored of chunk `i` of the reference world.
  const Facts& facts(size_t i) const { return facts_[i]; }
  // The label of chunk `i`: what its class says.
  const Label& label(size_t i) const;

 private:
  Clause ToClause(const reference::List& list);
  ClauseId AddContainerSlot(const std::string& name);
  void AddList(const reference::List& list, std::string name, std::vector<ClauseId>* clauses);
  void AddChunk(const reference::Chunk& chunk);

  PolicyState state_;
  std::map<std::string, ClauseId> container_slots_;
  std::vector<Facts> facts_;
};

Label ToLabel(const reference::Label& label);
Clearance ToClearance(const reference::Clearance& clearance);
Destination ToDestination(std::string name, const reference::Destination& destination);
Authenticated ToCaller(const reference::World& world, const reference::Key& key);

}  // namespace cordon
