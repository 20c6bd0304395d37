// R2 and R3 of backup, restore and upgrade: a process that makes one dies, or the power goes off,
// at each place where half of it could be taken for all. Fears: that the store which is backed up
// loses something, that half a backup is offered or restored, that half a restored store is served
// or cannot be restored again, and that something erased or revoked comes back.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <functional>

#include "engine/base/random.h"
#include "tests/crash/backup_world.h"
#include "tests/effort.h"

namespace cordon {
namespace {

using Names = std::vector<std::string>;

const Names kOfBackup = {
    "backup_own_dir.mkdir.after",  "backup_table_tmp.write.half", "backup_table_tmp.sync.before",
    "backup_table.rename.after",   "backup_manifest.write.half",  "backup_current.sync.before",
    "backup_list_tmp.write.half",  "backup_list.rename.before",   "backup_list.rename.after",
    "backup_meta_dir.sync.before", "backup_list.unlink.before",   "backup_list.unlink.after",
};
// Of the first one, whose directory is made.
const Names kOfFirst = {"backup_all_dir.mkdir.after", "backup_meta_dir.mkdir.before",
                        "backup_list.rename.before"};
const Names kOfRestore = {
    "new_table.write.half",       "new_data_dir.mkdir.after", "new_current.rename.before",
    "new_current.rename.after",   "new_wal.write.half",       "new_wal.sync.before",
    "journal.write.half",         "journal.write.after",      "journal.sync.after",
    "new_FORMAT_tmp.write.half",  "new_FORMAT.rename.after",  "new_store_dir.rename.before",
    "new_store_dir.rename.after", "keys_tmp.write.half",      "keys.rename.after",
    "keys_tmp.overwrite.before",
};
const Names kOfUpgrade = {
    "FORMAT_tmp.create.after",
    "FORMAT_tmp.write.half",
    "FORMAT_tmp.sync.before",
    "FORMAT.rename.before",
    "FORMAT.rename.after",
    "data_dir.sync.before",
    "step.half",
    "FORMAT_tmp.overwrite.before",
    "FORMAT_tmp.unlink.before",
};

class BackupCrash : public BackupWorld {
 protected:
  // How often the script comes to each place; it must come to these.
  Counts CountsOf(const std::string& script, const Names& places) {
    Begin();
    EXPECT_EQ(RunUntil({script, root(), 0}), 0);
    Counts counts = Census(root());
    for (const auto& place : places) EXPECT_TRUE(counts.contains(place)) << place;
    return counts;
  }

  void CrashAt(const ScriptRun& run) {
    fs::remove_all(root() + "-attic");
    Crash(run, Prepared());
  }

  // Each place has its turn, at a random one of its times.
  void Sweep(const char* name, const std::string& script, const Names& places,
             const std::function<void()>& check) {
    Effort effort(name, places.size());
    Random random(effort.seed());
    const Counts counts = CountsOf(script, places);
    while (!HasFailure() && effort.More()) {
      const std::string& place = places[(effort.rounds() - 1) % places.size()];
      const uint64_t nth = 1 + random.Below(counts.at(place));
      SCOPED_TRACE(fmt::format("{}, time {}", place, nth));
      CrashAt({script, root(), 0, place, nth});
      if (!HasFailure()) check();
    }
    effort.Report("places={} lost={}", places.size(), HasFailure() ? 1 : 0);
  }

  // Odd rounds restore what the crash left, even ones what is made after it.
  std::function<void()> ChecksBackups() {
    return [this, rounds = 0]() mutable {
      if (++rounds % 2 == 1) {
        CheckStore();
      } else {
        CheckBackups(/*may_be_damaged=*/false);
      }
      if (!HasFailure()) CheckNewest();
    };
  }
};

TEST_F(BackupCrash, ABackupThatDies) { Sweep("R2-backup", "backup", kOfBackup, ChecksBackups()); }

TEST_F(BackupCrash, TheFirstBackupDies) { Sweep("R2-first", "first", kOfFirst, ChecksBackups()); }

TEST_F(BackupCrash, ARestoreThatDies) {
  Sweep("R2-restore", "restore", kOfRestore, [this] { CheckRestored(); });
}

TEST_F(BackupCrash, AnUpgradeThatDies) {
  Sweep("R2-upgrade", "upgrade", kOfUpgrade, [this] { CheckUpgraded(); });
}

// Half of the losses come just after the acknowledgement.
TEST_F(BackupCrash, ALossOfPower) {
  Effort effort("R3-backup", 8);
  Random random(effort.seed());
  const Counts backup = CountsOf("first", kOfFirst);
  const Counts restore = CountsOf("restore", kOfRestore);
  uint64_t acknowledged = 0;
  while (!HasFailure() && effort.More()) {
    const bool restores = effort.rounds() % 2 == 0;
    const Names& places = restores ? kOfRestore : kOfFirst;
    const bool late = effort.rounds() % 4 < 2;
    const std::string place = late ? "acknowledged" : places[random.Below(places.size())];
    const uint64_t nth = 1 + random.Below((restores ? restore : backup).at(place));
    const ScriptRun run{
        restores ? "restore" : "first", root(), random.Below(1000), place, nth, Mishap::kPowerLost};
    SCOPED_TRACE(fmt::format("{}, {}, time {}, seed {}", run.script, place, nth, run.seed));
    CrashAt(run);
    if (HasFailure()) break;
    EXPECT_EQ(Acknowledged(), late);
    acknowledged += late;
    if (restores) {
      CheckRestored();
      continue;
    }
    if (late) {
      const auto kept = FindBackup(paths().backups, /*id=*/0);
      EXPECT_TRUE(kept.ok()) << "it was acknowledged: " << kept.status().ToString();
    }
    CheckNewest();
    // A restore ends the store before it.
    if (!HasFailure() && !HoldsStore(paths().restored)) CheckBackups(/*may_be_damaged=*/!late);
  }
  effort.Report("acknowledged={} lost={}", acknowledged, HasFailure() ? 1 : 0);
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) {
  spdlog::set_level(spdlog::level::off);  // what fails here fails on purpose
  if (const auto code = cordon::AsScript(argc, argv, cordon::BackupScript)) return *code;
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
