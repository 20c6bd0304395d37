// Hybrid answers: a ranking by vector and one by text, fused.
//
//   reciprocal rank   Σ weight / (60 + rank)              Cormack, Clarke and Büttcher, SIGIR 2009
//   weighted score    Σ weight · (score − least) / (greatest − least), over what is fused
//   relative score    Σ weight · (score − least) / (greatest − least), over what each ranking has;
//                     the least is the least that there can be (−1 of a cosine, 0 of BM25) as in
//                     Bruch, Gai and Ingber, TOIS 42 (2023), and of metrics that have none the
//                     ranking's; who is not in a ranking that goes on counts as its last
//
// Both are functions of the permitted rows alone. Equal scores go by document id, then ordinal. If
// the guard rejects a candidate, the whole is done again without it: it had pushed others back.
#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "engine/retrieve/candidates.h"

namespace cordon {
namespace {

constexpr double kRankConstant = 60;

struct Part {
  ScoreRange score;
  uint32_t rank;  // from 1
};

// A chunk that may be an answer.
struct Entry {
  std::optional<Part> vector;
  std::optional<Part> lexical;
  Parts parts;
  double score = 0;
};
using Entries = std::map<ChunkName, Entry>;
using Ordered = std::vector<Entries::value_type*>;

class Hybrid {
 public:
  Hybrid(Proposer& proposer, const Question& question)
      : proposer_(proposer),
        question_(question),
        by_vector_(question.fusion.has_vector_weight() ? question.fusion.vector_weight() : 1),
        by_text_(question.fusion.has_lexical_weight() ? question.fusion.lexical_weight() : 1),
        depth_(question.fusion.depth()) {}

  StatusOr<Best> Run() {
    while (true) {
      const size_t rejected = rejected_.size();
      RETURN_IF_ERROR(Propose());
      RETURN_IF_ERROR(Weigh());
      if (rejected_.size() > rejected) continue;
      ASSIGN_OR_RETURN(auto best, ClearBest());
      if (rejected_.size() == rejected) return best;
    }
  }

 private:
  Status Weigh() {
    const size_t rejected = rejected_.size();
    switch (question_.fusion.method()) {
      case v1::FUSION_METHOD_RECIPROCAL_RANK:
        WeighRanks();
        return OkStatus();
      case v1::FUSION_METHOD_WEIGHTED_SCORE:
        RETURN_IF_ERROR(ScoreAll());
        if (rejected_.size() == rejected) WeighScores();
        return OkStatus();
      default:
        WeighListed(&Entry::vector, by_vector_, LeastByVector());
        WeighListed(&Entry::lexical, by_text_, 0);
        return OkStatus();
    }
  }

  // Fills entries_ with both rankings.
  Status Propose() {
    entries_.clear();
    const size_t count = depth_ + rejected_.size();
    ASSIGN_OR_RETURN(const auto vector, proposer_.ByVector(count));
    ASSIGN_OR_RETURN(const auto lexical, ByText(count));
    Take(vector, &Entry::vector, &Parts::vector_rank);
    Take(lexical, &Entry::lexical, &Parts::lexical_rank);
    all_fused_ = vector.size() < count;
    return OkStatus();
  }

  // What lacks a phrase has no place in the ranking by text; only the stored text tells.
  StatusOr<std::vector<Candidate>> ByText(size_t count) {
    if (question_.text.phrases.empty()) return proposer_.ByText(count);
    Question alone = question_;
    alone.rank = v1::RANK_LEXICAL;
    alone.min_score.reset();
    Proposer of_text = proposer_.For(alone);
    ASSIGN_OR_RETURN(const auto cleared, SearchOne(of_text, alone, count, {.text = false}));
    std::vector<Candidate> candidates;
    for (const auto& chunk : cleared) {
      candidates.push_back({{chunk->document, chunk->ordinal}, {chunk->score, chunk->score}});
    }
    proposer_.ScoreBy(of_text.scorer());
    return candidates;
  }

  void Take(const std::vector<Candidate>& candidates, std::optional<Part> Entry::*part,
            std::optional<uint32_t> Parts::*rank) {
    uint32_t next = 1;
    for (const Candidate& candidate : candidates) {
      if (rejected_.contains(candidate.name) || next > depth_) continue;
      Entry& entry = entries_[candidate.name];
      entry.*part = Part{candidate.score, next};
      entry.parts.*rank = next++;
    }
  }

  // The least score that there can be, if there is one.
  std::optional<double> LeastByVector() const {
    if (proposer_.metric() == Metric::kCosine) return -1;
    return std::nullopt;
  }

  // Adds a ranking's scores, each as a part of the greatest.
  void WeighListed(std::optional<Part> Entry::*part, double weight, std::optional<double> least) {
    double first = -std::numeric_limits<double>::infinity(), last = -first;
    size_t listed = 0;
    for (const auto& [name, entry] : entries_) {
      if (!(entry.*part)) continue;
      ++listed;
      first = std::max(first, (entry.*part)->score.low);
      last = std::min(last, (entry.*part)->score.low);
    }
    if (listed == 0) return;
    const double zero = least.value_or(last);
    const auto scaled = [&](double score) {
      return first > zero ? (score - zero) / (first - zero) : 1;
    };
    const double missing = listed >= depth_ ? scaled(last) : 0;
    for (auto& [name, entry] : entries_) {
      entry.score += weight * (entry.*part ? scaled((entry.*part)->score.low) : missing);
    }
  }

  void WeighRanks() {
    for (auto& [name, entry] : entries_) {
      entry.score = 0;
      if (entry.vector) entry.score += by_vector_ / (kRankConstant + entry.vector->rank);
      if (entry.lexical) entry.score += by_text_ / (kRankConstant + entry.lexical->rank);
    }
  }

  // Both scores of every entry, from the stored records.
  Status ScoreAll() {
    Guard guard = proposer_.MakeGuard({.text = false});
    Ordered all;
    for (auto& entry : entries_) all.push_back(&entry);
    for (size_t from = 0; from < all.size(); from += kJudgedAtOnce) {
      RETURN_IF_ERROR(proposer_.CheckStop());
      RETURN_IF_ERROR(Judge(guard, all, from, kJudgedAtOnce).status());
    }
    return OkStatus();
  }

  void WeighScores() {
    const auto scale = [&](double Parts::*score, double weight) {
      double least = std::numeric_limits<double>::infinity(), greatest = -least;
      for (const auto& [name, entry] : entries_) {
        least = std::min(least, entry.parts.*score);
        greatest = std::max(greatest, entry.parts.*score);
      }
      for (auto& [name, entry] : entries_) {
        const double span = greatest - least;
        if (span > 0) entry.score += weight * ((entry.parts.*score - least) / span);
      }
    };
    for (auto& [name, entry] : entries_) entry.score = 0;
    scale(&Parts::vector_score, by_vector_);
    scale(&Parts::lexical_score, by_text_);
  }

  // Clears entries in the order of their scores until there are k, or one is rejected.
  StatusOr<Best> ClearBest() {
    Ordered order;
    for (auto& entry : entries_) order.push_back(&entry);  // by document id, then ordinal
    std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
      return a->second.score > b->second.score;
    });
    Best best;
    best.complete = order.size() <= question_.k && all_fused_;
    if (order.size() > question_.k) order.resize(question_.k);
    if (question_.min_score) {
      const size_t erased = std::erase_if(
          order, [&](const auto* entry) { return entry->second.score < *question_.min_score; });
      best.complete |= erased > 0;  // those after it have less still
    }
    Guard guard = proposer_.MakeGuard(question_.reading);
    size_t bytes = 0;
    for (size_t from = 0; from < order.size(); from += kJudgedAtOnce) {
      RETURN_IF_ERROR(proposer_.CheckStop());
      ASSIGN_OR_RETURN(auto passed, Judge(guard, order, from, kJudgedAtOnce));
      for (auto& chunk : passed) {
        bytes += chunk->text.size();
        RETURN_IF_ERROR(CheckAnswer(bytes));
        best.chunks.push_back(std::move(chunk));
      }
    }
    return best;
  }

  // Those of `count` entries that pass, with their places; the others are rejected for good.
  StatusOr<ClearedChunks> Judge(Guard& guard, const Ordered& entries, size_t from, size_t count) {
    std::vector<Guard::Wanted> wanted;
    const size_t to = std::min(entries.size(), from + count);
    for (size_t i = from; i < to; ++i) {
      wanted.push_back({entries[i]->first.first, entries[i]->first.second});
    }
    ASSIGN_OR_RETURN(auto judged, guard.Clear(wanted));
    ClearedChunks passed;
    for (size_t i = from; i < to; ++i) {
      auto& chunk = judged[i - from];
      auto& [name, entry] = *entries[i];
      if (!chunk || !IsAsProposed(**chunk, entry)) {
        proposer_.NoteDefect();
        rejected_.insert(name);
        continue;
      }
      entry.parts.vector_score = (*chunk)->score;
      entry.parts.lexical_score = (*chunk)->lexical_score.value_or(0);
      Guard::Place(&*chunk, entry.score, entry.parts);
      passed.push_back(*std::move(chunk));
    }
    return passed;
  }

  static bool IsAsProposed(const ClearedChunk& chunk, const Entry& entry) {
    const auto within = [](const std::optional<Part>& part, double score) {
      return !part || (part->score.low <= score && score <= part->score.high);
    };
    return within(entry.vector, chunk.score) &&
           (!entry.lexical || (chunk.lexical_score && within(entry.lexical, *chunk.lexical_score)));
  }

  Proposer& proposer_;
  const Question& question_;
  const double by_vector_;
  const double by_text_;
  const size_t depth_;
  Entries entries_;
  bool all_fused_ = false;  // every permitted chunk is among them
  std::set<ChunkName> rejected_;
};

}  // namespace

StatusOr<Best> SearchBoth(Proposer& proposer, const Question& question) {
  return Hybrid(proposer, question).Run();
}

}  // namespace cordon
