// An engine in the process of a benchmark: its calls waited for, and its rest.
#pragma once

#include <fmt/format.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/status.h"

namespace cordon::bench {

// Starts `call`, which takes where its answer goes; the answer. It may come on any thread, and what
// takes it lives as long as it has to, even where the caller has gone on.
template <typename Response, typename Call>
std::future<StatusOr<Response>> Start(Call call) {
  auto promise = std::make_shared<std::promise<StatusOr<Response>>>();
  auto answer = promise->get_future();
  call([promise](StatusOr<Response> result) { promise->set_value(std::move(result)); });
  return answer;
}

// The same, waited for; aborts if it failed.
template <typename Response, typename Call>
Response Done(Call call) {
  StatusOr<Response> result = Start<Response>(std::move(call)).get();
  if (!result.ok()) fmt::print(stderr, "{}\n", result.status().ToString());
  CORDON_CHECK(result.ok());
  return *std::move(result);
}

// Waits until this process does nothing by itself, such as training lists: less than 5 % of a
// processor for 7 s: some things begin five seconds after much was written. Aborts after 15
// minutes.
inline void AwaitRest() {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kRest{7000};
  constexpr double kUsed_s = 0.35;
  const auto used = [] {
    timespec time;
    CORDON_CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  };
  const auto start = Clock::now();
  auto since = start;
  double before = used();
  while (Clock::now() - since < kRest) {
    CORDON_CHECK(Clock::now() - start < std::chrono::minutes(15));
    std::this_thread::sleep_for(kRest / 28);
    if (used() - before <= kUsed_s) continue;
    since = Clock::now();
    before = used();
  }
  const std::chrono::duration<double> took = since - start;
  fmt::print(stderr, "at rest after {:.0f} s\n", took.count());
}

}  // namespace cordon::bench
