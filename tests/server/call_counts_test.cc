// A call that is not counted, counted under another's name, or lost between threads.
#include "engine/server/call_counts.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cordon/v1/admin.pb.h"
#include "cordon/v1/retrieval.pb.h"

namespace cordon {
namespace {

using std::chrono::microseconds;

TEST(Methods, TwoCallsShareAName) {
  std::set<std::string> names;
  for (const auto* method : AllMethods()) {
    EXPECT_TRUE(names.insert(method->name()).second) << method->full_name();
    EXPECT_EQ(AllMethods()[MethodOf(method->input_type())], method);
  }
  EXPECT_TRUE(names.contains("Retrieve") && names.contains("Ingest") && names.contains("Stats"));
}

TEST(Counts, ADurationFallsBesideItsPlace) {
  CallCounts counts;
  const size_t method = MethodOf(v1::RetrieveRequest::descriptor());
  uint64_t sum = 0;
  for (const microseconds bound : CallCounts::kUpTo) {
    for (const microseconds took : {bound - microseconds(1), bound, bound + microseconds(1)}) {
      counts.Add(method, StatusCode::kOk, took);
      sum += static_cast<uint64_t>(took.count());
    }
  }
  counts.Add(method, StatusCode::kOk, microseconds(-1));  // no clock does this
  const auto counted = counts.Of(method);
  EXPECT_EQ(counted.by_duration.front(), 3u);  // with the one below 0
  for (size_t i = 1; i + 1 < counted.by_duration.size(); ++i) {
    EXPECT_EQ(counted.by_duration[i], 3u) << i;
  }
  EXPECT_EQ(counted.by_duration.back(), 1u);
  EXPECT_EQ(static_cast<uint64_t>(counted.duration.count()), sum);
  const auto other = counts.Of(MethodOf(v1::StatsRequest::descriptor()));
  EXPECT_EQ(std::accumulate(other.by_duration.begin(), other.by_duration.end(), 0u), 0u);
}

TEST(Counts, CallsAreLostBetweenThreads) {
  CallCounts counts;
  constexpr int kThreads = 4, kCalls = 10'000;
  const size_t method = MethodOf(v1::RetrieveRequest::descriptor());
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kCalls; ++i) {
        const CountedCall call(&counts, method);
        const Status status = i % 2 == 0 ? OkStatus() : NotFound("document", "none");
        EXPECT_EQ(call.Ended(status).ok(), status.ok());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto counted = counts.Of(method);
  EXPECT_EQ(counted.by_code[0], 20'000u);
  EXPECT_EQ(counted.by_code[static_cast<size_t>(StatusCode::kNotFound)], 20'000u);
  EXPECT_EQ(std::accumulate(counted.by_duration.begin(), counted.by_duration.end(), uint64_t{0}),
            40'000u);
}

}  // namespace
}  // namespace cordon
