// A part of a lexical index: rows grouped by security class and the postings of their terms, never
// changed once built.
//
// Rows lie in the order (class, document's number, ordinal), and so do the postings of each term:
// what a caller may see are runs of both. A deletion marks rows in a bitmap beside the shared rows;
// memory comes back when the segment is rewritten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "engine/index/bitmap.h"
#include "engine/index/segment.h"
#include "engine/lexical/term_slots.h"
#include "engine/text/terms.h"

namespace cordon {

// Rows of a full segment: their numbers take two bytes of a posting, and a write that merges some
// segments of 100 terms a row takes a tenth of a second at most.
inline constexpr size_t kLexicalRowsMax = 32768;

// A row with more bytes of terms and postings counts as several, so that a segment is full at 128
// MiB of them. An ordinary one has 300 terms or so, which take 3 KiB.
inline constexpr size_t kLexicalRowBytes = 4096;

// As how many rows one with these terms counts, at least as one: its weight.
uint32_t WeightOf(const TermCounts& terms);

// What a row is built from.
struct LexicalSource {
  uint32_t document = 0;  // its number (document_numbers.h)
  uint32_t ordinal = 0;
  uint32_t class_id = 0;
  Micros valid_from = kAlways;  // the same for every row of a document
  Micros valid_until = kNever;
  const TermCounts* terms = nullptr;  // borrowed while the segment is built
};

// That a row has a term so often.
struct Posting {
  uint16_t row;
  uint16_t count;
};

// The rows of a segment that have a term, ascending, and bounds of what it can add to a score.
struct TermPostings {
  std::span<const Posting> postings;
  uint32_t count_max = 0;   // of the term in a row
  uint32_t length_min = 0;  // of a row that has it
};

// The shared, immutable rows. Thread-safe.
class LexicalRows {
 public:
  // The rows [begin, end) of one class, and how many words they have.
  struct Run {
    uint32_t class_id;
    uint32_t begin;
    uint32_t end;
    uint64_t words;
  };
  // A row whose document is valid only in [from, until).
  struct Bounded {
    uint32_t row;
    Micros from;
    Micros until;
  };

  // Rows in any order, at least one, whose weights are kLexicalRowsMax at most; or a single one.
  // More, or (document, ordinal) twice, is a defect and aborts.
  static std::shared_ptr<const LexicalRows> Build(std::vector<LexicalSource> sources);

  uint32_t size() const { return static_cast<uint32_t>(keys_.size()); }
  uint32_t document(uint32_t row) const { return keys_[row].document; }
  uint32_t ordinal(uint32_t row) const { return keys_[row].ordinal; }
  uint32_t class_id(uint32_t row) const { return keys_[row].class_id; }
  uint32_t length(uint32_t row) const { return lengths_[row]; }
  uint32_t weight(uint32_t row) const { return weights_[row]; }
  uint64_t weight() const { return weight_; }          // of all rows
  std::span<const Run> runs() const { return runs_; }  // by class
  std::span<const Bounded> bounded() const { return bounded_; }

  // Rows of a document, dead or alive.
  std::span<const uint32_t> rows_of(uint32_t document) const;

  // Nothing if no row has the term.
  std::optional<TermPostings> Find(std::string_view term, uint32_t hash) const;

  // Calls visit(text, hash, postings) for each term.
  template <typename Visit>
  void ForEachTerm(Visit visit) const {
    for (size_t term = 0; term < terms(); ++term) {
      visit(text(term), terms_[term].hash, postings(term).postings);
    }
  }

  size_t terms() const { return terms_.size() - 1; }
  size_t bytes() const;  // of memory, about

 private:
  friend class LexicalRowsBuilder;
  friend class LexicalRowsFile;

  struct Key {
    uint32_t document;
    uint32_t ordinal;
    uint32_t class_id;
  };
  struct Term {
    uint32_t hash;
    uint32_t text;      // where it begins in text_; the next one's is where it ends
    uint32_t postings;  // likewise in postings_
    uint16_t count_max;
    uint16_t length_min;  // or UINT16_MAX if it is more
  };

  std::string_view text(size_t term) const {
    return std::string_view(text_).substr(terms_[term].text,
                                          terms_[term + 1].text - terms_[term].text);
  }
  TermPostings postings(size_t term) const {
    const Term& entry = terms_[term];
    return {
        std::span(postings_).subspan(entry.postings, terms_[term + 1].postings - entry.postings),
        entry.count_max, entry.length_min};
  }

  // lengths_ as bounds have them: UINT16_MAX if they are more. One for each row that a posting can
  // name, whether it is there or not.
  std::vector<uint16_t> CutLengths() const;

  std::vector<Key> keys_;          // by row
  std::vector<uint32_t> lengths_;  // by row
  std::vector<uint32_t> weights_;  // by row
  uint64_t weight_ = 0;
  std::vector<Run> runs_;
  std::vector<Bounded> bounded_;     // by row
  std::vector<uint32_t> by_number_;  // rows by (document, ordinal)
  std::vector<Term> terms_;          // one more at the end
  TermSlots slots_;                  // of terms_
  std::string text_;                 // of the terms
  std::vector<Posting> postings_;
};

// Rows and which of them are dead. A value; copies share the rows.
class LexicalSegment {
 public:
  explicit LexicalSegment(std::shared_ptr<const LexicalRows> rows)
      : rows_(std::move(rows)), live_(rows_->size()), live_weight_(rows_->weight()) {}

  const LexicalRows& rows() const { return *rows_; }
  const std::shared_ptr<const LexicalRows>& shared_rows() const { return rows_; }
  size_t live() const { return live_; }
  // Of the live rows.
  size_t live_weight() const { return live_weight_; }
  bool Dead(uint32_t row) const { return dead_ != nullptr && dead_->Test(row); }
  // Null if no row is dead.
  const Bitmap* dead() const { return dead_.get(); }
  // The dead rows, sized rows().size().
  Bitmap CopyDead() const { return dead_ == nullptr ? Bitmap(rows_->size()) : *dead_; }

  // The same rows with `dead` ones.
  LexicalSegment WithDead(Bitmap dead) const;

 private:
  std::shared_ptr<const LexicalRows> rows_;
  std::shared_ptr<const Bitmap> dead_;  // null: none
  size_t live_;
  size_t live_weight_;
};

// A row of one of several segments, and what its document, class and times are to be.
struct SegmentRow {
  LexicalSource source;  // without terms
  uint32_t segment;      // its place among them
  uint32_t row;
};

// Rows of some segments, with their words, as segments that weigh `weight_max` at most, or have one
// row: as few and as equal as possible, parted by class. Each row at most once.
std::vector<LexicalSegment> GatherRows(std::span<const LexicalSegment> segments,
                                       std::vector<SegmentRow> rows, size_t weight_max);

// The same of all their live rows.
std::vector<LexicalSegment> MergeSegments(std::span<const LexicalSegment> segments,
                                          size_t weight_max);

}  // namespace cordon
