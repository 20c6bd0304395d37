// Files of vectors, as NumPy writes them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/base/status.h"

namespace cordon {

// Rows one after the other.
struct Matrix {
  size_t rows = 0;
  size_t columns = 0;
  std::vector<float> values;

  const float* row(size_t i) const { return values.data() + i * columns; }
};

// The bytes of a file, unpacked if gzip has packed it. NOT_FOUND if it is not there, DATA_LOSS if
// it cannot be read to its end.
StatusOr<std::string> ReadUnpacked(const std::string& path);

// A .npy of two dimensions in C order, of int8, half or single floats; packed or not.
// As ReadUnpacked(); INVALID_ARGUMENT if it is another file, or shorter than it says.
StatusOr<Matrix> ReadNumpy(const std::string& path);

}  // namespace cordon
