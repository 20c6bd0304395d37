// How far a random test goes, and the line that says so afterwards.
//
//   Effort effort("S1", 200'000);              // rounds in CI
//   Random random(effort.seed());
//   while (effort.More()) { … }                // one round
//   effort.Report("leaked={} missing={}", leaked, missing);
//
// CORDON_SEED=N repeats a run. CORDON_SOAK_S=N goes on for N seconds instead of the rounds of CI. A
// build with sanitizers, which is there to see other things, does a twentieth of the rounds.
// The line, which tests/soak/ collects: "SUMMARY S1 rounds=200000 seconds=41 seed=7 leaked=0 …".
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "tests/seed.h"

namespace cordon {

// A build that is there for what sanitizers see.
#ifdef CORDON_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

class Effort {
 public:
  // `test` is the id of QUALITY's table, such as "R1"; `rounds` is the figure of CI.
  Effort(std::string test, uint64_t rounds)
      : test_(std::move(test)),
        rounds_max_((rounds + kDivisor - 1) / kDivisor),
        soak_s_(FromEnvironment("CORDON_SOAK_S", 0)),
        seed_(TestSeed(test_)) {}

  uint64_t seed() const { return seed_; }
  uint64_t rounds() const { return rounds_; }

  // Counts a round that is to be done; false when it was enough.
  bool More() { return More(1); }
  // The same for `step` rounds at once.
  bool More(uint64_t step) {
    const bool more =
        soak_s_ > 0 ? Seconds() < static_cast<double>(soak_s_) : rounds_ < rounds_max_;
    if (more) rounds_ += step;
    return more;
  }

  // Counts rounds of a step of which it only shows afterwards how many they were.
  void Count(uint64_t rounds) { rounds_ += rounds; }

  // Prints the line; `format` and its arguments are the test's own "name=value" pairs.
  template <typename... Args>
  void Report(fmt::format_string<Args...> format, Args&&... args) const {
    fmt::print("SUMMARY {} rounds={} seconds={:.0f} seed={} {}\n", test_, rounds_, Seconds(), seed_,
               fmt::format(format, std::forward<Args>(args)...));
    std::fflush(stdout);
  }

 private:
  static constexpr uint64_t kDivisor = kSanitized ? 20 : 1;

  static uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
    const char* given = std::getenv(name);
    return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
  }
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  }

  const std::string test_;
  const uint64_t rounds_max_;
  const uint64_t soak_s_;
  const uint64_t seed_;
  uint64_t rounds_ = 0;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace cordon
