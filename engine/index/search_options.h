// What a search is asked, and what it tells of itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace cordon {

enum class SearchMode : uint8_t {
  kFast,   // about the best, as many of them as the recall says on average
  kExact,  // the best
};

// How a search goes about it. Both read permitted rows only.
enum class SearchPlan : uint8_t {
  kAuto,   // by the number of permitted rows; the others are for tests and benches
  kFlat,   // all permitted rows: exact
  kLists,  // those of the lists near the query; flat where there are no lists
};

inline constexpr double kRecallDefault = 0.95;

struct SearchOptions {
  size_t k = 10;
  SearchMode mode = SearchMode::kExact;
  double recall = kRecallDefault;   // of kFast: the part of the best k that is found, on average
  std::function<bool()> stop = {};  // may be empty; true ends the search
  SearchPlan plan = SearchPlan::kAuto;
  bool scored = false;  // each hit has its score, not only its place
  float least = 0;      // of the calibration (geometry.h), for benches; 0: what it says
};

// Counts are of permitted rows. Times are of this search, in microseconds; of a scan that several
// searches share, of the whole scan.
struct SearchTrace {
  SearchPlan plan = SearchPlan::kFlat;
  uint64_t lists_seen = 0;
  uint64_t lists_scanned = 0;
  uint64_t rows_scanned = 0;   // by 1-bit codes
  uint64_t rows_reranked = 0;  // by int8 codes
  double prepare_us = 0;
  double order_us = 0;
  double scan_us = 0;
  double finish_us = 0;
  uint64_t geometry = 0;
  uint64_t rows_permitted = 0;  // as counted to choose the plan; 0: they were not
};

}  // namespace cordon
