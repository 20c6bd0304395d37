#include "bench/relevance_peers.h"

#include <libstemmer.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "engine/text/terms.h"

namespace cordon {
namespace {

CountedText PlainTerms(std::string_view text) {
  static const std::set<std::string> kStop = {
      "a",   "an",    "and",  "are",   "as",    "at",   "be",   "but", "by",  "for",  "if",
      "in",  "into",  "is",   "it",    "no",    "not",  "of",   "on",  "or",  "such", "that",
      "the", "their", "then", "there", "these", "they", "this", "to",  "was", "will", "with"};
  static sb_stemmer* const stemmer = sb_stemmer_new("english", "UTF_8");
  CountedText counted;
  std::string word;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && std::isalnum(static_cast<unsigned char>(text[i])) != 0) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(text[i])));
      continue;
    }
    if (!word.empty() && !kStop.contains(word)) {
      const sb_symbol* stem = sb_stemmer_stem(
          stemmer, reinterpret_cast<const sb_symbol*>(word.data()), static_cast<int>(word.size()));
      ++counted.counts[{reinterpret_cast<const char*>(stem),
                        static_cast<size_t>(sb_stemmer_length(stemmer))}];
      ++counted.length;
    }
    word.clear();
  }
  return counted;
}

CountedText EngineTermsOfText(std::string_view text) {
  const TermCounts terms = CountTerms(Language::kEnglish, text);
  CountedText counted;
  counted.length = terms.length();
  for (size_t i = 0; i < terms.size(); ++i) {
    counted.counts[std::string(terms[i].text)] = terms[i].count;
  }
  return counted;
}

CountedText EngineTermsOfQuestion(std::string_view text) {
  CountedText counted;
  for (const auto& term : ParseTextQuery(Language::kEnglish, text).terms) {
    counted.counts[term.text] = term.count;
  }
  return counted;
}

class PublishedBm25 : public TextRanker {
 public:
  PublishedBm25(const RelevanceSet& set, const Analysis& analysis) : set_(set), asked_(analysis) {
    for (const std::string& text : set.texts) {
      rows_.push_back(analysis.of_text(text));
      for (const auto& [term, count] : rows_.back().counts) df_[term] += 1;
      words_ += rows_.back().length;
    }
  }

  RankedIds Rank(const std::string& question, size_t depth) override {
    constexpr double kK1 = 1.2, kB = 0.75;
    const auto n = static_cast<double>(rows_.size());
    std::map<std::string, double> scores;
    for (const auto& [term, times] : asked_.of_question(question).counts) {
      const double idf = std::log(1 + (n - df_[term] + 0.5) / (df_[term] + 0.5));
      for (size_t i = 0; i < rows_.size(); ++i) {
        const auto found = rows_[i].counts.find(term);
        if (found == rows_[i].counts.end()) continue;
        const double norm = kK1 * (1 - kB + kB * rows_[i].length / (words_ / n));
        scores[set_.ids[i]] += times * idf * found->second * (kK1 + 1) / (found->second + norm);
      }
    }
    RankedIds ranking = BestFirst(scores);
    if (ranking.size() > depth) ranking.resize(depth);
    return ranking;
  }

 private:
  const RelevanceSet& set_;
  const Analysis asked_;
  std::vector<CountedText> rows_;
  std::map<std::string, double> df_;
  double words_ = 0;
};

}  // namespace

RankedIds BestFirst(const std::map<std::string, double>& scores) {
  RankedIds ranking(scores.begin(), scores.end());
  std::stable_sort(ranking.begin(), ranking.end(),
                   [](const auto& x, const auto& y) { return x.second > y.second; });
  return ranking;
}

const Analysis kPlainAnalysis = {PlainTerms, PlainTerms};
const Analysis kEngineAnalysis = {EngineTermsOfText, EngineTermsOfQuestion};

std::unique_ptr<TextRanker> MakePublishedBm25(const RelevanceSet& set, const Analysis& analysis) {
  return std::make_unique<PublishedBm25>(set, analysis);
}

}  // namespace cordon
