#include "engine/retrieve/context_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/limits.h"

namespace cordon {
namespace {

size_t CapOf(uint32_t given) { return given == 0 ? SIZE_MAX : given; }

Status CheckK(const v1::ContextOptions& options, size_t k) {
  if (!options.rerank().empty() && k > limits::kReranked) {
    return Invalid("k", fmt::format("a reranker orders at most {}; ask for fewer, or leave "
                                    "context.rerank out",
                                    limits::kReranked));
  }
  if (options.has_diversity() && k > limits::kCandidates) {
    return Invalid("k", fmt::format("diversity chooses among {}; ask for fewer, or leave "
                                    "context.diversity out",
                                    limits::kCandidates));
  }
  return OkStatus();
}

Status CheckOptions(const v1::ContextOptions& options) {
  if (!v1::Duplicates_IsValid(options.duplicates())) {
    return Invalid("duplicates", "unknown; one of kept, exact, near");
  }
  if (options.has_diversity() && !(options.diversity() >= 0 && options.diversity() <= 1)) {
    return Invalid("diversity", "not 0 to 1");
  }
  if (options.neighbours() > limits::kNeighbours) {
    return Invalid("neighbours",
                   fmt::format("more than {}; ask for fewer, or for parents", limits::kNeighbours));
  }
  if (options.parents() && options.neighbours() > 0) {
    return Invalid("neighbours", "parents hold them; ask for one of the two");
  }
  return OkStatus();
}

Status PlanBudget(const v1::RetrieveRequest& request, ContextPlan* plan) {
  const uint32_t reserve = request.context().token_reserve();
  if (request.token_budget() > limits::kTokenBudget) {
    return Invalid("token_budget", fmt::format("more than {}", limits::kTokenBudget));
  }
  if (request.token_budget() == 0) {
    if (reserve == 0) return OkStatus();
    return Invalid("context.token_reserve", "there is no token_budget to take it from; give one");
  }
  if (reserve >= request.token_budget()) {
    return Invalid("context.token_reserve", "leaves nothing of token_budget; lower it");
  }
  plan->token_budget = request.token_budget() - reserve;
  plan->budgeted = true;
  return OkStatus();
}

}  // namespace

size_t ContextPlan::BeforeRerank() const {
  if (rerank.empty()) return k;
  return std::clamp<size_t>(k * limits::kDiversityFactor, k, limits::kReranked);
}

size_t ContextPlan::BeforeDiversity() const {
  const size_t chosen = BeforeRerank();
  if (!diversity) return chosen;
  return std::clamp<size_t>(chosen * limits::kDiversityFactor, chosen, limits::kCandidates);
}

size_t ContextPlan::CandidatesMax() const {
  const size_t wanted = BeforeDiversity();
  return Filters() ? std::max<size_t>(wanted, limits::kCandidates) : wanted;
}

Reading ContextPlan::ToRead() const {
  Reading reading;
  reading.text =
      !omit_text || budgeted || block || duplicates != v1::DUPLICATES_KEPT || !rerank.empty();
  reading.embedding = diversity.has_value();
  reading.attributes = attributes;
  return reading;
}

StatusOr<ContextPlan> PlanContext(const v1::RetrieveRequest& request, const PolicyRules& rules) {
  const v1::ContextOptions& options = request.context();
  ContextPlan plan;
  plan.k = request.k() == 0 ? limits::kTopKDefault : request.k();
  RETURN_IF_ERROR(CheckOptions(options).Within("context"));
  RETURN_IF_ERROR(CheckK(options, plan.k));
  RETURN_IF_ERROR(PlanBudget(request, &plan));
  if (options.duplicates() != v1::DUPLICATES_UNSPECIFIED) plan.duplicates = options.duplicates();
  if (options.has_diversity()) plan.diversity = options.diversity();
  plan.per_document_max = CapOf(options.per_document_max());
  plan.per_source_max = CapOf(options.per_source_max());
  if (!options.min_trust().empty()) {
    ASSIGN_OR_RETURN(plan.min_trust, rules.LeastTrust("context.min_trust", options.min_trust()));
  }
  if (!options.rerank().empty() && request.text().empty()) {
    return Invalid("context.rerank", "a reranker needs the question's text; give one");
  }
  plan.rerank = options.rerank();
  plan.reach = options.parents() ? SIZE_MAX : options.neighbours();
  plan.block = options.want_block();
  plan.strip_hidden_characters = options.strip_hidden_characters();
  plan.attributes = options.want_attributes();
  plan.omit_text = request.omit_text();
  return plan;
}

}  // namespace cordon
