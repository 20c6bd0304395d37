// R5, R6 and R7 of backup, restore and upgrade, in this process: a call fails, by its number, a
// disk is full, a bit of a backup flips. Fears: that what failed is acknowledged or taken for
// whole, that the server stops with its backups' disk, and that what is damaged is restored.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <numeric>
#include <utility>

#include "engine/base/random.h"
#include "engine/restore.h"
#include "tests/crash/backup_world.h"
#include "tests/crash/flip_bit.h"
#include "tests/effort.h"

namespace cordon {
namespace {

class BackupFaults : public BackupWorld {
 protected:
  void TearDown() override { EndWatch(); }

  void Open() {
    engine_.reset();
    auto opened = OpenWorld(paths(), paths().data);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    engine_ = *std::move(opened);
  }
  void CheckReads() {
    const auto seen = Seen(engine_.get());
    ASSERT_TRUE(seen.ok()) << seen.status().ToString();
    EXPECT_EQ(*seen, SeenNow());
  }

  // The numbers of so many calls, in an order by chance: one after the other has its turn.
  static std::vector<uint64_t> Order(uint64_t calls, Random* random) {
    std::vector<uint64_t> order(calls);
    std::iota(order.begin(), order.end(), uint64_t{1});
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random->Below(i)]);
    return order;
  }
  static Failure SomeFailure(Random* random) { return static_cast<Failure>(random->Below(4)); }

  static void ExpectClear(const Status& status) {
    const StatusCode code = status.code();
    EXPECT_TRUE(code == StatusCode::kUnavailable || code == StatusCode::kResourceExhausted ||
                code == StatusCode::kDataLoss || code == StatusCode::kFailedPrecondition)
        << status.ToString();
    EXPECT_FALSE(status.message().empty());
  }

  // Another backup is made and is the only one; only a store whose own disk failed is opened anew.
  void CheckNextBackup(bool store_failed) {
    if (store_failed && (!Touch(engine_.get()).ok() || !engine_->Backup(/*keep=*/1).ok())) Open();
    const Status written = Touch(engine_.get());
    ASSERT_TRUE(written.ok()) << written.ToString();
    CheckReads();
    const auto made = engine_->Backup(/*keep=*/1);
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    const auto listed = engine_->Backups(/*verify=*/true);
    ASSERT_TRUE(listed.ok()) << listed.status().ToString();
    ASSERT_EQ(listed->size(), 1u);
    EXPECT_TRUE(listed->front().whole == true);
    EXPECT_EQ(listed->front().id, made->id);
  }

  std::unique_ptr<Engine> engine_;
};

// Each has another backup after it, of some 200 ms: so few; a soak comes to all of them.
TEST_F(BackupFaults, ABackupOfWhichACallFails) {
  Begin();
  Open();
  ASSERT_TRUE(Touch(engine_.get()).ok());
  FailNth(root(), 0, Failure::kEio);
  ASSERT_TRUE(engine_->Backup(/*keep=*/1).ok());
  const uint64_t calls = CallsSeen();
  EndWatch();
  Effort effort("R5-backup", 48);
  Random random(effort.seed());
  const auto order = Order(calls, &random);
  uint64_t refused = 0;
  while (!HasFailure() && effort.More()) {
    ASSERT_TRUE(Touch(engine_.get()).ok());
    const uint64_t nth = order[(effort.rounds() - 1) % calls];
    FailNth(root(), nth, SomeFailure(&random));
    const auto made = engine_->Backup(/*keep=*/1);
    const std::string place = HappenedAt();
    EndWatch();
    SCOPED_TRACE(fmt::format("call {} of {}, {}", nth, calls, place));
    EXPECT_TRUE(made.ok() || !place.empty()) << made.status().ToString();
    if (!made.ok()) ExpectClear(made.status());
    refused += !made.ok();
    CheckReads();
    CheckNextBackup(!place.starts_with("backup"));
  }
  effort.Report("calls={} refused={} lost={}", calls, refused, HasFailure() ? 1 : 0);
}

// So few because each is a restore or two; a soak comes to all of them.
TEST_F(BackupFaults, ARestoreOfWhichACallFails) {
  Begin();
  FailNth(root(), 0, Failure::kEio);
  ASSERT_TRUE(RestoreStore(paths().backups, /*id=*/0, paths().restored).ok());
  const uint64_t calls = CallsSeen();
  EndWatch();
  Effort effort("R5-restore", 24);
  Random random(effort.seed());
  const auto order = Order(calls, &random);
  uint64_t refused = 0;
  while (!HasFailure() && effort.More()) {
    Begin();
    const uint64_t nth = order[(effort.rounds() - 1) % calls];
    FailNth(root(), nth, SomeFailure(&random));
    const auto made = RestoreStore(paths().backups, /*id=*/0, paths().restored);
    const std::string place = HappenedAt();
    EndWatch();
    SCOPED_TRACE(fmt::format("call {} of {}, {}: {}", nth, calls, place,
                             made.ok() ? "" : made.status().ToString()));
    EXPECT_TRUE(made.ok() || !place.empty());
    if (!made.ok()) ExpectClear(made.status());
    refused += !made.ok();
    if (made.ok()) std::ofstream(paths().acknowledged) << "acknowledged\n";
    CheckRestored();
  }
  effort.Report("calls={} refused={} lost={}", calls, refused, HasFailure() ? 1 : 0);
}

TEST_F(BackupFaults, AnUpgradeOfWhichACallFails) {
  Begin();
  SetOldFormat(paths().data);
  FailNth(root(), 0, Failure::kEio);
  ASSERT_TRUE(Upgrade(paths().data, PlantedSteps()).ok());
  const uint64_t calls = CallsSeen();
  EndWatch();
  Effort effort("R5-upgrade", calls);
  Random random(effort.seed());
  const auto order = Order(calls, &random);
  uint64_t refused = 0;
  while (!HasFailure() && effort.More()) {
    SetOldFormat(paths().data);
    const uint64_t nth = order[(effort.rounds() - 1) % calls];
    FailNth(root(), nth, SomeFailure(&random));
    const auto upgraded = Upgrade(paths().data, PlantedSteps());
    const std::string place = HappenedAt();
    EndWatch();
    SCOPED_TRACE(fmt::format("call {} of {}, {}", nth, calls, place));
    EXPECT_TRUE(upgraded.ok() || !place.empty()) << upgraded.status().ToString();
    if (!upgraded.ok()) ExpectClear(upgraded.status());
    refused += !upgraded.ok();
    EXPECT_TRUE(!upgraded.ok() || CheckFormat(paths().data, PlantedSteps()).ok());
    CheckUpgraded();
  }
  effort.Report("calls={} refused={} lost={}", calls, refused, HasFailure() ? 1 : 0);
}

// The server goes on meanwhile, and the next backup is made once there is room.
TEST_F(BackupFaults, AFullDiskOfBackupsStopsTheServer) {
  for (const char* place : {"backup_own_dir.mkdir.before", "backup_table_tmp.write.before",
                            "backup_list_tmp.create.before"}) {
    SCOPED_TRACE(place);
    Begin();
    Open();
    ASSERT_TRUE(Touch(engine_.get()).ok());
    HappensThere(Mishap::kDiskFull, {"backups"});
    DieAt(root(), place, 1, /*sync_points=*/{});
    for (int i = 0; i < 2; ++i) {
      const auto made = engine_->Backup(/*keep=*/1);
      EXPECT_EQ(made.status().code(), StatusCode::kResourceExhausted) << made.status().ToString();
      EXPECT_EQ(made.status().field(), "backup_dir");
      EXPECT_NE(made.status().message().find("free some space"), std::string_view::npos);
      EXPECT_TRUE(Touch(engine_.get()).ok());
      CheckReads();
    }
    EndWatch();
    CheckNextBackup(/*store_failed=*/false);
    engine_.reset();
    CheckNewest();
  }
}

TEST_F(BackupFaults, AFullDiskOfARestoreLeavesHalf) {
  for (const char* place :
       {"new_table.create.before", "new_wal.write.before", "new_FORMAT_tmp.create.before"}) {
    SCOPED_TRACE(place);
    Begin();
    HappensThere(Mishap::kDiskFull, {"restored"});
    DieAt(root(), place, 1, /*sync_points=*/{});
    const auto restored = RestoreStore(paths().backups, /*id=*/0, paths().restored);
    EXPECT_TRUE(HasHappened());
    EndWatch();
    EXPECT_EQ(restored.status().code(), StatusCode::kResourceExhausted)
        << restored.status().ToString();
    EXPECT_TRUE(restored.status().field().ends_with("data_dir")) << restored.status().field();
    EXPECT_FALSE(fs::exists(paths().restored.data_dir));
    CheckRestored();
  }
}

class DamagedBackup : public BackupFaults {
 protected:
  // Two backups, the second after all changes.
  void MakeTwo() {
    Begin();
    Open();
    ASSERT_TRUE(engine_->Backup(/*keep=*/0).ok());
    engine_.reset();
  }
  std::string List(uint32_t id) const { return paths().backups + "/meta/" + std::to_string(id); }
  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(paths().backups)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  StatusOr<std::vector<BackupInfo>> Verified() const {
    BackupStop stop;
    return ListBackups(paths().backups, /*verify=*/true, &stop);
  }
  Status Restored(uint32_t id) const {
    return RestoreStore(paths().backups, id, paths().restored).status();
  }
};

// Every file has its turn. Of the lists, which have no checksums, some bits say when a backup was
// made, and nothing of what is in it.
TEST_F(DamagedBackup, IsRestoredOtherwise) {
  Begin();
  const auto files = Files();
  Effort effort("R7-backup", 8 * files.size());
  Random random(effort.seed());
  uint64_t refused = 0;
  while (!HasFailure() && effort.More()) {
    Begin();
    const std::string& file = files[(effort.rounds() - 1) % files.size()];
    const uint64_t at = random.Below(fs::file_size(file));
    const int bit = static_cast<int>(random.Below(8));
    SCOPED_TRACE(fmt::format("{}, byte {}, bit {}", file, at, bit));
    FlipBit(file, at, bit);
    const auto verified = Verified();
    const bool whole = verified.ok() && verified->size() == 1 && verified->front().whole == true;
    EXPECT_TRUE(!whole || file == List(1)) << "it passes for whole";
    const Status restored = Restored(0);
    refused += !restored.ok();
    EXPECT_TRUE(whole || !restored.ok()) << "what is damaged was restored";
    if (!restored.ok()) {
      ExpectClear(restored);
      EXPECT_FALSE(HoldsStore(paths().restored));
      continue;
    }
    const auto engine = OpenWorld(paths(), paths().restored);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    const auto seen = Seen(engine->get());
    ASSERT_TRUE(seen.ok()) << seen.status().ToString();
    EXPECT_EQ(*seen, SeenRestored());
  }
  effort.Report("files={} refused={} wrong={}", files.size(), refused, HasFailure() ? 1 : 0);
}

// To restore the one before it would end what came between for ever, and nobody has asked for that.
TEST_F(DamagedBackup, TheNewestIsPassedOver) {
  MakeTwo();
  std::ofstream(List(2), std::ios::trunc) << "no list";
  const auto verified = Verified();
  ASSERT_TRUE(verified.ok()) << verified.status().ToString();
  ASSERT_EQ(verified->size(), 2u);
  EXPECT_TRUE(verified->front().whole == true);
  EXPECT_TRUE(verified->back().whole == false);
  for (const uint32_t id : {0, 2}) EXPECT_EQ(Restored(id).code(), StatusCode::kDataLoss) << id;
  CheckStore();
  const Status older = Restored(1);
  EXPECT_TRUE(older.ok()) << older.ToString();
}

TEST_F(DamagedBackup, StaysForEver) {
  MakeTwo();
  std::ofstream(List(1), std::ios::trunc) << "no list";
  CheckBackups(/*may_be_damaged=*/true);
}

TEST_F(DamagedBackup, ANoteThatIsNoneIsOfThisFormat) {
  Begin();
  std::ifstream in(List(1));
  std::string list{std::istreambuf_iterator<char>(in), {}};
  in.close();
  const auto note = list.find("metadata ");
  ASSERT_NE(note, list.npos);
  list.replace(note + 9, 2, "00");  // of its first letter
  std::ofstream(List(1), std::ios::trunc) << list;
  const Status refused = Restored(0);
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition) << refused.ToString();
  EXPECT_EQ(refused.field(), "backup");
}

}  // namespace
}  // namespace cordon
