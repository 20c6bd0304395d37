// Reading memory as fast as one thread can, and the clock to time it by.
#pragma once

#include <time.h>

#include <cstddef>
#include <cstdint>

#include "engine/base/check.h"

namespace cordon {

// The processor time of this thread: on a busy machine it leaves out what others took.
inline double Now() {
  timespec time;
  CORDON_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// The sum of integers: adding costs nothing beside reading.
#if defined(__x86_64__)
__attribute__((target_clones("avx2", "default")))
#endif
inline uint32_t
ReadSum(const uint32_t* words, size_t n) {
  uint32_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += words[i];
  return sum;
}

}  // namespace cordon
