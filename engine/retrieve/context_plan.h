// v1::ContextOptions, checked: how the permitted passages of one question become a context.
#pragma once

#include <optional>
#include <string>

#include "cordon/v1/retrieval.pb.h"
#include "engine/policy/rules.h"
#include "engine/retrieve/guard.h"

namespace cordon {

struct ContextPlan {
  size_t k = 0;
  v1::Duplicates duplicates = v1::DUPLICATES_KEPT;
  std::optional<double> diversity;  // λ, 0 to 1
  size_t per_document_max = SIZE_MAX;
  size_t per_source_max = SIZE_MAX;
  std::optional<size_t> min_trust;  // the tier's rank
  std::string rerank;               // the endpoint's name; empty: none
  size_t reach = 0;                 // neighbours on each side; SIZE_MAX: the whole document
  size_t token_budget = SIZE_MAX;   // without the reserve
  bool budgeted = false;            // a budget is asked for
  bool block = false;
  bool strip_hidden_characters = false;
  bool attributes = false;
  bool omit_text = false;

  // Whether some of the best passages may be left out before k are chosen.
  bool Filters() const {
    return duplicates != v1::DUPLICATES_KEPT || per_document_max != SIZE_MAX ||
           per_source_max != SIZE_MAX || min_trust.has_value();
  }
  // How many passages are chosen before the reranker orders them.
  size_t BeforeRerank() const;
  // Among how many passages those are chosen.
  size_t BeforeDiversity() const;
  // How many of the best permitted passages are looked at, at most, to find so many.
  size_t CandidatesMax() const;

  // What the guard must read.
  Reading ToRead() const;
};

// Refuses options that are out of range, do not fit together, or name a trust tier that the policy
// does not have. The field is the path in the request.
StatusOr<ContextPlan> PlanContext(const v1::RetrieveRequest& request, const PolicyRules& rules);

}  // namespace cordon
