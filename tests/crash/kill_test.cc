// R1: kill -9 at any moment loses what was acknowledged, halves a batch, or brings back what was
// revoked.
#include <gtest/gtest.h>

#include "tests/crash/served_store.h"
#include "tests/effort.h"

namespace cordon {
namespace {

using std::chrono::microseconds;

TEST(Kill, LosesWhatWasAcknowledged) {
  Effort effort("R1", 100);
  Random random(effort.seed());
  ServedStore store(random.Next());
  uint64_t pending = 0, starting = 0;
  while (!testing::Test::HasFailure() && effort.More()) {
    SCOPED_TRACE(testing::Message() << "round " << effort.rounds());
    {
      Load load(&store.stubs(), store.clients(), /*graceful=*/false);
      std::this_thread::sleep_for(microseconds(1000 + random.Below(250'000)));
      load.StopIsNear();
      store.server().Kill();
      load.Join();
      for (const auto& problem : load.problems()) ADD_FAILURE() << problem;
    }
    for (const Client* client : store.clients()) pending += client->lane.pending.size();
    // Sometimes the next one is killed too, while it recovers.
    if (random.OneIn(4)) {
      ++starting;
      store.server().Begin();
      std::this_thread::sleep_for(microseconds(random.Below(120'000)));
      store.server().Kill();
    }
    store.RestartAndCheck();
  }
  EXPECT_GT(pending, 0u) << "no kill came in mid-work";
  effort.Report("changes={} pending_at_kill={} kills_at_start={} recovered_records={}",
                store.revision(), pending, starting, store.recovered());
}

}  // namespace
}  // namespace cordon
