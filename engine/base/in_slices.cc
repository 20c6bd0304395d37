#include "engine/base/in_slices.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <future>
#include <system_error>
#include <thread>
#include <vector>

namespace cordon {
namespace {

// While others still work.
constexpr std::chrono::milliseconds kBetweenAsks{20};

}  // namespace

size_t Processors() { return std::max(1U, std::thread::hardware_concurrency()); }

bool InSlices(size_t n, size_t of_slice, size_t threads, const std::function<bool()>& stop,
              const SliceWork& work) {
  const size_t slices = n / of_slice + (n % of_slice == 0 ? 0 : 1);
  std::atomic<size_t> next = 0;
  std::atomic<bool> over = false;  // it was stopped, or a slice has failed
  std::exception_ptr failure;      // of whoever has set `over` by it
  const std::function<bool()> told = [&over] { return over.load(); };
  const std::function<bool()> ask = [&over, &stop] {
    if (stop && !over && stop()) over = true;
    return over.load();
  };
  const auto take_slices = [&](const std::function<bool()>& stopped) {
    try {
      while (!stopped()) {
        const size_t slice = next++;
        if (slice >= slices) return;
        work(slice * of_slice, std::min(n, (slice + 1) * of_slice), stopped);
      }
    } catch (...) {  // what fails once it is over does so because of that
      if (!over.exchange(true)) failure = std::current_exception();
    }
  };
  std::vector<std::future<void>> others;  // the end of each waits for it
  others.reserve(std::min(threads, slices));
  try {
    while (others.size() + 1 < std::min(threads, slices)) {
      others.push_back(std::async(std::launch::async, [&] { take_slices(told); }));
    }
  } catch (const std::system_error&) {
    // The system gives no more threads: those that there are do it.
  }
  take_slices(ask);
  for (const auto& other : others) {
    while (other.wait_for(kBetweenAsks) != std::future_status::ready) ask();
  }
  if (failure) std::rethrow_exception(failure);
  return !ask();
}

}  // namespace cordon
