// What the engine's ranking by text is compared with: plain BM25 as it is published, and Xapian's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/relevance_data.h"

namespace cordon {

using RankedIds = std::vector<std::pair<std::string, double>>;  // ids and scores, best first

// Of scores by id; equal ones go by id.
RankedIds BestFirst(const std::map<std::string, double>& scores);

// How often a text has each of its terms, and how many words it is long.
struct CountedText {
  std::map<std::string, uint32_t> counts;
  uint32_t length = 0;
};

// What the terms of texts and of questions are.
struct Analysis {
  CountedText (*of_text)(std::string_view text);
  CountedText (*of_question)(std::string_view text);
};

// Words of ASCII letters and digits, Porter's stems, Lucene's English stop words: shares no code
// with the engine.
extern const Analysis kPlainAnalysis;
// The engine's own terms of English texts.
extern const Analysis kEngineAnalysis;

// Ranks the documents of a set by text.
class TextRanker {
 public:
  virtual ~TextRanker() = default;
  // The best `depth`; equal scores go by id.
  virtual RankedIds Rank(const std::string& question, size_t depth) = 0;
};

// BM25 as Robertson and Zaragoza (2009) have it, k1 1.2 and b 0.75, with the idf of Lucene's
// BM25Similarity, ln(1 + (N − n + 0.5) / (n + 0.5)), lengths as they are, and a repeated word of
// the question counted each time. Reads all rows for every question; shares no code with the
// engine's ranking.
std::unique_ptr<TextRanker> MakePublishedBm25(const RelevanceSet& set, const Analysis& analysis);

// Xapian's BM25Weight with the same parameters; null where there is no Xapian. Its idf is ln of
// (N − n + 0.5) / (n + 0.5), raised where that is less than 2, and it counts parts and chains of
// words (engine/text/terms.h) as words of the text.
std::unique_ptr<TextRanker> MakeXapianBm25(const RelevanceSet& set, const Analysis& analysis);

}  // namespace cordon
