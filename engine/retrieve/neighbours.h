// Passages in their surroundings: neighbours and parents.
#pragma once

#include <functional>
#include <vector>

#include "engine/retrieve/guard.h"
#include "engine/retrieve/passage.h"

namespace cordon {

// Each hit, and after it up to `reach` permitted chunks of its document before and after it,
// nearest first and of two equally near ones the earlier; SIZE_MAX: all permitted ones. Each is
// read and decided by `guard` anew. A chunk stands once: as a hit if it is one, else with the first
// hit it is near to. INVALID_ARGUMENT if their texts are more than an answer may hold;
// DEADLINE_EXCEEDED once `stop`, which may be empty, says true.
StatusOr<std::vector<Passage>> WithNeighbours(Guard* guard, std::vector<Passage> hits, size_t reach,
                                              const std::function<bool()>& stop);

// Puts each hit and the neighbours that follow it in the document's order.
void Arrange(std::vector<Passage>* passages);

}  // namespace cordon
