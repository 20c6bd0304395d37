// Text → words, for embedding and lexical search: both must see the same words everywhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cordon {

// The words of a text. Movable; the views that operator[] returns live as long as the object stays
// where it is.
class Words {
 public:
  size_t size() const { return spans_.size(); }
  std::string_view operator[](size_t i) const {
    return std::string_view(folded_).substr(spans_[i].begin, spans_[i].size);
  }

  // The text as it was folded, and where in it word i begins and ends.
  std::string_view folded() const { return folded_; }
  size_t begin(size_t i) const { return spans_[i].begin; }
  size_t end(size_t i) const { return spans_[i].begin + spans_[i].size; }

 private:
  friend Words Tokenise(std::string_view text);
  friend class WordCutter;

  struct Span {
    uint32_t begin;
    uint32_t size;
  };
  std::string folded_;
  std::vector<Span> spans_;
};

// The words of `text` in order: folded by NFKC_Casefold (Unicode 3.13, so "Straße", "STRASSE" and
// full-width letters agree), cut at word boundaries (UAX #29), of which only those that hold a
// letter or digit remain. An identifier such as pg_dump or a number such as 3.14 is one word. Text
// that is no UTF-8 gives U+FFFD. A pure function for one version of ICU; thread-safe.
Words Tokenise(std::string_view text);

}  // namespace cordon
