// Packing: cleared chunks into a context with its own classification.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/retrieve/access.h"
#include "engine/retrieve/context_plan.h"
#include "engine/retrieve/passage.h"
#include "engine/text/token_counter.h"

namespace cordon {

// What is about to leave. It can be filled from cleared chunks only.
struct Context {
  std::vector<Passage> passages;
  std::optional<Label> label;             // the join; nothing without passages
  std::vector<std::string> destinations;  // that may receive all of it
  bool limited = false;                   // a limit, such as the token budget, cut it short
  size_t tokens = 0;                      // of the texts or the block, if they were counted
  std::string token_counter;              // by what; empty if they were not
};

// Refuses a budget that does not hold a block's own words, which stand in it without passages, too.
Status CheckBudget(const ReadContext& read, const ContextPlan& plan);

// Takes whole passages, in the order in which they come (best first, each hit before its
// neighbours), until the next would exceed the plan's budget, and puts neighbours where they
// belong. DEADLINE_EXCEEDED once `read.stop` says true.
StatusOr<Context> Pack(const Access& access, const ReadContext& read, std::vector<Passage> passages,
                       const ContextPlan& plan);

// Takes all of them.
Context PackAll(const Access& access, const Authenticated& caller,
                std::vector<Cleared<ClearedChunk>> cleared);

// The labels of the passages and of their attributes.
std::set<Label> LabelsOf(std::span<const Passage> passages);

// Nothing if there are none.
std::optional<Label> JoinOf(const Scheme& scheme, const std::set<Label>& labels);

// The join of the passages' labels and of their attributes'; nothing without passages.
std::optional<Label> LabelOf(const Scheme& scheme, std::span<const Passage> passages);

// Says of a context whose passages have these labels what it is and who may receive it.
void Classify(const Access& access, const Authenticated& caller, const std::set<Label>& labels,
              Context* context);

// Notes in the journal record that the passage leaves (engine/view/leaving.h). A text that is read
// and then left out counts as well.
void NotePassage(const Passage& passage, const Pseudonyms& pseudonyms, journal::v1::Record* record);

// The same of all passages, and under which label they leave.
void NoteContext(const Context& context, const Pseudonyms& pseudonyms, journal::v1::Record* record);

}  // namespace cordon
