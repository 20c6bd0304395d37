// One search of a lexical index by one thread.
//
// Two passes. The first finds, in each segment, which postings of the query's terms belong to
// permitted rows, and counts them: the statistics are known only when all segments were seen. The
// second scores. In it a segment is one block: what its terms can add at most rules it out as a
// whole, and rules out rows that have only its weakest terms (MaxScore: Turtle and Flood 1995).
// Rows are ranked roughly in float, and by the definition (bm25.h) if they may be among the best.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/base/status.h"
#include "engine/index/document_numbers.h"
#include "engine/index/scan.h"
#include "engine/lexical/bm25.h"
#include "engine/lexical/segment.h"

namespace cordon {

// One answer of a search: a proposal. The score is by the definition.
struct LexicalHit {
  uint32_t document;  // its number
  uint32_t ordinal;
  double score;
};

// The permitted rows of a segment. Reused from segment to segment.
class PermittedRows {
 public:
  explicit PermittedRows(const AllowedSet& allowed) : allowed_(allowed), runs_(allowed.classes) {}

  // Finds the rows of `segment`.
  void Find(const LexicalSegment& segment);

  size_t size() const { return size_; }
  uint64_t words() const { return words_; }  // of their texts

  // The postings of permitted rows: `all` itself if every row is permitted, else appended to
  // `found`.
  std::span<const Posting> Among(std::span<const Posting> all, std::vector<Posting>* found) const;

 private:
  bool Test(uint32_t row) const { return (mask_[row / 64] >> (row % 64) & 1) != 0; }
  void Add(const LexicalRows::Run& run);
  void Remove(const LexicalRows& rows, uint32_t row);

  const AllowedSet& allowed_;
  const PermittedRuns runs_;
  std::vector<uint64_t> mask_;  // by row
  std::vector<uint16_t> few_;   // the rows, if they are few
  size_t size_ = 0;
  size_t of_ = 0;  // rows of the segment
  uint64_t words_ = 0;
};

class LexicalSearch {
 public:
  // All arguments are borrowed; `stop` may be empty. Requires k ≥ 1.
  LexicalSearch(std::span<const LexicalSegment> segments, const DocumentNumbers& documents,
                const AllowedSet& allowed, size_t k, const std::function<bool()>& stop);

  // The best min(k, matching) permitted rows, best first: by descending score, then document id
  // (bytewise), then ordinal. A row matches if it has a term that counts, and all required ones.
  // DEADLINE_EXCEEDED when `stop` said true. Moves `query` into the scorer, whose statistics are
  // those of the permitted rows.
  struct Result {
    std::vector<LexicalHit> hits;
    TextScorer scorer;
  };
  StatusOr<Result> Run(const Bm25& parameters, TextQuery query);

 private:
  // The permitted rows of a segment that have one term.
  struct List {
    size_t term;  // of the query
    TermPostings found;
    size_t first = 0;  // in the match's own postings, if they are copied
    bool copied = false;
    double most = 0;  // that it adds to a score
  };
  struct Match {
    const LexicalRows* rows;
    std::vector<List> lists;  // by term
    std::vector<Posting> own;
  };
  struct Rough {
    float score;
    uint32_t row;
  };
  struct Found {
    double score;
    uint32_t match;
    uint32_t row;
  };

  Status Gather(const TextQuery& query, Statistics* statistics);
  void ScoreMatch(uint32_t number, const TextScorer& scorer);
  void ScoreRequired(uint32_t number, const TextScorer& scorer);
  // How many of the weakest lists cannot make an answer together, sorted by what they add; what
  // they add at most.
  size_t SortByMost(std::vector<List>* lists, double* weak) const;
  void Accumulate(const Match& match, const List& list, const TextScorer& scorer);
  void Harvest(std::span<const List> lists);
  void OfferBest(uint32_t number, const TextScorer& scorer, double weak);
  double ExactScore(const Match& match, uint32_t row, const TextScorer& scorer) const;
  void Offer(const Found& found);
  bool Better(const Found& a, const Found& b) const;
  double floor() const { return best_.size() < k_ ? 0 : best_.front().score; }

  const std::span<const LexicalSegment> segments_;
  const DocumentNumbers& documents_;
  const AllowedSet& allowed_;
  const size_t k_;
  const std::function<bool()>& stop_;
  bool required_ = false;
  std::vector<Match> matches_;
  std::vector<float> sums_;    // by row of the segment at hand; zero between segments
  std::vector<Rough> roughs_;  // its rows that have a strong term
  std::vector<Found> best_;    // a heap, the worst of at most k first
};

}  // namespace cordon
