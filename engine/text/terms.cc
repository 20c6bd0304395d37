#include "engine/text/terms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <map>
#include <unordered_map>

#include "engine/base/check.h"
#include "engine/base/limits.h"

namespace cordon {
namespace {

// What a byte of a word says of the word; a word has the marks of all its bytes.
enum Mark : uint8_t {
  kRare = 1,        // the first of what typesetters write: few words have it
  kApostrophe = 2,  // with which an article may be tied
  kPartEnd = 4,     // parts a word into names and numbers
  kNoNumber = 8,    // of no number such as 3.14
  kNotPlain = 16,   // not what words that have endings are made of
};

constexpr auto kMarks = [] {
  std::array<uint8_t, 256> marks{};
  for (size_t byte = 0; byte < marks.size(); ++byte) {
    const char c = static_cast<char>(byte);
    const bool digit = c >= '0' && c <= '9';
    uint8_t& mark = marks[byte];
    if (c == '\xe2' || c == '\xca') mark |= kRare;
    if (c == '\'') mark |= kApostrophe;
    if (c == '.' || c == '_' || c == '@') mark |= kPartEnd;
    if (!digit && c != '.' && c != ',') mark |= kNoNumber;
    if (!((c >= 'a' && c <= 'z') || byte >= 0x80 || c == '\'')) mark |= kNotPlain;
  }
  return marks;
}();

uint8_t MarksOf(std::string_view word) {
  uint8_t marks = 0;
  for (const char c : word) marks |= kMarks[static_cast<unsigned char>(c)];
  return marks;
}

bool IsPartEnd(char c) { return (kMarks[static_cast<unsigned char>(c)] & kPartEnd) != 0; }

// Apostrophes and hyphens of typesetters, folded, and what a keyboard has for them.
struct Typeset {
  std::string_view written;
  char typed;
};
constexpr Typeset kTypeset[] = {{"\u2018", '\''}, {"\u2019", '\''}, {"\u02bc", '\''},
                                {"\u2010", '-'},  {"\u2012", '-'},  {"\u2013", '-'},
                                {"\u2212", '-'}};

// The text with these as a keyboard has them: which ones a text has is its program's choice. The
// result lives as long as the text, or until this thread's next call.
std::string_view AsTyped(std::string_view text) {
  if ((MarksOf(text) & kRare) == 0) return text;
  thread_local std::string typed;
  typed.clear();
  while (!text.empty()) {
    const auto found = std::find_if(std::begin(kTypeset), std::end(kTypeset),
                                    [&](const auto& one) { return text.starts_with(one.written); });
    const bool typeset = found != std::end(kTypeset);
    typed += typeset ? found->typed : text[0];
    text.remove_prefix(typeset ? found->written.size() : 1);
  }
  return typed;
}

// A word as it is looked up: without an article that is tied to it, and as typed.
std::string_view Bare(Language language, std::string_view word) {
  return WithoutElision(language, AsTyped(word));
}

// What may tie two words to a code, a path, a paragraph or a name, standing alone between them.
bool Ties(std::string_view between) {
  constexpr size_t kWrittenBytes = 3;                          // of what is typed as one
  if (between.size() == 1 && between[0] == ' ') return false;  // as most do: without a call
  if (between.size() > kWrittenBytes) return false;
  if (between == ")(") return true;
  between = AsTyped(between);
  return between.size() == 1 &&
         std::string_view("-./:+#~=&\\(").find(between[0]) != std::string_view::npos;
}

// TermOfWord(), given the word's marks. A stemmer may take the ending off letters, with apostrophes
// between.
std::string_view TermOf(Language language, std::string_view word, uint8_t marks) {
  if ((marks & (kRare | kApostrophe)) != 0) {
    word = Bare(language, word);
    marks = MarksOf(word);
  }
  return (marks & kNotPlain) == 0 ? Stem(language, word) : word;
}

bool HasParts(uint8_t marks) { return (marks & kPartEnd) != 0 && (marks & kNoNumber) != 0; }

// Calls visit(part) for each part of a word that has parts.
template <typename Visit>
void ForEachPart(std::string_view word, Visit visit) {
  for (size_t begin = 0; begin < word.size();) {
    size_t end = begin;
    while (end < word.size() && !IsPartEnd(word[end])) ++end;
    if (end > begin) visit(word.substr(begin, end - begin));
    begin = end + 1;
  }
}

// Calls visit(term, is_word) for each term of a text's words.
template <typename Visit>
void ForEachTerm(Language language, const Words& words, Visit visit) {
  size_t chain = 0;  // the first word of the one that word i ends
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const uint8_t marks = MarksOf(word);
    visit(TermOf(language, word, marks), true);
    if (HasParts(marks)) {
      ForEachPart(word, [&](std::string_view part) { visit(TermOfWord(language, part), false); });
    }
    const size_t end = words.end(i);
    const bool goes_on =
        i + 1 < words.size() && Ties(words.folded().substr(end, words.begin(i + 1) - end));
    if (goes_on) continue;
    const size_t begin = words.begin(chain);
    if (chain < i && end - begin <= kChainBytes) {
      visit(AsTyped(words.folded().substr(begin, end - begin)), false);
    }
    chain = i + 1;
  }
}

}  // namespace

std::string_view TermOfWord(Language language, std::string_view word) {
  return TermOf(language, word, MarksOf(word));
}

// Finds each term again by a table of hashes that serves all texts of a thread.
class TermCounter {
 public:
  explicit TermCounter(TermCounts* counts) : counts_(*counts) {}

  void Count(Language language, const Words& words) {
    static thread_local std::vector<uint32_t> table;
    table_ = &table;
    // Half full with the words alone; parts and chains may make it grow.
    table.assign(std::bit_ceil(2 * words.size() + 64), 0);
    counts_.entries_.reserve(words.size() / 2 + 1);
    counts_.bytes_.reserve(words.folded().size() / 2);
    ForEachTerm(language, words, [&](std::string_view term, bool is_word) {
      counts_.length_ += is_word ? 1 : 0;
      Add(term);
    });
    // A long text's table is not kept for the short ones that follow.
    if (table.size() > kKeptSlots) table = std::vector<uint32_t>();
  }

 private:
  static constexpr size_t kKeptSlots = 1 << 14;  // 64 KiB for each thread

  void Add(std::string_view term) {
    if (counts_.entries_.size() * 2 >= table_->size()) Grow();
    const uint32_t hash = HashOfTerm(term);
    uint32_t& slot = SlotOf(term, hash);
    if (slot != 0) {
      ++counts_.entries_[slot - 1].count;
      return;
    }
    counts_.entries_.push_back({static_cast<uint32_t>(counts_.bytes_.size()),
                                static_cast<uint32_t>(term.size()), hash, 1});
    counts_.bytes_.append(term);
    slot = static_cast<uint32_t>(counts_.entries_.size());
  }

  // Of the term, or the empty one where it belongs.
  uint32_t& SlotOf(std::string_view term, uint32_t hash) {
    const size_t mask = table_->size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      uint32_t& slot = (*table_)[at];
      if (slot == 0) return slot;
      if (counts_.entries_[slot - 1].hash == hash && counts_[slot - 1].text == term) return slot;
    }
  }

  void Grow() {
    table_->assign(table_->size() * 2, 0);
    for (size_t i = 0; i < counts_.size(); ++i) {
      SlotOf(counts_[i].text, counts_[i].hash) = static_cast<uint32_t>(i + 1);
    }
  }

  TermCounts& counts_;
  std::vector<uint32_t>* table_ = nullptr;  // of places in entries_, from 1; 0 is empty
};

TermCounts CountTerms(Language language, const Words& words) {
  TermCounts counts;
  TermCounter(&counts).Count(language, words);
  return counts;
}

TermCounts CountTerms(Language language, std::string_view text) {
  return CountTerms(language, Tokenise(text));
}

namespace {

// The pieces of a question: those with odd numbers stand between quotes.
std::vector<std::string_view> CutAtQuotes(std::string_view text) {
  std::vector<std::string_view> pieces;
  size_t begin = 0;
  for (size_t quote = text.find('"'); quote != text.npos; quote = text.find('"', begin)) {
    pieces.push_back(text.substr(begin, quote - begin));
    begin = quote + 1;
  }
  pieces.push_back(text.substr(begin));
  return pieces;
}

}  // namespace

TextQuery ParseTextQuery(Language language, std::string_view text) {
  TextQuery query;
  std::map<std::string, TextQuery::Term> terms;
  std::map<std::string, uint32_t> stop_words;
  const auto pieces = CutAtQuotes(text);
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Words words = Tokenise(pieces[i]);
    ForEachTerm(language, words,
                [&](std::string_view term, bool) { ++terms[std::string(term)].count; });
    const bool phrase = i % 2 == 1 && i + 1 < pieces.size() && words.size() > 0;
    if (phrase) query.phrases.emplace_back();
    for (size_t w = 0; w < words.size(); ++w) {
      const std::string term(TermOfWord(language, words[w]));
      if (IsStopWord(language, Bare(language, words[w]))) ++stop_words[term];
      if (!phrase) continue;
      terms.at(term).required = true;
      query.phrases.back().emplace_back(AsTyped(words[w]));
    }
  }
  const bool others = std::any_of(terms.begin(), terms.end(), [&](const auto& entry) {
    const auto stop = stop_words.find(entry.first);
    return stop == stop_words.end() || stop->second < entry.second.count;
  });
  for (auto& [term, asked] : terms) {
    const auto stop = stop_words.find(term);
    if (others && stop != stop_words.end()) asked.count -= stop->second;
    if (asked.count == 0 && !asked.required) continue;
    asked.text = term;
    asked.hash = HashOfTerm(term);
    query.terms.push_back(std::move(asked));
  }
  return query;
}

Status CheckTextQuery(const TextQuery& query) {
  size_t in_phrases = 0;
  for (const auto& phrase : query.phrases) in_phrases += phrase.size();
  if (query.terms.size() <= limits::kQueryTerms && in_phrases <= limits::kQueryTerms) {
    return OkStatus();
  }
  return Invalid("", fmt::format("more than {} words; shorten it, or rank by the vector alone",
                                 limits::kQueryTerms));
}

namespace {

// Places in the phrases of a question, which follow one another.
using Places = std::bitset<limits::kQueryTerms>;

// Where each word stands in the phrases. Borrows them.
class PhrasePlaces {
 public:
  explicit PhrasePlaces(const TextQuery& query) {
    size_t place = 0;
    for (const auto& phrase : query.phrases) {
      CORDON_CHECK(place + phrase.size() <= limits::kQueryTerms);  // CheckTextQuery()
      first_.set(place);
      for (const std::string& word : phrase) of_[word].set(place++);
      last_.set(place - 1);
    }
  }

  const Places& first() const { return first_; }
  const Places& last() const { return last_; }

  Places Of(Language language, std::string_view word) const {
    const std::string_view typed = AsTyped(word);
    const std::string_view bare = WithoutElision(language, typed);
    return bare.size() == typed.size() ? Of(typed) : Of(typed) | Of(bare);
  }

 private:
  Places Of(std::string_view word) const {
    const auto found = of_.find(word);
    return found == of_.end() ? Places() : found->second;
  }

  std::unordered_map<std::string_view, Places> of_;
  Places first_, last_;  // of each phrase
};

}  // namespace

// Shift-And (Baeza-Yates and Gonnet, 1992): one look at each word of the text, however it and the
// phrases repeat themselves.
bool HoldsPhrases(Language language, const TextQuery& query, const Words& words) {
  if (query.phrases.empty()) return true;
  const PhrasePlaces places(query);
  Places reached, found;  // up to where a phrase stands before this word's end; ends that were
  for (size_t i = 0; i < words.size() && found != places.last(); ++i) {
    reached = ((reached << 1) | places.first()) & places.Of(language, words[i]);
    found |= reached & places.last();
  }
  return found == places.last();
}

}  // namespace cordon
