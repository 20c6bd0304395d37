// Choosing passages for a context among those that the guard has cleared, best first.
//
// Only cleared passages come here, so that nothing hidden has influence: neither what is left out
// nor what takes its place. The rules, all of them functions of the permitted passages in their
// order:
//   filtered   looked at one after the other: one is left out if its trust is below the least, if
//              it repeats one that stays, or if its document or its source has its share
//   looked at  until enough stay, at most ContextPlan::CandidatesMax() of them: 1,000, or k if that
//              is more, and of a hybrid answer those that are fused; if too few stay and a limit
//              left others unseen, the answer is `limited`
//   diverse    chosen among four times as many as are wanted, at most 1,000
#pragma once

#include <functional>
#include <vector>

#include "engine/retrieve/context_plan.h"
#include "engine/retrieve/passage.h"
#include "engine/retrieve/search.h"

namespace cordon {

// The `count` best permitted passages, or all if there are fewer.
using FindBest = std::function<StatusOr<Best>(size_t count)>;

struct Chosen {
  std::vector<Passage> passages;  // up to plan.BeforeRerank()
  bool limited = false;
};
StatusOr<Chosen> Choose(const ContextPlan& plan, const PolicyRules& rules, const FindBest& find,
                        const std::function<bool()>& stop);

}  // namespace cordon
