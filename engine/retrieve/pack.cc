#include "engine/retrieve/pack.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/base/planted.h"
#include "engine/base/stop.h"
#include "engine/retrieve/block.h"
#include "engine/retrieve/neighbours.h"
#include "engine/store/codec.h"
#include "engine/text/hidden_characters.h"
#include "engine/text/tokens.h"
#include "engine/view/leaving.h"

namespace cordon {
namespace {

// Destinations that may receive every one of `labels`: each passage is judged as it was labelled.
std::vector<std::string> ReceiversOfAll(const Access& access, const Authenticated& caller,
                                        const std::set<Label>& labels) {
  const World world = access.view->world();
  const Label lowest{world.state.rules->scheme.levels.front(), {}, {}};
  auto names = Receivers(world, caller, access.subject, lowest);
  for (const auto& label : labels) {
    const auto some = Receivers(world, caller, access.subject, label);
    std::vector<std::string> both;
    std::set_intersection(names.begin(), names.end(), some.begin(), some.end(),
                          std::back_inserter(both));
    names = std::move(both);
  }
  return names;
}

const TokenCounter& CounterOf(const ReadContext& read) {
  return read.tokens == nullptr ? ApproximateCounter() : *read.tokens;
}

// What a passage takes of the budget.
size_t TokensOf(const Passage& passage, const ContextPlan& plan, const TokenCounter& counter) {
  if (plan.block) return BlockTokens(passage, counter);
  if (!plan.strip_hidden_characters) return counter.Count(passage->text);
  return counter.Count(WithoutHiddenCharacters(passage->text));
}

// Drops what the budget does not hold.
Status Fit(const ContextPlan& plan, const TokenCounter& counter, const std::function<bool()>& stop,
           Context* context) {
  if (!plan.budgeted && !plan.block) return OkStatus();
  context->token_counter = counter.name();
  context->tokens = plan.block ? BlockTokensAround(counter) : 0;
  size_t kept = 0;
  for (; kept < context->passages.size(); ++kept) {
    RETURN_IF_ERROR(CheckGoesOn(stop));
    const size_t more = TokensOf(context->passages[kept], plan, counter);
    if (context->tokens + more > plan.token_budget) break;
    context->tokens += more;
  }
  context->limited = kept < context->passages.size();
  context->passages.erase(context->passages.begin() + static_cast<std::ptrdiff_t>(kept),
                          context->passages.end());
  return OkStatus();
}

}  // namespace

std::set<Label> LabelsOf(std::span<const Passage> passages) {
  std::set<Label> labels;
  for (const Passage& passage : passages) {
    if (passage.neighbour && Planted(Bug::kContextLabelWithoutAdded)) continue;
    labels.insert(passage->label);
    for (const auto& attribute : passage->attributes) {
      if (attribute.label) labels.insert(*attribute.label);
    }
  }
  return labels;
}

std::optional<Label> JoinOf(const Scheme& scheme, const std::set<Label>& labels) {
  std::optional<Label> join;
  for (const Label& label : labels) join = join ? Join(scheme, *join, label) : label;
  return join;
}

std::optional<Label> LabelOf(const Scheme& scheme, std::span<const Passage> passages) {
  return JoinOf(scheme, LabelsOf(passages));
}

void Classify(const Access& access, const Authenticated& caller, const std::set<Label>& labels,
              Context* context) {
  context->label = JoinOf(access.view->policy().rules->scheme, labels);
  context->destinations = ReceiversOfAll(access, caller, labels);
}

Status CheckBudget(const ReadContext& read, const ContextPlan& plan) {
  if (!plan.block) return OkStatus();
  const size_t around = BlockTokensAround(CounterOf(read));
  if (around <= plan.token_budget) return OkStatus();
  return Invalid("token_budget",
                 fmt::format("without the reserve {}, and a block without passages takes {}; raise "
                             "it, or leave context.want_block out",
                             plan.token_budget, around));
}

StatusOr<Context> Pack(const Access& access, const ReadContext& read, std::vector<Passage> passages,
                       const ContextPlan& plan) {
  Context context;
  context.passages = std::move(passages);
  RETURN_IF_ERROR(Fit(plan, CounterOf(read), read.stop, &context));
  if (plan.reach > 0) Arrange(&context.passages);
  Classify(access, read.caller, LabelsOf(context.passages), &context);
  return context;
}

Context PackAll(const Access& access, const Authenticated& caller,
                std::vector<Cleared<ClearedChunk>> cleared) {
  Context context;
  for (auto& chunk : cleared) context.passages.emplace_back(std::move(chunk));
  Classify(access, caller, LabelsOf(context.passages), &context);
  return context;
}

void NotePassage(const Passage& passage, const Pseudonyms& pseudonyms,
                 journal::v1::Record* record) {
  NoteLeaving(pseudonyms, passage->document, passage->ordinal,
              {ApproximateTokens(passage->text), passage->canary, passage.counted}, record);
}

void NoteContext(const Context& context, const Pseudonyms& pseudonyms,
                 journal::v1::Record* record) {
  for (const Passage& passage : context.passages) {
    NotePassage(passage, pseudonyms, record);
  }
  if (context.label) *record->mutable_context_label() = ToProto(*context.label);
}

}  // namespace cordon
