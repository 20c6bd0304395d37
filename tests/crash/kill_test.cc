// R1: kill -9 at any moment loses what was acknowledged, a backup included, halves a batch, or
// brings back what was revoked.
#include <gtest/gtest.h>

#include "tests/crash/backup_rounds.h"
#include "tests/crash/served_store.h"
#include "tests/effort.h"

namespace cordon {
namespace {

using std::chrono::microseconds;

// One of so many kills comes while a file of an index is written, for which a server must live for
// a second.
constexpr uint64_t kFiledKillEvery = 12;

TEST(Kill, LosesWhatWasAcknowledged) {
  Effort effort("R1", 100);
  Random random(effort.seed());
  ServedStore store(random.Next());
  BackupRounds backups(&store, random.Next());
  uint64_t pending = 0, starting = 0, writing = 0;
  while (!testing::Test::HasFailure() && effort.More()) {
    SCOPED_TRACE(testing::Message() << "round " << effort.rounds());
    backups.Begin(effort.rounds());
    {
      Load load(&store.stubs(), store.clients(), /*graceful=*/false);
      if (effort.rounds() % kFiledKillEvery == 0) {
        writing += store.AwaitIndexFile();
        std::this_thread::sleep_for(microseconds(random.Below(random.OneIn(2) ? 1000 : 30'000)));
      } else {
        std::this_thread::sleep_for(microseconds(1000 + random.Below(250'000)));
      }
      load.StopIsNear();
      backups.StopIsNear();
      store.server().Kill();
      load.Join();
      backups.Died();
      for (const auto& problem : load.problems()) ADD_FAILURE() << problem;
    }
    if (effort.rounds() % kFiledKillEvery == 0) store.CheckErased();
    for (const Client* client : store.clients()) pending += client->lane.pending.size();
    // Sometimes the next one is killed too, while it recovers.
    if (random.OneIn(4)) {
      ++starting;
      store.server().Begin();
      std::this_thread::sleep_for(microseconds(random.Below(120'000)));
      store.server().Kill();
    }
    store.RestartAndCheck();
    if (testing::Test::HasFailure()) break;
    backups.Restarted();
  }
  EXPECT_GT(pending, 0u) << "no kill came in mid-work";
  store.CheckErasedEverywhere();
  if (effort.rounds() >= 2 * kFiledKillEvery) {
    EXPECT_GT(writing, 0u) << "no kill came while a file of an index was written";
    EXPECT_GT(store.StartsFromFiles(), 0u) << "no start has read one";
    EXPECT_GT(store.erased(), 0u) << "nothing was erased";
  }
  if (effort.rounds() >= 2 * BackupRounds::kEvery) {
    EXPECT_GT(backups.broken_off(), 0u) << "no kill came while a backup was made";
    EXPECT_GT(backups.restored(), 0u) << "no backup was restored";
  }
  effort.Report(
      "changes={} pending_at_kill={} kills_at_start={} recovered_records={} kills_at_index_file={} "
      "starts_from_files={} erased={} backups={} backups_broken_off={} restored={}",
      store.revision(), pending, starting, store.recovered(), writing, store.StartsFromFiles(),
      store.erased(), backups.made(), backups.broken_off(), backups.restored());
}

}  // namespace
}  // namespace cordon
