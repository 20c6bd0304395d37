// What two servers are asked alike: the same questions about the same rows, by the same callers,
// one call at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/filtered_callers.h"
#include "bench/filtered_data.h"

namespace cordon::bench {

// Callers who may see as much.
struct AskedCell {
  double permitted = 0;
  std::vector<FilteredCaller> callers;
};

struct AskedWorld {
  VectorSet set;
  Classes classes;
  std::vector<AskedCell> cells;
  size_t k = 10;
};

inline std::vector<uint32_t> ClassesOf(const FilteredCaller& caller) {
  std::vector<uint32_t> classes;
  for (uint32_t c = 0; c < caller.allowed.classes.size(); ++c) {
    if (caller.allowed.classes.Test(c)) classes.push_back(c);
  }
  return classes;
}

class Asked {
 public:
  virtual ~Asked() = default;
  // The callers of this cell ask from now on.
  virtual void Enter(size_t cell) = 0;
  // The rows that the server answers a caller of the cell. Fail()s if it does not answer.
  virtual void Ask(size_t caller, const float* query, std::vector<uint32_t>* rows) = 0;
};

}  // namespace cordon::bench
