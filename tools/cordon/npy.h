// NumPy's .npy files (NEP 1, format versions 1.0 to 3.0) of little-endian f2, f4 or f8 in C order.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace cordon {

// By so many bytes a file is known, and how long its header is.
inline constexpr size_t kNpyFirstBytes = 12;
bool IsNpy(std::string_view first);
// From the file's begin to its numbers; may be more than the file has.
StatusOr<size_t> NpyHeaderBytes(std::string_view first);

struct NpyHeader {
  size_t width;  // bytes of a number: 2, 4 or 8
  std::vector<size_t> shape;
};
// `header` is all that stands before the numbers.
StatusOr<NpyHeader> ParseNpyHeader(std::string_view header);

// The number at `index` of what follows the header, as fp32, finite or not.
float NpyNumber(std::string_view data, size_t width, size_t index);

// The one vector of a file of shape (d,) or (1, d). Refuses anything else, numbers that are not
// finite in fp32, and a file that is longer or shorter than its header says.
StatusOr<std::vector<float>> ParseNpy(std::string_view bytes);

}  // namespace cordon
