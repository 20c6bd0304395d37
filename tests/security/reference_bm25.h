// Lexical ranking as the plain words of engine/text/terms.h and engine/lexical/bm25.h say it, to be
// read beside them; it shares no code with them. ASCII texts in no language; every question reads
// all rows.
#pragma once

#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace reference {

using Counts = std::map<std::string, double>;  // by term, in the order of bytes

struct Word {
  std::string text;
  size_t begin, end;  // in the text
};

inline bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Letters, digits and underscores; a point between two letters or two digits. Lower case.
inline std::vector<Word> WordsOf(const std::string& text) {
  const auto in_word = [&](size_t i) {
    if (i >= text.size()) return false;
    if (IsLetter(text[i]) || IsDigit(text[i]) || text[i] == '_') return true;
    if (text[i] != '.' || i == 0 || i + 1 == text.size()) return false;
    return (IsLetter(text[i - 1]) && IsLetter(text[i + 1])) ||
           (IsDigit(text[i - 1]) && IsDigit(text[i + 1]));
  };
  std::vector<Word> words;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!in_word(i)) continue;
    Word word{"", i, i};
    bool holds = false;
    for (; in_word(word.end); ++word.end) {
      const char c = text[word.end];
      holds = holds || IsLetter(c) || IsDigit(c);
      word.text += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    i = word.end;
    if (holds) words.push_back(word);
  }
  return words;
}

// The terms of a text: its words, the parts of words with points or underscores that are not
// numbers, and chains of words with one character, or two brackets, between them.
inline Counts TermsOf(const std::string& text) {
  Counts counts;
  const std::vector<Word> words = WordsOf(text);
  std::string chain;
  size_t chained = 0;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i].text;
    counts[word] += 1;
    bool number = true, ends = false;
    for (const char c : word) {
      number = number && (IsDigit(c) || c == '.');
      ends = ends || c == '.' || c == '_';
    }
    std::string part;
    for (size_t c = 0; c <= word.size() && ends && !number; ++c) {
      if (c < word.size() && word[c] != '.' && word[c] != '_') {
        part += word[c];
      } else if (!part.empty()) {
        counts[part] += 1;
        part.clear();
      }
    }
    chain += word;
    ++chained;
    const std::string between =
        i + 1 < words.size() ? text.substr(words[i].end, words[i + 1].begin - words[i].end) : "";
    const bool one =
        between.size() == 1 && std::string("-./:+#~=&\\(").find(between[0]) != std::string::npos;
    if (one || between == ")(") {
      chain += between;
      continue;
    }
    if (chained > 1 && chain.size() <= 128) counts[chain] += 1;
    chain.clear();
    chained = 0;
  }
  return counts;
}

// What a question asks for.
struct Asked {
  Counts terms;
  std::vector<std::vector<std::string>> phrases;
};

inline Asked AskedBy(const std::string& text) {
  Asked asked;
  std::string piece;
  bool quoted = false;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != '"') {
      piece += text[i];
      continue;
    }
    for (const auto& [term, count] : TermsOf(piece)) asked.terms[term] += count;
    std::vector<std::string> phrase;
    for (const Word& word : WordsOf(piece)) phrase.push_back(word.text);
    if (quoted && i < text.size() && !phrase.empty()) asked.phrases.push_back(phrase);
    quoted = !quoted;
    piece.clear();
  }
  return asked;
}

inline bool Holds(const std::vector<Word>& words, const std::vector<std::string>& phrase) {
  for (size_t at = 0; at + phrase.size() <= words.size(); ++at) {
    bool same = true;
    for (size_t i = 0; i < phrase.size(); ++i) same = same && words[at + i].text == phrase[i];
    if (same) return true;
  }
  return false;
}

// The score of each text among all of them; none for one without a word that is asked for, or
// without a phrase. `k1` and `b` as everywhere.
inline std::vector<std::optional<double>> Bm25(const std::vector<std::string>& texts,
                                               const std::string& question, double k1 = 1.2,
                                               double b = 0.75) {
  const Asked asked = AskedBy(question);
  std::vector<Counts> rows;
  std::vector<std::vector<Word>> words;
  double all_words = 0;
  Counts df;
  for (const std::string& text : texts) {
    rows.push_back(TermsOf(text));
    words.push_back(WordsOf(text));
    all_words += static_cast<double>(words.back().size());
    for (const auto& [term, count] : rows.back()) df[term] += 1;
  }
  const auto n = static_cast<double>(texts.size());
  std::vector<std::optional<double>> scores;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::optional<double> score;
    for (const auto& [term, times] : asked.terms) {
      const auto found = rows[i].find(term);
      if (found == rows[i].end()) continue;
      const double idf = std::log(1 + (n - df[term] + 0.5) / (df[term] + 0.5));
      const double norm =
          k1 * (1 - b + b * (static_cast<double>(words[i].size()) / (all_words / n)));
      const double weight = times * idf * (k1 + 1);
      score = score.value_or(0) + weight * found->second / (found->second + norm);
    }
    for (const auto& phrase : asked.phrases) {
      if (!Holds(words[i], phrase)) score.reset();
    }
    scores.push_back(score);
  }
  return scores;
}

}  // namespace reference
