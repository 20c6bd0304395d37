// The times of revocations, after each of which nobody may see what was taken away.
#pragma once

#include <chrono>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench/times.h"
#include "engine/base/check.h"

namespace cordon::bench {

// The i-th time grant(i), after which it must be seen; then revoke(i), which is timed, after which
// it must not be.
template <typename Grant, typename Sees, typename Revoke>
nlohmann::json Revoked(size_t times, Grant grant, Sees sees, Revoke revoke) {
  std::vector<double> us;
  size_t late = 0;
  for (size_t i = 0; i < times; ++i) {
    grant(i);
    CORDON_CHECK(sees(i));
    const auto start = std::chrono::steady_clock::now();
    revoke(i);
    us.push_back(MicrosSince(start));
    late += sees(i) ? 1 : 0;
  }
  return {{"times", times}, {"late", late}, {"p50_us", At(us, 0.5)}, {"p100_us", At(us, 1)}};
}

}  // namespace cordon::bench
