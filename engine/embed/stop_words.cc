#include "engine/embed/stop_words.h"

#include <algorithm>
#include <array>

namespace cordon {
namespace {

constexpr auto kStopWords = std::to_array<std::string_view>({
    "a",      "about",  "above",   "after", "again",   "all",    "also",    "am",    "an",
    "and",    "any",    "are",     "as",    "at",      "be",     "because", "been",  "before",
    "being",  "below",  "between", "both",  "but",     "by",     "can",     "can't", "cannot",
    "could",  "did",    "do",      "does",  "doesn't", "doing",  "don't",   "down",  "during",
    "each",   "few",    "for",     "from",  "further", "get",    "had",     "has",   "have",
    "having", "he",     "her",     "here",  "him",     "his",    "how",     "i",     "if",
    "in",     "into",   "is",      "isn't", "it",      "it's",   "its",     "just",  "may",
    "me",     "might",  "more",    "most",  "must",    "my",     "no",      "nor",   "not",
    "of",     "off",    "on",      "once",  "only",    "or",     "other",   "our",   "out",
    "over",   "own",    "same",    "shall", "she",     "should", "so",      "some",  "such",
    "than",   "that",   "the",     "their", "them",    "then",   "there",   "these", "they",
    "this",   "those",  "through", "to",    "too",     "under",  "until",   "up",    "upon",
    "us",     "use",    "used",    "using", "very",    "was",    "we",      "were",  "what",
    "when",   "where",  "whether", "which", "while",   "who",    "whom",    "why",   "will",
    "with",   "within", "without", "would", "you",     "your",
});
static_assert(std::is_sorted(kStopWords.begin(), kStopWords.end()));

}  // namespace

bool IsStopWord(std::string_view word) {
  return std::binary_search(kStopWords.begin(), kStopWords.end(), word);
}

}  // namespace cordon
