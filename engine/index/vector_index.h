// Vector search over permitted rows only.
//
// A VectorIndex is an immutable value: a list of segments (segment.h), and lists over the bulk of
// them (lists.h) once there are enough rows (upkeep.h). Apply() makes the next version and shares
// with this one every segment that it does not merge, so a pinned version costs nothing and never
// changes. An exact answer is a function of the permitted rows alone, whatever the history, the
// segments, the instruction set or the rows that the caller may not see; a fast one of the
// permitted rows and the geometry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/status.h"
#include "engine/index/bitmap.h"
#include "engine/index/deaths.h"
#include "engine/index/float_rows.h"
#include "engine/index/lists.h"
#include "engine/index/padded_query.h"
#include "engine/index/ranking.h"
#include "engine/index/scan.h"
#include "engine/index/score.h"
#include "engine/index/search_options.h"
#include "engine/index/segment.h"

namespace cordon {

// One row of a change, borrowed during Apply() or Add().
struct NewRow {
  uint32_t ordinal = 0;
  uint32_t class_id = 0;
  const float* embedding = nullptr;  // `dimension` finite floats, any alignment; null in kReclass
};

// What happens to one document. Borrowed during Apply() or Add().
struct DocumentChange {
  enum class Kind : uint8_t {
    kReplace,  // `rows` are all the rows of the document from now on
    kReclass,  // the rows named by ordinal keep their vectors and take the class; unnamed ones go
    kRemove,   // the document goes; nothing happens if there is none
    kErase,    // the same, and nothing of it stays in memory once older versions are gone; what
               // lists cover goes with the next upkeep (upkeep.h), which this makes necessary
    kSweep,    // of no document: no row that is dead now stays in memory, as of kErase
  };
  std::string_view document;
  Kind kind = Kind::kReplace;
  // False: the caller knows that the index has no such document, and its look-up is skipped.
  bool may_exist = true;
  Micros valid_from = kAlways;  // [valid_from, valid_until); not used by kRemove and kErase
  Micros valid_until = kNever;
  std::vector<NewRow> rows;  // ordinals differ
  uint32_t number = 0;       // of the document, for filters (document_numbers.h)
};

// Lists that were made of a frozen index (upkeep.h).
struct MadeLists {
  std::shared_ptr<const Lists> lists;  // null: they could not be made
  std::vector<Segment> from;           // the frozen segments
  std::vector<Segment> to;             // what the lists cover: the same rows, some written anew
  uint64_t trained = 0;  // of the frozen index's changed(), how many the geometry was trained on
  uint64_t changed = 0;  // how many had changed since the training before the index was loaded
  std::vector<Segment> listed = {};  // segments written since, with lists under a new geometry
  LiveEntries live = {};             // of the lists, as far as the frozen index knows
};

// One of several questions by the same caller. Borrowed during SearchMany().
struct VectorQuestion {
  std::span<const float> vector;
  size_t k = 10;
  bool scored = false;  // as SearchOptions has it
};

// What Search() finds for one of them.
struct VectorAnswer {
  std::vector<Hit> hits;
  SearchTrace trace;  // where a scan was shared, scan_us is that of the whole scan
};

// See the top. Cheap to copy; every const call is thread-safe. A search uses one thread; searches
// on several share what they read, and wait for each other at the look-up of masks at most.
class VectorIndex {
 public:
  // An empty index. Requires 1 ≤ dimension ≤ limits::kDimensionMax. `segment_floats` is the size
  // of a full segment; only tests choose another.
  VectorIndex(size_t dimension, Metric metric, size_t segment_floats = kSegmentFloats);

  // The version after `changes`, in this order. Copies the new rows and at most
  // kMergeSegmentsMax + 1 full segments of old ones (compaction.h). Aborts on what only a defect
  // of the caller can cause: a kReclass of an ordinal that is not there, an ordinal given twice,
  // an embedding that is not finite.
  VectorIndex Apply(std::span<const DocumentChange> changes) const;

  // min(k, permitted) rows for `query`. Exact: the best by descending Score(), then ascending
  // document id (bytewise), then ascending ordinal. Fast: about the best, in the order of what
  // their codes say; some of the best may be missing, as many as `recall` allows on average. A
  // hit's score is a range in which it lies (Hit). Reads the codes and vectors of permitted rows
  // only.
  // INVALID_ARGUMENT: `query` is not `dimension` finite floats, or k is 0. DEADLINE_EXCEEDED:
  // `stop` said true, which is asked often; there is no partial answer. `trace` may be null.
  StatusOr<std::vector<Hit>> Search(const AllowedSet& allowed, std::span<const float> query,
                                    const SearchOptions& options,
                                    SearchTrace* trace = nullptr) const;

  // For each question what Search() would find with its k, which replaces that of `options`: all
  // questions that need a scan share it, so that permitted rows are read from memory once for many.
  // The others are searched one by one. Errors as of Search(), and then there is no answer at all.
  StatusOr<std::vector<VectorAnswer>> SearchMany(const AllowedSet& allowed,
                                                 std::span<const VectorQuestion> questions,
                                                 const SearchOptions& options) const;

  // How many rows are permitted, whatever that takes.
  uint64_t CountAllowed(const AllowedSet& allowed) const;

  // How many rows there are.
  uint64_t rows() const;

  // When the next document starts or ends, strictly after `after`; kNever if none does.
  Micros NextEvent(Micros after) const;

  size_t dimension() const { return dimension_; }
  Metric metric() const { return metric_; }
  // The frozen ones first, else in no particular order; borrowed.
  std::span<const Segment> segments() const { return *segments_; }
  // What tells that they are still the same ones.
  std::weak_ptr<const void> same_segments() const { return segments_; }
  RowNumbers numbers() const { return RowNumbers(segment_rows_max_); }
  // Rows of a full segment.
  size_t RowsMax() const { return segment_rows_max_; }

  // Null while there are none.
  const std::shared_ptr<const Lists>& lists() const { return lists_; }
  // Vectors that came or changed since the geometry was trained; rows beside the lists.
  uint64_t changed() const { return changed_; }
  uint64_t unlisted() const;

  // The same with all segments frozen (upkeep.h), or only those that lists cover; then what was
  // erased from the others meanwhile is gone.
  VectorIndex Frozen() const;
  VectorIndex Thawed() const;
  // The same with lists that were made of an earlier version, frozen and not thawed since. Requires
  // made.lists.
  VectorIndex With(const MadeLists& made) const;
  // How many rows With() would have to find lists for, in some 50 µs each.
  uint64_t RowsToList(const MadeLists& made) const;

  // Appends segments of `rows`, as few and as equal as possible, parted by class: the longer the
  // runs of a class are, the faster they are read. They are in lists of `geometry` unless that is
  // null. Fewer if `stop` (may be empty) said true.
  void AppendSegments(std::vector<RowSource> rows, const Geometry* geometry,
                      const std::function<bool()>& stop, std::vector<Segment>& segments) const;

 private:
  friend class VectorIndexBuilder;

  size_t Covered() const { return lists_ == nullptr ? 0 : lists_->segments(); }
  // The next version; `killed`: of the rows that lists cover.
  VectorIndex Next(std::vector<Segment> segments, std::vector<uint32_t> killed = {}) const;
  Segment Listed(Segment segment, std::span<const std::optional<KnownLists>> known) const;
  StatusOr<double> NormOf(std::span<const float> query, size_t k) const;
  StatusOr<std::optional<std::vector<Hit>>> SearchLists(const PaddedQuery& query,
                                                        const AllowedSet& allowed,
                                                        const SearchOptions& options,
                                                        SearchTrace* trace) const;
  StatusOr<std::vector<Hit>> SearchAll(const PaddedQuery& query, const AllowedSet& allowed,
                                       const SearchOptions& options, SearchTrace* trace) const;
  StatusOr<uint64_t> CountCovered(const AllowedSet& allowed, CallerMasks& masks,
                                  const std::function<bool()>& stop) const;
  StatusOr<Calibration::Depth> DepthFor(const AllowedSet& allowed, const SearchOptions& options,
                                        CallerMasks& masks, SearchTrace* trace) const;
  StatusOr<bool> MayUseLists(const AllowedSet& allowed, const PaddedQuery& query,
                             const SearchOptions& options) const;

  size_t dimension_;
  Metric metric_;
  size_t segment_rows_max_;
  std::shared_ptr<const std::vector<Segment>> segments_;
  std::shared_ptr<const Lists> lists_;  // of the first segments
  LiveEntries live_;                    // of lists_
  uint64_t changed_ = 0;
  Deaths deaths_;         // of rows that lists_ cover
  uint64_t version_ = 0;  // no two indexes have the same, unless they are equal
};

// Fills full segments directly, without merges: for a start from the store. They are parted by
// class, so that the rows of a class lie together across the whole index. Holds the vectors once,
// and one segment more. For one thread.
class VectorIndexBuilder {
 public:
  explicit VectorIndexBuilder(const VectorIndex& empty);

  // Adds a document: `change` is a kReplace, and its document was not added before. Copies.
  void Add(const DocumentChange& change);

  // Adds a segment that was made elsewhere, of rows that are not added otherwise.
  void AddSegment(Segment segment) { ready_.push_back(std::move(segment)); }

  // The index of all that was added. Ends the builder.
  VectorIndex Finish();

 private:
  void Seal();
  // Row i of parts_ becomes what was row from[i].
  void Arrange(std::vector<size_t> from);

  VectorIndex index_;
  std::vector<Segment> ready_;
  std::vector<float> floats_;       // the vectors that are not in parts_ yet
  std::vector<FloatRows> parts_;    // full segments, the last one aside; in the order of sources_
  std::vector<RowSource> sources_;  // without embeddings; borrow from ids_
  std::deque<std::string> ids_;
};

}  // namespace cordon
