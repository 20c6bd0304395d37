// Damage that is undone by the same damage.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include "engine/base/check.h"

namespace cordon {

// Turns one bit of a file over.
inline void FlipBit(const std::string& path, uint64_t byte, int bit) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto at = static_cast<std::streamoff>(byte);
  file.seekg(at);
  const int was = file.get();
  file.seekp(at);
  file.put(static_cast<char>(was ^ 1 << bit));
  CORDON_CHECK(file.good());
}

}  // namespace cordon
