#include "engine/retrieve/choose.h"

#include <map>

#include "engine/base/stop.h"
#include "engine/retrieve/diversity.h"
#include "engine/retrieve/repeats.h"

namespace cordon {
namespace {

// What is left out. For one walk through the passages.
class Filter {
 public:
  Filter(const ContextPlan& plan, const PolicyRules& rules)
      : plan_(plan), rules_(rules), repeats_(plan.duplicates) {}

  // Whether the passage stays; called for each in its turn.
  bool Keeps(const ClearedChunk& chunk) {
    if (plan_.min_trust && !rules_.Trusts(chunk.trust, *plan_.min_trust)) return false;
    size_t& of_document = of_documents_[chunk.document];
    size_t& of_source = of_sources_[chunk.source];
    if (of_document >= plan_.per_document_max || of_source >= plan_.per_source_max) return false;
    if (repeats_.Seen(chunk.text)) return false;
    ++of_document;
    ++of_source;
    return true;
  }

 private:
  const ContextPlan& plan_;
  const PolicyRules& rules_;
  Repeats repeats_;
  std::map<std::string, size_t> of_documents_;
  std::map<std::string, size_t> of_sources_;
};

StatusOr<std::vector<Passage>> Filtered(const ContextPlan& plan, const PolicyRules& rules,
                                        std::vector<Cleared<ClearedChunk>> best, size_t wanted,
                                        const std::function<bool()>& stop) {
  Filter filter(plan, rules);
  std::vector<Passage> passages;
  for (auto& chunk : best) {
    if (passages.size() == wanted) break;
    RETURN_IF_ERROR(CheckGoesOn(stop));  // a long text takes a while to compare
    if (filter.Keeps(*chunk)) passages.emplace_back(std::move(chunk));
  }
  return passages;
}

}  // namespace

StatusOr<Chosen> Choose(const ContextPlan& plan, const PolicyRules& rules, const FindBest& find,
                        const std::function<bool()>& stop) {
  Chosen chosen;
  const size_t wanted = plan.BeforeDiversity();
  // Most often enough of the first stay, and the others need not be looked for.
  for (size_t count = wanted;; count = plan.CandidatesMax()) {
    ASSIGN_OR_RETURN(auto best, find(count));
    const bool more = best.chunks.size() == count && count < plan.CandidatesMax();
    ASSIGN_OR_RETURN(chosen.passages, Filtered(plan, rules, std::move(best.chunks), wanted, stop));
    const bool enough = chosen.passages.size() == wanted;
    chosen.limited = !enough && !best.complete;
    if (enough || !more) break;
  }
  if (!plan.diversity) return chosen;
  ASSIGN_OR_RETURN(chosen.passages, Diversify(std::move(chosen.passages), *plan.diversity,
                                              plan.BeforeRerank(), stop));
  return chosen;
}

}  // namespace cordon
