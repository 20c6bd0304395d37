// BM25 (Robertson and Zaragoza 2009), with the inverse document frequency that Lucene uses, which
// is never negative:
//
//   score = Σ  q · idf · (k1 + 1) · f / (f + k1 · (1 − b + b · length / mean length))
//   idf   = ln(1 + (rows − df + 0.5) / (df + 0.5))
//
// over the terms of the query in the order of their bytes: q is how often the query has the term, f
// how often the row has it. One definition, in double, in this order: equal statistics and equal
// texts give equal bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/limits.h"
#include "engine/text/terms.h"

namespace cordon {

struct Bm25 {
  double k1 = limits::kBm25K1Default;
  double b = limits::kBm25BDefault;
};

// What a score depends on beside query and text: counts over the permitted rows and no others.
struct Statistics {
  uint64_t rows = 0;
  uint64_t words = 0;                        // of all of them
  std::vector<uint64_t> document_frequency;  // by term of the query: rows that have it
};

// Scores rows for one query. Immutable; thread-safe.
class TextScorer {
 public:
  TextScorer(const Bm25& parameters, TextQuery query, const Statistics& statistics);

  const TextQuery& query() const { return query_; }

  // Of a row by its text, whatever an index says. Nothing if it is not found: without a term that
  // counts, a required one, or a phrase.
  std::optional<double> Score(Language language, std::string_view text) const;

  // The part of a term that a row with `length` words has `count` times; the score is the sum over
  // the terms, in their order.
  double Part(size_t term, uint32_t count, uint32_t length) const {
    const double frequency = count;
    return weights_[term] * frequency / (frequency + LengthNorm(length));
  }
  double LengthNorm(uint32_t length) const { return k1_ * (1 - b_ + b_ * (length / mean_)); }
  double weight(size_t term) const { return weights_[term]; }

 private:
  // How often the text has each term of the query.
  std::vector<uint32_t> CountsIn(const TermCounts& text) const;
  // Whether a text with these is found, if it holds the phrases.
  bool Suffice(const std::vector<uint32_t>& counts) const;

  TextQuery query_;
  double k1_;
  double b_;
  double mean_;                  // words of a row
  std::vector<double> weights_;  // by term; 0 if it does not count
};

}  // namespace cordon
