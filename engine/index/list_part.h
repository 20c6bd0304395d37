// Rows by list: the codes of some segments' rows, those of a list one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/in_slices.h"
#include "engine/index/bit_codes.h"
#include "engine/index/bitmap.h"
#include "engine/index/geometry.h"
#include "engine/index/segment.h"

namespace cordon {

// The entries [begin, end) of a list. They share their first and last block with other lists.
struct ListRange {
  uint32_t begin = 0;
  uint32_t end = 0;

  uint32_t size() const { return end - begin; }
  size_t first_block() const { return begin / kBlockEntries; }
  // One beyond the last.
  size_t end_block() const { return size() == 0 ? first_block() : (end - 1) / kBlockEntries + 1; }
};

// A row as a part numbers it.
struct NumberedRow {
  uint32_t id;  // what a search is told of it
  const float* embedding;
  double norm;
  KnownLists lists;  // with a part of the same geometry, if any
};

// The same of a row whose codes were kept somewhere else (segment_file.h).
struct CodedRow {
  uint32_t id;
  ListPair pair;         // below the number of lists
  const uint8_t* codes;  // CodeBlocks::Take() of its first list, and of its second if that differs
};

// Immutable; thread-safe.
class ListPart {
 public:
  ListPart() = default;
  // On so many threads where there are many rows; the same for any number. Of no use if `stop` (may
  // be empty), which the calling thread alone asks, said true, which it then goes on saying.
  ListPart(const Geometry& geometry, std::span<const NumberedRow> rows,
           const std::function<bool()>& stop = {}, size_t threads = Processors());

  // With codes as they are given: no vector is looked at.
  ListPart(const Geometry& geometry, std::span<const CodedRow> rows);

  // The entries of several parts of one geometry; `number` gives a row of part i its id, or nothing
  // if it is left out. Of no use if `stop` (may be empty) said true, which it then goes on saying.
  using Number = std::function<std::optional<uint32_t>(size_t part, uint32_t id)>;
  static ListPart Merge(const Geometry& geometry, std::span<const ListPart* const> parts,
                        const Number& number, const std::function<bool()>& stop = {});

  const CodeBlocks& blocks() const { return blocks_; }
  ListRange Find(uint32_t list) const;
  // Where a list has the row with this id; nothing if it does not. Looks at all of the list.
  std::optional<size_t> EntryOf(uint32_t list, uint32_t id) const;

 private:
  void Code(const Geometry& geometry, const NumberedRow& row, const float* rotated, uint32_t list,
            size_t entry);
  // Makes room for rows in these lists; gives back where the next entry of each list goes.
  template <typename Rows, typename PairOf>
  std::vector<uint32_t> MakeRoom(const Geometry& geometry, const Rows& rows, PairOf pair_of);
  void SetBegins(std::span<const uint32_t> begins);

  Bitmap present_;                // lists that have entries; empty if begins_ has all
  std::vector<uint32_t> lists_;   // those that have entries, ascending; empty if all are in ends_
  std::vector<uint32_t> begins_;  // of each of them, or of all; one more at the end
  CodeBlocks blocks_;
};

// What lists hold of one segment; beside it, by reference.
struct SegmentLists {
  uint64_t geometry;                     // its revision
  std::vector<ListPair> pairs;           // by row
  std::shared_ptr<const ListPart> part;  // null once the rows are in Lists (lists.h)
};

}  // namespace cordon
