// Cordon's index of a set of vectors, as the benches of filtered search build it.
#pragma once

#include <fmt/format.h>
#include <time.h>

#include <cstddef>
#include <string>
#include <utility>

#include "bench/filtered_callers.h"
#include "bench/filtered_data.h"
#include "engine/index/upkeep.h"
#include "engine/index/vector_index.h"

namespace cordon {

// Of this thread: others may build beside it, and each search runs on one thread.
inline double Seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// The document of a row.
inline std::string IdOfRow(size_t row) { return fmt::format("{:08}", row); }

// Of all threads of this process: lists are made on several.
inline double SecondsOfAll() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Cordon's index of a set under some classes. Nothing else is at work beside it: what is told is
// processor time of all threads.
class OwnIndex {
 public:
  OwnIndex(const VectorSet& set, const Classes& classes) : index_(set.dimension, set.metric) {
    const double began = SecondsOfAll();
    VectorIndexBuilder builder(index_);
    for (size_t row = 0; row < set.rows; ++row) {
      DocumentChange change;
      const std::string id = IdOfRow(row);
      change.document = id;
      change.rows = {{0, classes.of_row[row], set.base.row(row)}};
      builder.Add(change);
    }
    index_ = builder.Finish();
    rows_s = SecondsOfAll() - began;
    if (NeededUpkeep(index_, false) == Upkeep::kNone) return;
    const VectorIndex frozen = index_.Frozen();
    index_ = frozen.With(MakeLists(frozen, Upkeep::kTrain, {}));
    lists_s = SecondsOfAll() - began - rows_s;
  }
  const VectorIndex& index() const { return index_; }
  double rows_s = 0;
  double lists_s = 0;

 private:
  VectorIndex index_;
};

}  // namespace cordon
