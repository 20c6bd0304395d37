// Text → terms: what lexical search counts and looks up.
//
// Each word (tokenise.h) is a term: without its ending if it is made of letters, else as it is, and
// without what the language elides before it (language.h). A word with inner points, underscores or
// at signs is a term for each of its parts as well, and so is a chain of words that one character
// ties together, as a whole: `wal_level` is found by `wal`, `cve-2024-3094` by itself and by
// `2024`, `12.3(b)(2)` by `12.3(b)(2` (its last bracket ties nothing). Apostrophes and hyphens of
// typesetters are those of keyboards. Stop words are terms like others; a query leaves them out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/text/language.h"
#include "engine/text/tokenise.h"

namespace cordon {

// A chain of words that is longer is no term as a whole: it is a path or a line, not a code.
inline constexpr size_t kChainBytes = 128;

// The hash of a term, the same in all of one process.
inline uint32_t HashOfTerm(std::string_view term) {
  return static_cast<uint32_t>(std::hash<std::string_view>()(term));
}

// How often a text has each term. Movable; what it returns lives as long as it stays where it is.
class TermCounts {
 public:
  struct Term {
    std::string_view text;
    uint32_t hash;
    uint32_t count;
  };

  // Distinct terms, in the order in which they come first.
  size_t size() const { return entries_.size(); }
  Term operator[](size_t i) const {
    const Entry& entry = entries_[i];
    return {std::string_view(bytes_).substr(entry.begin, entry.size), entry.hash, entry.count};
  }

  // Bytes of the distinct terms.
  size_t bytes() const { return bytes_.size(); }

  // Words of the text: parts and chains do not make it longer.
  uint32_t length() const { return length_; }

 private:
  friend class TermCounter;

  struct Entry {
    uint32_t begin;
    uint32_t size;
    uint32_t hash;
    uint32_t count;
  };
  std::string bytes_;  // of the terms, one after the other
  std::vector<Entry> entries_;
  uint32_t length_ = 0;
};

// Counts the terms of any text. A pure function for one version of ICU and libstemmer; thread-safe.
TermCounts CountTerms(Language language, std::string_view text);
// The same, of a text that is taken apart already.
TermCounts CountTerms(Language language, const Words& words);

// The term that finds a word. Lives as long as the word, or until this thread's next call.
std::string_view TermOfWord(Language language, std::string_view word);

// A question about texts.
struct TextQuery {
  struct Term {
    std::string text;
    uint32_t hash = 0;
    uint32_t count = 0;     // how often it is asked for; 0: it does not count, but is required
    bool required = false;  // by a phrase
  };
  std::vector<Term> terms;  // distinct, in the order of their bytes
  // Words that must stand one after the other, as they are written (folded, as typed).
  std::vector<std::vector<std::string>> phrases;
};

// The terms of a question without its stop words, unless it has no others. What stands between two
// double quotes is a phrase; its words count like the others. A quote without its second is none.
TextQuery ParseTextQuery(Language language, std::string_view text);

// Refuses a question with more than limits::kQueryTerms terms, or with more words in phrases.
Status CheckTextQuery(const TextQuery& query);

// Whether the words of a text hold all phrases of a query that CheckTextQuery() has passed. `"avion
// rouge"` stands in `l'avion rouge` as well, but not the other way round. Linear in the text.
bool HoldsPhrases(Language language, const TextQuery& query, const Words& words);

}  // namespace cordon
