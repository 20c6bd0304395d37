// A part of an index: rows grouped by security class, never changed once built.
//
// Rows lie in the order (class, document, ordinal), so a scan of the permitted classes touches
// contiguous memory and nothing else. Documents are numbered in the order of their ids, so within
// a segment numbers compare as ids do. A deletion marks rows in a small bitmap beside the shared
// rows; memory comes back when the segment is rewritten (compaction.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "engine/index/bitmap.h"
#include "engine/index/codes.h"
#include "engine/index/document_filter.h"
#include "engine/index/float_rows.h"

namespace cordon {

// 32 MiB of floats: small enough that a write which rewrites some (compaction.h has the bound) is
// done in milliseconds each, large enough that 1M rows of 768 dimensions are about 100 segments.
inline constexpr size_t kSegmentFloats = 8 << 20;

// No geometry has more lists, so that their numbers take 16 bits: 4√N (training.cc) of more rows
// than memory holds.
inline constexpr size_t kListsMax = 1 << 16;

// The lists that hold a row (geometry.h); they differ unless there is only one list.
struct ListPair {
  uint16_t first;
  uint16_t second;
};

class ListPart;
struct SegmentLists;

// The lists of a row that had some before, and whose part has its codes there (list_part.h).
struct KnownLists {
  ListPair pair;
  const ListPart* part = nullptr;  // borrowed; null: the codes are not known
  uint32_t id = 0;                 // of the row in `part`
};

// What a row is built from; everything is borrowed until the segment is built.
struct RowSource {
  std::string_view document;
  Micros valid_from = kAlways;  // the same for every row of a document
  Micros valid_until = kNever;
  uint32_t ordinal = 0;
  uint32_t class_id = 0;
  const float* embedding = nullptr;      // `dimension` finite floats
  std::optional<double> norm;            // Norm(embedding), if known
  uint32_t number = 0;                   // of the document (document_numbers.h)
  std::optional<KnownLists> lists = {};  // if known
  const int8_t* codes = nullptr;         // of the embedding, if known
  CodeScale code = {};                   // theirs
};

// Rows lie in the order of this key.
inline auto LayoutKey(const RowSource& row) {
  return std::tie(row.class_id, row.document, row.ordinal);
}

// The rows [begin, end) that have one class.
struct ClassRun {
  uint32_t class_id;
  uint32_t begin;
  uint32_t end;
};

// What a scan needs of a row beside its codes, on one cache line.
struct RowFacts {
  double norm;
  CodeScale code;
};

// An id that several segments are asked for.
struct HashedId {
  explicit HashedId(std::string_view wanted)
      : id(wanted), hash(std::hash<std::string_view>()(wanted)) {}

  std::string_view id;
  uint64_t hash;
};

// The shared, immutable rows. Thread-safe.
class SegmentRows {
 public:
  // Copies the rows, in any order. A document may lie in several segments; (document, ordinal)
  // twice, or an embedding that is not finite, is a defect of the caller and aborts.
  // `lists`, if not null, gets those of the sources by row.
  static std::shared_ptr<const SegmentRows> Build(
      size_t dimension, std::vector<RowSource> rows,
      std::vector<std::optional<KnownLists>>* lists = nullptr);
  // The same of rows in the order (class, document, ordinal), but takes `floats`, which hold their
  // embeddings in this order; those of `rows` are not looked at. `codes`, if given, are those of
  // `rows`, in this order too.
  static std::shared_ptr<const SegmentRows> BuildInPlace(size_t dimension, FloatRows floats,
                                                         std::vector<RowSource> rows,
                                                         std::optional<CodeRows> codes = {});

  uint32_t size() const { return static_cast<uint32_t>(facts_.size()); }
  const float* embedding(uint32_t row) const { return floats_.row(row); }
  const int8_t* codes(uint32_t row) const { return codes_.row(row); }
  double norm(uint32_t row) const { return facts_[row].norm; }
  std::span<const RowFacts> facts() const { return facts_; }
  uint32_t ordinal(uint32_t row) const { return keys_[row].ordinal; }
  uint32_t class_id(uint32_t row) const { return keys_[row].class_id; }
  // Sorted by class.
  std::span<const ClassRun> runs() const { return runs_; }

  uint32_t documents() const { return static_cast<uint32_t>(id_ends_.size()); }
  uint32_t document(uint32_t row) const { return keys_[row].document; }
  std::string_view id(uint32_t document) const {
    const uint32_t begin = document == 0 ? 0 : id_ends_[document - 1];
    return std::string_view(ids_.data() + begin, id_ends_[document] - begin);
  }
  // Its number in the whole collection (document_numbers.h), which `document` is not.
  uint32_t number(uint32_t document) const { return numbers_[document]; }
  // Its rows, by ordinal.
  std::span<const uint32_t> rows_of(uint32_t document) const;
  // The number of the document with this id, if it has rows here, dead or alive.
  std::optional<uint32_t> Find(const HashedId& wanted) const;
  std::optional<uint32_t> Find(std::string_view id) const { return Find(HashedId(id)); }

  // False if every document is valid forever.
  bool bounded() const { return !valid_.empty(); }
  bool ValidAt(uint32_t document, Micros now) const {
    return valid_.empty() || (valid_[document].from <= now && now < valid_[document].until);
  }
  Micros valid_from(uint32_t document) const {
    return valid_.empty() ? kAlways : valid_[document].from;
  }
  Micros valid_until(uint32_t document) const {
    return valid_.empty() ? kNever : valid_[document].until;
  }

  // When a document starts or ends, sorted by time.
  struct Event {
    Micros time;
    uint32_t document;
  };
  std::span<const Event> events() const { return events_; }

 private:
  struct Validity {
    Micros from;
    Micros until;
  };

  // What an answer needs of a row, on one cache line.
  struct Key {
    uint32_t document;
    uint32_t ordinal;
    uint32_t class_id;
  };

  using ListsOfRows = std::vector<std::optional<KnownLists>>;
  SegmentRows(size_t dimension, std::optional<FloatRows> floats, std::optional<CodeRows> codes,
              std::vector<RowSource> rows, ListsOfRows* lists);
  using Sources = std::span<const RowSource* const>;
  void AddDocuments(Sources by_document);
  void AddValidity(Sources by_document);
  void AddRows(size_t dimension, bool copy, Sources by_document, std::span<const uint32_t> order,
               ListsOfRows* lists);
  void AddFilter();
  void GiveBackRoom();

  FloatRows floats_;
  CodeRows codes_;               // of floats_
  std::vector<RowFacts> facts_;  // by row
  std::vector<Key> keys_;        // by row
  std::vector<ClassRun> runs_;

  std::string ids_;                      // one after the other
  std::vector<uint32_t> id_ends_;        // by document, into ids_
  std::vector<uint32_t> numbers_;        // by document
  std::vector<uint32_t> first_rows_;     // by document, into document_rows_; one more at the end;
                                         // empty if each document has one row
  std::vector<uint32_t> document_rows_;  // rows by (document, ordinal)
  std::vector<Validity> valid_;          // by document; empty if all are valid forever
  std::vector<Event> events_;
  Bitmap filter_;  // Bloom filter of the ids: most segments do not hold the id that is looked for
};

// Rows and which of them are dead. A value; copies share the rows.
class Segment {
 public:
  explicit Segment(std::shared_ptr<const SegmentRows> rows)
      : rows_(std::move(rows)),
        live_(rows_->size()),
        first_class_(rows_->runs().front().class_id),
        last_class_(rows_->runs().back().class_id) {}

  const SegmentRows& rows() const { return *rows_; }
  const std::shared_ptr<const SegmentRows>& shared_rows() const { return rows_; }
  size_t live() const { return live_; }
  // All classes are among these, so that a search passes by most segments without a look into them.
  uint32_t first_class() const { return first_class_; }
  uint32_t last_class() const { return last_class_; }
  bool Dead(uint32_t row) const { return dead_ != nullptr && dead_->Test(row); }

  // True if some row may be dead or outside of its document's validity.
  bool Sparse() const { return dead_ != nullptr || rows_->bounded(); }

  // True if row counts at `now`, its class aside; `filter` may be null.
  bool Counts(uint32_t row, Micros now, DocumentFilter* filter) const {
    const uint32_t document = rows_->document(row);
    return !Dead(row) && rows_->ValidAt(document, now) &&
           (filter == nullptr || filter->Admits(rows_->number(document)));
  }

  // What lists hold of it (list_part.h); null if there are none yet.
  const std::shared_ptr<const SegmentLists>& lists() const { return lists_; }
  // The same rows with these lists.
  Segment With(std::shared_ptr<const SegmentLists> lists) const {
    Segment result = *this;
    result.lists_ = std::move(lists);
    return result;
  }

  // A frozen segment is merged with no other: lists cover its rows, or are about to.
  bool frozen() const { return frozen_; }
  Segment Frozen(bool frozen) const {
    Segment result = *this;
    result.frozen_ = frozen;
    return result;
  }

  // How many changes have erased from it since it was written. If any, it is to be written anew,
  // since the erased rows are readable in it: by the change itself, or if it is frozen by upkeep.
  uint32_t erasures() const { return erasures_; }
  // The same after one more.
  Segment WithErasure() const {
    Segment result = *this;
    ++result.erasures_;
    return result;
  }

  // Calls visit(row) for each dead row.
  template <typename Visit>
  void ForEachDead(Visit visit) const {
    if (dead_ != nullptr) dead_->ForEach(visit);
  }

  // How many of the rows [begin, end) count at `now`, their class aside; `filter` may be null.
  uint64_t CountIn(uint32_t begin, uint32_t end, Micros now, DocumentFilter* filter) const;

  // The same rows with `dead` ones, of which there are dead.Count(). dead.size() is rows().size().
  Segment WithDead(Bitmap dead) const;
  // The dead rows, sized rows().size().
  Bitmap dead() const { return dead_ == nullptr ? Bitmap(rows_->size()) : *dead_; }

  // Appends the live rows by (document, ordinal), their lists too if those are of the geometry with
  // this revision; they borrow from the segment and its lists. Without a part of its own their
  // codes are not known, and `id` is the row.
  void AppendLive(uint64_t geometry, std::vector<RowSource>& out) const;

  // The earliest start or end of a live document after `after`; kNever if there is none.
  Micros NextEvent(Micros after) const;

 private:
  std::shared_ptr<const SegmentRows> rows_;
  std::shared_ptr<const Bitmap> dead_;  // null: none
  std::shared_ptr<const SegmentLists> lists_;
  bool frozen_ = false;
  uint32_t erasures_ = 0;
  size_t live_;
  uint32_t first_class_;
  uint32_t last_class_;
};

}  // namespace cordon
