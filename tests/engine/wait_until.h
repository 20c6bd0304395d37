// Waiting for what an engine does by itself: upkeep, retention, receipts, files, re-embedding.
#pragma once

#include <chrono>
#include <thread>

namespace cordon {

// Whether `reached()` becomes true within a time, on a machine that may be busy with other tests.
template <typename Reached>
bool WaitUntil(Reached reached, std::chrono::milliseconds at_most = std::chrono::minutes(2)) {
  const auto end = std::chrono::steady_clock::now() + at_most;
  while (!reached()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace cordon
