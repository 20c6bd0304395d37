#include "engine/retrieve/pack.h"

#include <algorithm>
#include <set>

#include "engine/store/codec.h"
#include "engine/text/tokens.h"

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

}  // namespace

Context Pack(const Access& access, const Authenticated& caller,
             std::vector<Cleared<ClearedChunk>> cleared, uint32_t token_budget) {
  Context context;
  size_t kept = 0;
  for (; kept < cleared.size(); ++kept) {
    const size_t tokens = ApproximateTokens(cleared[kept]->text);
    if (token_budget > 0 && context.tokens + tokens > token_budget) break;
    context.tokens += tokens;
  }
  context.limited = kept < cleared.size();
  cleared.erase(cleared.begin() + static_cast<std::ptrdiff_t>(kept), cleared.end());
  std::set<Label> labels;
  for (const auto& passage : cleared) labels.insert(passage->label);
  for (const auto& label : labels) {
    const Scheme& scheme = access.view->policy().rules->scheme;
    context.label = context.label ? Join(scheme, *context.label, label) : label;
  }
  context.destinations = ReceiversOfAll(access, caller, labels);
  context.passages = std::move(cleared);
  return context;
}

void NoteContext(const Context& context, const Pseudonyms& pseudonyms,
                 journal::v1::Record* record) {
  for (const auto& passage : context.passages) {
    record->add_documents(pseudonyms.Of("document", passage->document));
    record->add_chunks(passage->ordinal);
  }
  record->set_passages(static_cast<uint32_t>(context.passages.size()));
  record->set_tokens(context.tokens);
  if (context.label) *record->mutable_context_label() = ToProto(*context.label);
}

}  // namespace cordon
