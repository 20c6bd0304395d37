// Packing: cleared chunks into a context with its own classification.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/retrieve/access.h"
#include "engine/retrieve/guard.h"

namespace cordon {

// What is about to leave. It can be filled from cleared chunks only.
struct Context {
  std::vector<Cleared<ClearedChunk>> passages;
  std::optional<Label> label;             // the join; nothing without passages
  std::vector<std::string> destinations;  // that may receive all of it
  uint64_t tokens = 0;                    // of the passages' texts, approximately
  bool limited = false;                   // the token budget cut it short
};

// Takes whole passages, best first, until the next would exceed `token_budget` (0: no bound).
Context Pack(const Access& access, const Authenticated& caller,
             std::vector<Cleared<ClearedChunk>> cleared, uint32_t token_budget);

// Notes in the journal record which chunks leave, how much of them, and under which label; by it
// they are metered (engine/view/journaled.h). Texts that are read and then left out count as well.
void NoteContext(const Context& context, const Pseudonyms& pseudonyms, journal::v1::Record* record);

}  // namespace cordon
