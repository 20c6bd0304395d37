// Lexical search over permitted rows only.
//
// A LexicalIndex is an immutable value: a list of segments (segment.h). Apply() makes the next
// version and shares with this one every segment that it does not merge. Scores, and what is found,
// are exactly those of an index that holds nothing but the permitted rows, whatever the history.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/lexical/bm25.h"
#include "engine/lexical/search.h"
#include "engine/lexical/segment.h"

namespace cordon {

// What happens to one document. Borrowed during Apply().
struct LexicalChange {
  enum class Kind : uint8_t {
    kReplace,  // `rows` are all the rows of the document from now on
    kReclass,  // the rows named by ordinal keep their words and take the class; unnamed ones go. To
               // find the words costs a look at all those of each segment that has such rows
    kRemove,   // the document goes
    kErase,    // the same, and no word of it stays in memory once older versions are gone
    kSweep,    // of no document: no word of a row that is dead now stays in memory
  };
  struct Row {
    uint32_t ordinal = 0;
    uint32_t class_id = 0;
    const TermCounts* terms = nullptr;  // of kReplace
  };
  uint32_t document = 0;  // its number
  Kind kind = Kind::kReplace;
  // False: the caller knows that the index has no such document.
  bool may_exist = true;
  // Of kErase: it was there under another number before, so that its words may be in any dead row.
  bool renumbered = false;
  Micros valid_from = kAlways;
  Micros valid_until = kNever;
  std::vector<Row> rows;  // by ordinal; they differ
};

// See the top. Cheap to copy; every const call is thread-safe.
class LexicalIndex {
 public:
  // An empty index. Only tests choose another `weight_max`: of a full segment, in ordinary rows.
  explicit LexicalIndex(Language language, Bm25 parameters = {},
                        size_t weight_max = kLexicalRowsMax);

  Language language() const { return language_; }

  // The version after `changes`, in this order. Aborts on what only a defect of the caller can
  // cause: a kReclass of a row that is not there.
  LexicalIndex Apply(std::span<const LexicalChange> changes) const;

  // LexicalSearch::Run() over this version. `documents` are of the same version.
  StatusOr<LexicalSearch::Result> Search(const AllowedSet& allowed,
                                         const DocumentNumbers& documents, TextQuery query,
                                         size_t k, const std::function<bool()>& stop) const;

  // In no particular order, none empty; borrowed.
  std::span<const LexicalSegment> segments() const { return *segments_; }
  // What tells that they are still the same ones.
  std::weak_ptr<const void> same_segments() const { return segments_; }
  // How many rows there are, and how much memory they take, about.
  uint64_t rows() const;
  uint64_t bytes() const;

 private:
  friend class LexicalIndexBuilder;

  Language language_;
  Bm25 parameters_;
  size_t weight_max_;
  std::shared_ptr<const std::vector<LexicalSegment>> segments_;
};

// Fills segments directly, for a start from the store: texts are read on the caller's thread and
// taken apart on others. For one thread.
class LexicalIndexBuilder {
 public:
  explicit LexicalIndexBuilder(const LexicalIndex& empty) : index_(empty) {}

  // Adds a row of a document with this number.
  struct Row {
    uint32_t document = 0;
    uint32_t ordinal = 0;
    uint32_t class_id = 0;
    Micros valid_from = kAlways;
    Micros valid_until = kNever;
    std::string text;
  };
  void Add(Row row);
  // Adds a segment that was made elsewhere, of rows that are not added otherwise.
  void AddSegment(LexicalSegment segment) { segments_.push_back(std::move(segment)); }

  // The index of all that was added. Ends the builder.
  LexicalIndex Finish();

 private:
  using Sealed = std::future<std::vector<LexicalSegment>>;

  void Seal();
  void Take(Sealed sealed);

  LexicalIndex index_;
  std::vector<Row> rows_;  // not sealed yet
  size_t text_bytes_ = 0;  // of them
  std::vector<Sealed> sealing_;
  std::vector<LexicalSegment> segments_;
};

}  // namespace cordon
