// R3. The power goes at any moment: what was acknowledged is there afterwards, what was not is
// there whole or not at all, what is sent again has its effect once, and the journal knows of every
// answer that was given.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "tests/crash/child.h"
#include "tests/crash/engine_on_disk.h"
#include "tests/effort.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

constexpr size_t kChangesMax = 80;     // between two losses
constexpr uint64_t kPowerIoMax = 300;  // the power goes before as many I/Os
constexpr int kLossesOfAStore = 10;    // then a new one

class PowerLoss : public testing::Test {
 protected:
  // One store, from new to its last loss.
  struct Store {
    explicit Store(const DataPaths& paths, DiskModel* disk_model)
        : disk(disk_model), engine(paths, disk_model) {}

    DiskModel* disk;
    EngineOnDisk engine;
    History history{kTemplateRevision};
    std::set<uint64_t> acknowledged;  // revisions
    std::set<uint64_t> answered;      // journal numbers of answers to reads
  };

  DataPaths paths() const { return {scratch_ / "data", "", ""}; }

  // What is on the disk against what was acknowledged, in the store and in the journal.
  void Check(Store* store) {
    const Status opened = store->engine.Open();
    ASSERT_TRUE(opened.ok()) << opened.ToString() << "\n" << LastLog();
    const uint64_t acknowledged = store->history.revision();
    const auto answers = store->engine.AskAll();
    ASSERT_TRUE(answers.ok()) << answers.status().ToString();
    ASSERT_TRUE(store->history.Reopened(store->engine.revision(), *answers))
        << store->history.problem();
    unacknowledged_kept_ += store->history.revision() - acknowledged;
    sent_again_ += store->history.last_of_run() != nullptr;
    ASSERT_EQ(SendAgain(&store->engine, &store->history), "");
    CheckJournal(*store);
  }

  void CheckJournal(const Store& store) {
    const auto records = store.engine.Records();
    uint64_t revision = 0;
    for (const auto& record : records) {
      if (!record.mutation()) continue;
      ASSERT_EQ(record.revision(), revision + 1);
      revision = record.revision();
      ASSERT_FALSE(record.recovered() && store.acknowledged.contains(revision))
          << "revision " << revision << " was acknowledged before the journal had it";
    }
    ASSERT_EQ(revision, store.engine.revision());
    recovered_ += std::count_if(records.begin(), records.end(),
                                [](const auto& record) { return record.recovered(); });
    for (const uint64_t number : store.answered) {
      ASSERT_LE(number, records.size()) << "an answer left before its record was durable";
      ASSERT_EQ(records[number - 1].call(), "Retrieve");
    }
  }

  // Bursts of changes and questions until the power is off.
  void Work(Store* store, Rng* rng) {
    for (size_t done = 0; done < kChangesMax && !store->disk->off();) {
      std::vector<std::pair<Change, std::future<StatusOr<uint64_t>>>> burst;
      for (uint64_t left = 1 + (*rng)() % 6; left > 0; --left, ++done) {
        const Change change = RandomChange(rng);
        burst.emplace_back(change, store->engine.Submit(change));
      }
      for (auto& [change, answer] : burst) {
        const auto revision = answer.get();
        if (revision.ok()) {
          store->history.Acknowledged(change, *revision);
          store->acknowledged.insert(*revision);
        } else {
          store->history.Failed(change);
        }
      }
      const char* user = kUsers[(*rng)() % kUsers.size()];
      uint64_t number = 0;
      const auto seen = store->engine.Ask(user, &number);
      if (!seen.ok()) continue;
      store->answered.insert(number);
      ASSERT_EQ(*seen, store->history.model().SeenBy(user));
    }
  }

  // Ends with the power off.
  void LoseOnce(Store* store, Loss loss, Rng* rng) {
    const bool while_opening = (*rng)() % 4 == 0;
    if (while_opening) store->engine.Close();
    store->disk->Mend();
    store->disk->CutPowerAt(1 + (*rng)() % kPowerIoMax);
    if (while_opening && !store->engine.Open().ok()) ++lost_while_opening_;
    if (store->engine.is_open()) Work(store, rng);
    store->disk->CutPowerAt(1);
    store->engine.Close();
    store->disk->LosePower(loss, rng);
    store->disk->Mend();
  }

  ScratchDirectory scratch_;
  uint64_t unacknowledged_kept_ = 0;
  uint64_t recovered_ = 0;
  uint64_t sent_again_ = 0;
  uint64_t lost_while_opening_ = 0;
};

TEST_F(PowerLoss, TakesWhatWasAcknowledged) {
  Effort effort("R3", 300);
  Rng rng(effort.seed());
  DiskModel disk(scratch_ / "attic");
  CreateTemplate({scratch_ / "template", "", ""}, &disk);
  uint64_t acknowledged = 0;
  bool more = effort.More();
  while (more && !HasFatalFailure()) {
    fs::remove_all(scratch_ / "data");
    fs::copy(scratch_ / "template", scratch_ / "data", fs::copy_options::recursive);
    Store store(paths(), &disk);
    Check(&store);
    for (int i = 0; more && i < kLossesOfAStore && !HasFatalFailure(); ++i) {
      const auto loss = static_cast<Loss>(rng() % 3);
      SCOPED_TRACE(
          fmt::format("round {}, loss {} of kind {}", effort.rounds(), i, static_cast<int>(loss)));
      LoseOnce(&store, loss, &rng);
      if (!HasFatalFailure()) Check(&store);
      more = effort.More();
    }
    acknowledged += store.history.revision();
  }
  effort.Report(
      "lost={} refused=0 acknowledged={} unacknowledged_kept={} recovered={} opening={} again={}",
      HasFatalFailure() ? 1 : 0, acknowledged, unacknowledged_kept_, recovered_,
      lost_while_opening_, sent_again_);
  EXPECT_GT(unacknowledged_kept_, 0u);
  EXPECT_GT(sent_again_, 0u);
}

}  // namespace
}  // namespace cordon
