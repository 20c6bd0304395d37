// Makes a geometry from rows, by k-means on a sample (kmeans.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "engine/base/in_slices.h"
#include "engine/index/geometry.h"
#include "engine/index/list_part.h"
#include "engine/index/segment.h"

namespace cordon {

// A collection with fewer rows needs no lists: all of it is read in a fraction of a millisecond.
inline constexpr uint64_t kListedRowsMin = 4096;
// Below this a code of one bit a dimension says too little.
inline constexpr size_t kListedDimensionMin = 16;

// Trains on a sample of the live rows of `segments`; the same rows give the same geometry on one
// machine, on any number of threads. Takes seconds to minutes on one; the others have the priority
// of the calling one. Requires 64 live rows and kListedDimensionMin dimensions. No centroid is that
// of few rows (shared_means.h). The calibration is empty. Null if `stop`, which the calling thread
// alone asks, and often, said true, and once it has, it goes on saying so. Throws what FAISS
// throws.
std::shared_ptr<Geometry> Train(Metric metric, size_t dimension, uint64_t revision,
                                std::span<const Segment> segments,
                                const std::function<bool()>& stop, size_t threads = Processors());

// The lists of a segment's rows; what `known` has (by row; may be empty) is taken as it is. On so
// many threads where there are many rows; the same for any number. Null if `stop` (may be empty),
// which the calling thread alone asks, said true.
std::shared_ptr<const SegmentLists> AssignRows(const Geometry& geometry, const SegmentRows& rows,
                                               std::span<const std::optional<KnownLists>> known,
                                               const std::function<bool()>& stop = {},
                                               size_t threads = Processors());

// The same with a part of their own, which a segment beside the lists has; codes that `known` knows
// of are copied.
std::shared_ptr<const SegmentLists> ListAlone(const Geometry& geometry, const SegmentRows& rows,
                                              std::span<const std::optional<KnownLists>> known,
                                              const std::function<bool()>& stop = {},
                                              size_t threads = Processors());

}  // namespace cordon
