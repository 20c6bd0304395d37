// A passage on its way into a context.
#pragma once

#include <optional>
#include <utility>

#include "engine/retrieve/guard.h"

namespace cordon {

// A chunk that the guard has cleared, and what the steps after it say of it.
struct Passage {
  explicit Passage(Cleared<ClearedChunk> chunk) : cleared(std::move(chunk)) {}

  const ClearedChunk& operator*() const { return *cleared; }
  const ClearedChunk* operator->() const { return &*cleared; }

  Cleared<ClearedChunk> cleared;
  std::optional<double> rerank_score;
  bool neighbour = false;  // added because of the hit before it
  bool counted = false;    // has left for an endpoint, and counted then
};

}  // namespace cordon
