// What the indexes propose, and what of it passes the guard. Internal to retrieve/.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/stop.h"
#include "engine/columns/filter.h"
#include "engine/retrieve/search.h"

namespace cordon {

// A chunk by its name.
using ChunkName = std::pair<std::string, uint32_t>;

// A proposal: the chunk, and where its score lies.
struct Candidate {
  ChunkName name;
  ScoreRange score;
};

// Asks the indexes of one collection for one question. For one thread.
class Proposer {
 public:
  // All arguments but `allowed` are borrowed.
  Proposer(const Access& access, AllowedSet allowed, const Question& question,
           const std::function<bool()>& stop, SearchTrace* trace);
  Proposer(const Proposer&) = delete;
  Proposer& operator=(const Proposer&) = delete;

  // One for another question to the same.
  Proposer For(const Question& other) const {
    return Proposer(access_, {allowed_.classes, allowed_.now}, other, stop_, trace_);
  }

  // The best `count`, or as many as there are.
  // Of a hybrid question, with the score itself.
  StatusOr<std::vector<Candidate>> ByVector(size_t count);
  StatusOr<std::vector<Candidate>> ByText(size_t count);

  Metric metric() const { return indexes_.vectors.metric(); }

  // How texts are scored; once ByText() was called.
  const TextScorer& scorer() const { return *scorer_; }
  // The scorer of another proposer for the same.
  void ScoreBy(const TextScorer& scorer) { scorer_.emplace(scorer); }

  // A guard for the question.
  Guard MakeGuard(Reading reading) const;

  // Logs that the guard rejected what an index proposed. A fast search does not find more of the
  // same when it is asked for more: from now on all is searched. True if that is a change.
  bool NoteDefect();

  Status CheckStop() const { return CheckGoesOn(stop_); }

 private:
  StatusOr<std::vector<Hit>> Hits(size_t count);

  const Access& access_;
  AllowedSet allowed_;  // borrows filter_
  const Question& question_;
  const std::function<bool()>& stop_;
  SearchTrace* const trace_;
  SearchMode mode_;
  const CollectionIndex& indexes_;
  std::optional<ColumnFilter> filter_;
  std::optional<TextScorer> scorer_;
};

// Refuses more text than one answer may hold; it is never cut.
Status CheckAnswer(size_t bytes);

// Of one ranking, by vector or by text: the best k that pass.
StatusOr<ClearedChunks> SearchOne(Proposer& proposer, const Question& question, size_t k,
                                  Reading reading);

// Of both rankings, fused (fuse.cc).
StatusOr<Best> SearchBoth(Proposer& proposer, const Question& question);

inline constexpr size_t kJudgedAtOnce = 64;  // candidates: the reads of their records share the way

}  // namespace cordon
