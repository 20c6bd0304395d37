// What is replayed where there is no libFuzzer: the targets of one binary, whose headers are read
// once for all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace cordon {

struct FuzzTarget {
  std::string_view name;
  int (*run)(const uint8_t* data, size_t size);
  uint64_t rounds;  // mutations in CI
};

// Of a file that tests/fuzz/CMakeLists.txt writes for each binary.
std::span<const FuzzTarget> FuzzTargets();

}  // namespace cordon
