// Files of ann-benchmarks: vectors, queries, and by what they are near.
#pragma once

#include <string>

#include "bench/numpy.h"
#include "engine/base/status.h"
#include "engine/index/score.h"

namespace cordon {

struct AnnBenchmark {
  Matrix train;
  Matrix test;  // queries
  Metric metric = Metric::kCosine;
};

// The data sets `train` and `test` of a file, and its attribute `distance`: angular (cosine) or
// euclidean (L2). NOT_FOUND if the file is not there, or this was built without libhdf5;
// INVALID_ARGUMENT if it is another file, or of another distance.
StatusOr<AnnBenchmark> ReadAnnBenchmark(const std::string& path);

}  // namespace cordon
