// K-means by FAISS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "engine/index/float_rows.h"

namespace cordon {

// Which of `lists` centroids, found by some rounds of k-means, is the nearest of each of the first
// `n` rows, of `size` numbers each, a multiple of kRowUnitFloats; n ≥ lists. On so many threads
// where there are many rows, with the priority of the calling thread; the same for any number.
// Nothing if `stop`, which the calling thread alone asks, said true and goes on saying so. Throws
// what FAISS throws.
std::optional<std::vector<int64_t>> NearestMeans(const FloatRows& rows, size_t n, size_t size,
                                                 size_t lists, const std::function<bool()>& stop,
                                                 size_t threads);

}  // namespace cordon
