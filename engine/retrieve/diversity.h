// Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): passages that are relevant and
// unlike those chosen before.
#pragma once

#include <functional>
#include <vector>

#include "engine/retrieve/passage.h"

namespace cordon {

// The `count` passages with the greatest λ · relevance − (1 − λ) · (greatest cosine with one chosen
// before), chosen one after the other, in that order; equal ones as they stood. The relevance is
// the score, scaled so that the best of `passages` has 1 and the worst 0. The passages must hold
// their embeddings. DEADLINE_EXCEEDED once `stop` says true.
StatusOr<std::vector<Passage>> Diversify(std::vector<Passage> passages, double lambda, size_t count,
                                         const std::function<bool()>& stop);

}  // namespace cordon
