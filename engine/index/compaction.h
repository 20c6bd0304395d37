// Which segments to merge: a log-structured merge tree (O'Neil et al. 1996), tiered.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace cordon {

// Segments of similar size are merged once there are this many: a row is copied about
// log4(rows of a full segment / rows of a batch) times in its life, 7 at worst for 768 dimensions.
inline constexpr size_t kMergeFanout = 4;

// A write merges at most this many full segments' worth of rows: the three and a new one of the
// highest tier, none of which is more than half full, and what cascades into them. Work beyond it,
// such as after the deletion of half of a collection, is left to later writes.
inline constexpr size_t kMergeSegmentsMax = 3;

// Groups the pieces, given by their live rows (none empty), such that at most kMergeFanout - 1
// groups are in one tier [4^t, 4^(t+1)) and not full (more than half of `rows_max`), unless the
// bound above is in the way. A group of one piece stays as it is; the others are to be merged.
std::vector<std::vector<size_t>> PlanMerges(std::span<const size_t> live_rows, size_t rows_max);

}  // namespace cordon
