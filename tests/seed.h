// The seed of a random test: CORDON_SEED repeats a run, and otherwise each run has its own. It is
// printed, so that a failure can be repeated.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string_view>

namespace cordon {

// `test` is said before it, where a name tells more than GoogleTest's.
inline uint64_t TestSeed(std::string_view test = "") {
  const char* const given = std::getenv("CORDON_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << test << (test.empty() ? "" : ": ") << "CORDON_SEED=" << seed << std::endl;
  return seed;
}

}  // namespace cordon
