// The vectors that filtered search is measured on: made ones, or files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/index/float_rows.h"
#include "engine/index/score.h"

namespace cordon {

struct VectorSet {
  std::string name;
  Metric metric = Metric::kCosine;
  size_t dimension = 0;
  size_t rows = 0;
  size_t queries = 0;
  FloatRows base;
  FloatRows held_out;  // queries, not among the rows
};

// `name`: synthetic, or a folder of `shared` (text-lsa384, mnist784, stackexchange-bge-base,
// bible-bge-large), or a file FILE.fvecs beside FILE.query.fvecs, or one of ann-benchmarks,
// FILE.hdf5. At most `rows_max` rows and `queries_max` queries. NOT_FOUND if it is not there, or
// nothing here reads such; other errors if it cannot be read.
StatusOr<VectorSet> LoadVectors(const std::string& name, const std::string& shared, size_t rows_max,
                                size_t queries_max, uint64_t seed);

}  // namespace cordon
