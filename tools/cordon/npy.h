// One vector from a NumPy .npy file (NEP 1, format versions 1.0 to 3.0).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace cordon {

// Reads little-endian f2, f4 or f8 of shape (d,) or (1, d) in C order, as fp32. Refuses anything
// else, numbers that are not finite in fp32, and a file that is longer or shorter than its header
// says.
StatusOr<std::vector<float>> ParseNpy(std::string_view bytes);

}  // namespace cordon
