#include "engine/lexical/bm25.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/base/check.h"

namespace cordon {

TextScorer::TextScorer(const Bm25& parameters, TextQuery query, const Statistics& statistics)
    : query_(std::move(query)), k1_(parameters.k1), b_(parameters.b) {
  CORDON_CHECK(statistics.document_frequency.size() == query_.terms.size());
  const auto rows = static_cast<double>(statistics.rows);
  // Without a word there is no row to score; the mean must not be a division by zero all the same.
  mean_ = statistics.words == 0 ? 1 : static_cast<double>(statistics.words) / rows;
  for (size_t i = 0; i < query_.terms.size(); ++i) {
    const auto df = static_cast<double>(statistics.document_frequency[i]);
    const double idf = std::log(1 + (rows - df + 0.5) / (df + 0.5));
    weights_.push_back(query_.terms[i].count * idf * (k1_ + 1));
  }
}

std::vector<uint32_t> TextScorer::CountsIn(const TermCounts& text) const {
  std::vector<uint32_t> counts(query_.terms.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto term = text[i];
    const auto found = std::lower_bound(
        query_.terms.begin(), query_.terms.end(), term.text,
        [](const TextQuery::Term& asked, std::string_view other) { return asked.text < other; });
    if (found == query_.terms.end() || found->text != term.text) continue;
    counts[static_cast<size_t>(found - query_.terms.begin())] = term.count;
  }
  return counts;
}

std::optional<double> TextScorer::Score(Language language, std::string_view text) const {
  const Words words = Tokenise(text);
  const TermCounts terms = CountTerms(language, words);
  const std::vector<uint32_t> counts = CountsIn(terms);
  if (!Suffice(counts) || !HoldsPhrases(language, query_, words)) return std::nullopt;
  double score = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) score += Part(i, counts[i], terms.length());
  }
  return score;
}

bool TextScorer::Suffice(const std::vector<uint32_t>& counts) const {
  bool any = false;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (query_.terms[i].required && counts[i] == 0) return false;
    any |= counts[i] > 0 && (weights_[i] > 0 || query_.terms[i].required);
  }
  return any;
}

}  // namespace cordon
