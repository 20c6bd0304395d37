// Whether what a pointer holds may be changed in place.
#pragma once

#include <atomic>
#include <memory>

namespace cordon {

// True if no other pointer holds it. Requires that nobody copies `held` meanwhile. A count of one
// can only have come down to it, by readers that are done: what they read comes before what is
// written now.
template <typename T>
bool OnlyHere(const std::shared_ptr<T>& held) {
#ifdef __SANITIZE_THREAD__  // which knows no fences: there everything is copied
  (void)held;
  return false;
#else
  if (held.use_count() != 1) return false;
  std::atomic_thread_fence(std::memory_order_acquire);
  return true;
#endif
}

}  // namespace cordon
