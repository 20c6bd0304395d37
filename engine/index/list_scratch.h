// The memory of searches of lists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/limits.h"
#include "engine/index/list_search.h"
#include "engine/index/seen_rows.h"

namespace cordon {

// What a thread keeps between searches, so that none allocates.
struct ListSearch::Scratch {
  FloatRows rotated{2, limits::kDimensionMax};
  alignas(64) std::byte tables[sizeof(QueryTables)];
  SeenRows seen;
  std::vector<Scored> best;
  std::vector<Estimated> pending, fresh, room;
  std::vector<uint32_t> read;
  std::vector<const int8_t*> rows;
  std::vector<int32_t> sums;
  std::vector<NormedRow> floats;
  std::vector<double> scores;
  // Lists that were looked at and not read.
  struct Passed {
    Geometry::Scores scores;
    size_t permitted;
  };
  std::vector<Passed> passed;
  // Of the list that is being visited: the masks of the covered part, then of newer segments.
  std::vector<uint32_t> live;
  struct Newer {
    uint32_t segment;
    ListRange range;
    size_t masks;  // begin in newer_masks
  };
  std::vector<Newer> newer;
  std::vector<uint32_t> newer_masks;
  std::span<const uint32_t> base;
  ListRange base_range;
};

}  // namespace cordon
