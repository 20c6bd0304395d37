// Finds how far searches must go for a recall (Calibration, geometry.h).
#pragma once

#include <functional>
#include <optional>

#include "engine/base/in_slices.h"
#include "engine/index/list_search.h"

namespace cordon {

// Searches for some rows as if they were queries, among all rows and random parts of them without
// the row itself, and compares with what a scan of all finds. Some of them, and of few rows all,
// are of the sample that centroids were found by: what was not there at the training has it a
// little harder, for which more is aimed at than is asked. Takes seconds to a minute of one thread;
// comes to the same on any number. No segment beyond the covered ones. Nothing if `stop` (may be
// empty), which the calling thread alone asks, and often, said true, and once it has, it goes on
// saying so.
std::optional<Calibration> Calibrate(const SearchedLists& searched, Metric metric, size_t dimension,
                                     const std::function<bool()>& stop,
                                     size_t threads = Processors());

// What a flat search of so many permitted rows does, as Calibration counts work.
double FlatWork(double rows, size_t dimension);

}  // namespace cordon
