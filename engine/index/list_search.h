// The search of the lists near a query.
//
// Lists are visited by how high their rows may score: near ones and wide ones first. A list is
// passed over if it is unlikely to matter: with m permitted rows, whose scores are taken as normal
// around that of the list's centre, as wide as its rows lie, the expected number of rows above the
// k-th best so far is m · Q(z), and must be `least` · k (Calibration). The search ends where that
// fails for more rows than any list had. Where the query is far from all that the caller may see,
// hundreds of lists may have a little each: if more is left in all of them together than was at the
// calibration, the lists are gone through once more with a smaller `least`. In a visited
// list the 1-bit codes of permitted rows are read, and where the upper end of an estimate reaches
// the k-th best, the int8 codes (codes.h). The best of these, and some more, are scored by their
// floats in the end.
//
// Invariant: what is looked at depends on the permitted rows and the geometry alone. The floor is
// that of whole lists, never of rows within one; of equal bounds all are read or none; equal scores
// go by document and ordinal. So neither hidden rows beside them, nor the order of entries, nor the
// part in which a row lies, changes an answer.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "engine/base/status.h"
#include "engine/index/codes.h"
#include "engine/index/lists.h"
#include "engine/index/padded_query.h"
#include "engine/index/ranking.h"
#include "engine/index/scan.h"
#include "engine/index/search_options.h"

namespace cordon {

// What lists a search reads. Borrowed.
struct SearchedLists {
  const Lists& lists;
  std::span<const Segment> segments;  // the covered ones first
  RowNumbers numbers;
  const std::vector<uint32_t>* live;  // null: all

  // The segment of a row, in which it is numbers.row(id).
  const SegmentRows& RowsOf(uint32_t id) const { return segments[numbers.segment(id)].rows(); }
};

// For one search and one thread.
class ListSearch {
 public:
  // All arguments are borrowed but `depth`, whose `least` is above 0. `trace` may be null.
  ListSearch(const SearchedLists& searched, const PaddedQuery& query, const AllowedSet& allowed,
             CallerMasks& masks, size_t k, const Calibration::Depth& depth, SearchTrace* trace);

  // Finds about the best; DEADLINE_EXCEEDED when `stop` (may be empty) says true, which is asked
  // for each list.
  Status Run(const std::function<bool()>& stop);

  // How many answers are expected in the lists that Run() has not read, of lists that it has not
  // come to as if each had as many permitted rows as any had; in parts of k.
  double Left() const { return left_; }

  // What was found: min(k, permitted) rows by descending Score(), equal ones by document id, then
  // ordinal. Ends the search.
  std::vector<Hit> Finish();
  // The same as numbers of rows.
  std::vector<uint32_t> FinishRows();

 private:
  // Of a row that was read in int8.
  struct Scored {
    double score;
    uint32_t id;
  };
  struct Scratch;
  static Scratch& ScratchOfThread();

  Status Look(const std::function<bool()>& stop);
  void CountLeft(std::span<const ListOrder::Near> lists, size_t beyond);
  void Visit(const ListOrder::Near& near, const ListOrder::Near* next);
  bool full() const { return floor_ > -std::numeric_limits<double>::infinity(); }
  Geometry::Scores ScoresIn(const ListOrder::Near& near) const;
  Geometry::Scores ScoresFrom(const ListOrder::Near& near) const;
  float LogTail(const Geometry::Scores& scores) const;
  bool Expects(const Geometry::Scores& scores, size_t permitted) const;
  double Expected(const Geometry::Scores& scores, size_t permitted) const;
  size_t MaskBase(uint32_t list);
  uint32_t Admitted(size_t begin, uint32_t mask) const;
  size_t MaskNew(uint32_t list);
  void Scan(const ListOrder::Near& near, const ListOrder::Near* next);
  void TakeAll();
  void Fetch(std::span<const Estimated> rows) const;
  void Rerank(std::vector<Estimated>* pending);
  bool Score(std::span<const Estimated> batch);
  void RaiseFloor();
  void SortBest();
  bool Better(const Scored& a, const Scored& b) const;

  const SearchedLists& searched_;
  const Geometry& geometry_;
  const PaddedQuery& query_;
  const AllowedSet& allowed_;
  CallerMasks& masks_;
  const size_t k_;
  const size_t kept_;  // of which the floats choose the k best
  const float left_max_;
  float log_least_;
  SearchTrace& trace_;
  SearchTrace own_trace_;
  Scratch& scratch_;
  const QueryCodes codes_;
  QueryTables* tables_ = nullptr;
  double floor_;  // the k-th best score so far; minus infinity before there are k
  double kept_floor_ = -std::numeric_limits<double>::infinity();  // the same of kept_
  float reach_ = 0;                                               // of the query (geometry.h)
  size_t most_ = 0;  // permitted rows of any list that was looked at
  double left_ = 0;  // see Left()
};

}  // namespace cordon
