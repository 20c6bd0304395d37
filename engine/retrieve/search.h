// Search proposes, the guard disposes: the best chunks that the caller may see.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "cordon/v1/retrieval.pb.h"
#include "engine/columns/filter.h"
#include "engine/index/search_options.h"
#include "engine/index/vector_index.h"
#include "engine/retrieve/access.h"
#include "engine/retrieve/guard.h"

namespace cordon {

// What a search by vector for the best `count` has found, with a question's mode and recall and in
// its View.
struct FoundAhead {
  size_t count;
  VectorAnswer answer;
};

// What is asked, checked. Borrows the request's filter and the View's columns.
struct Question {
  v1::Rank rank = v1::RANK_VECTOR;
  std::vector<float> vector;  // for vector and hybrid
  TextQuery text;             // for lexical and hybrid
  size_t k = 0;
  SearchMode mode = SearchMode::kFast;  // of the ranking by vector
  double recall = kRecallDefault;       // of kFast
  Reading reading;                      // of each chunk
  std::optional<double> min_score;
  v1::Fusion fusion;  // its depth is set
  const v1::Filter* filter = nullptr;
  std::shared_ptr<const Predicate> predicate = {};  // the filter, checked; null without one
  std::shared_ptr<const FoundAhead> ahead = {};     // null: nothing is found yet
};

// For how many a search by vector first looks, of `wanted` that are to be found.
inline size_t FirstByVector(const Question& question, size_t wanted) {
  return question.rank == v1::RANK_HYBRID ? question.fusion.depth() : wanted;
}

// How many candidates of an index the guard has rejected since the process started: each of them a
// defect, of which no caller has noticed anything.
uint64_t GuardRejections();

// Refuses what a request says of rank, text, fusion and minimal score if it does not fit together.
Status CheckRanking(const v1::RetrieveRequest& request);

// Refuses a filter that does not fit the collection as the caller may know it, with its field.
// Borrows the columns of the View.
StatusOr<std::shared_ptr<const Predicate>> CheckFilterOf(const Access& access,
                                                         const v1::Filter& filter);

using ClearedChunks = std::vector<Cleared<ClearedChunk>>;

// What a search has found.
struct Best {
  ClearedChunks chunks;   // best first
  bool complete = false;  // there are no others, however many had been asked for
};

// The best min(k, permitted) chunks of what `allowed` admits, of a hybrid answer of what is fused:
// access says by whom the guard decides. INVALID_ARGUMENT for an answer of too much text;
// DEADLINE_EXCEEDED when `stop` (may be empty) said true. `trace` tells of the last search by
// vector, if there was one.
StatusOr<Best> Search(const Access& access, AllowedSet allowed, const Question& question,
                      const std::function<bool()>& stop, SearchTrace* trace);

}  // namespace cordon
