// R6. A disk is full, or slow: reads go on where the journal can be written, writes are refused
// with the name of the disk, queues stay bounded, and a restart after space was freed brings all
// back. A failed write leaves unknown what is on the disk, so that a restart is the way back by
// design.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "engine/base/limits.h"
#include "tests/crash/engine_on_disk.h"
#include "tests/effort.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

class FullDisk : public testing::Test {
 protected:
  void SetUp() override {
    CreateTemplate({scratch_ / "data", "", ""}, &disk_);
    ASSERT_TRUE(engine_.Open().ok());
  }

  void Acknowledge(const Change& change) {
    const auto revision = engine_.Do(change);
    ASSERT_TRUE(revision.ok()) << revision.status().ToString();
    history_.Acknowledged(change, *revision);
  }
  void AcknowledgeSome(Rng* rng) {
    for (int i = 0; i < 10; ++i) Acknowledge(RandomChange(rng));
  }
  void Refuse(const Change& change, const std::string& disk) {
    const auto revision = engine_.Do(change);
    ASSERT_FALSE(revision.ok()) << "acknowledged by a full disk";
    const Status& status = revision.status();
    EXPECT_TRUE(status.code() == StatusCode::kResourceExhausted ||
                status.code() == StatusCode::kUnavailable)
        << status.ToString();
    EXPECT_EQ(status.field(), disk) << status.ToString();
    history_.Failed(change);
  }
  void ReadsGoOn() {
    const auto answers = engine_.AskAll();
    ASSERT_TRUE(answers.ok()) << answers.status().ToString();
    EXPECT_EQ(*answers, history_.model().SeenByAll());
  }
  void Recovers() {
    disk_.Mend();
    const Status opened = engine_.Open();
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    const auto answers = engine_.AskAll();
    ASSERT_TRUE(answers.ok());
    ASSERT_TRUE(history_.Reopened(engine_.revision(), *answers)) << history_.problem();
    ASSERT_EQ(SendAgain(&engine_, &history_), "");
    Acknowledge({Change::kPut, "d0", "everyone", "public", 1});
    ReadsGoOn();
  }

  ScratchDirectory scratch_;
  DiskModel disk_{scratch_ / "attic"};
  EngineOnDisk engine_{{scratch_ / "data", "", ""}, &disk_};
  History history_{kTemplateRevision};
};

TEST_F(FullDisk, OfTheStoreStopsReadsOrTakesWrites) {
  Effort effort("R6", 1);
  Rng rng(effort.seed());
  while (effort.More() && !HasFailure()) {
    AcknowledgeSome(&rng);
    disk_.SetFull(Side::kStore, true);
    for (int i = 0; i < 5; ++i) {
      Refuse(RandomChange(&rng), "data_dir");
      ReadsGoOn();
    }
    // Full at start, too: recovery writes. Refused by name, and nothing is lost by trying.
    const Status opened = engine_.Open();
    EXPECT_TRUE(opened.ok() || opened.field() == "data_dir") << opened.ToString();
    Recovers();
  }
  effort.Report("case=store_full lost={}", HasFailure() ? 1 : 0);
}

TEST_F(FullDisk, OfTheJournalLetsAnswersLeaveWithoutARecord) {
  Effort effort("R6", 1);
  Rng rng(effort.seed());
  while (effort.More() && !HasFailure()) {
    AcknowledgeSome(&rng);
    disk_.SetFull(Side::kJournal, true);
    Refuse(RandomChange(&rng), "journal");
    for (int i = 0; i < 5; ++i) {
      Refuse(RandomChange(&rng), "journal");
      const auto answer = engine_.Ask(kUsers[0]);
      ASSERT_FALSE(answer.ok()) << "an answer without a record";
      EXPECT_EQ(answer.status().field(), "journal");
    }
    Recovers();
  }
  effort.Report("case=journal_full lost={}", HasFailure() ? 1 : 0);
}

// The slow disk is one that holds every sync until it is released.
TEST_F(FullDisk, ASlowStoreStopsReadsOrQueuesWithoutEnd) {
  Effort effort("R6", 1);
  while (effort.More() && !HasFailure()) {
    disk_.Hold(Side::kStore, true);
    const uint64_t before = engine_.tenant().journal->synced().sequence;
    // What is being committed is no longer in the queue, nor what is applied behind it: at most two
    // groups beside a full queue.
    const Change change{Change::kDelete, "absent"};
    std::vector<std::future<StatusOr<uint64_t>>> answers;
    for (size_t i = 0; i < 2 * limits::kWriteQueue + 100; ++i) {
      answers.push_back(engine_.Submit(change));
    }
    ReadsGoOn();
    uint64_t refused = 0;
    for (auto& answer : answers) {
      refused += answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    }
    EXPECT_GE(refused, 100u) << "more than the queue may hold was taken";
    disk_.Hold(Side::kStore, false);
    uint64_t full = 0;
    for (auto& answer : answers) {
      const auto revision = answer.get();
      if (revision.ok()) {
        history_.Acknowledged(change, *revision);
      } else {
        EXPECT_EQ(revision.status().code(), StatusCode::kResourceExhausted);
        ++full;
      }
    }
    EXPECT_EQ(full, refused);
    // Each answer has its record: the taken ones, the refused ones, the reads.
    const auto records = engine_.Records();
    uint64_t recorded = 0;
    for (const auto& record : records) {
      recorded += record.sequence() > before && record.call() == "Delete" &&
                  record.outcome() == "RESOURCE_EXHAUSTED";
    }
    EXPECT_EQ(engine_.tenant().journal->synced().sequence - before, answers.size() + kUsers.size());
    EXPECT_EQ(recorded, full) << "a refusal by a full queue has no record";
    Recovers();
  }
  effort.Report("case=slow_store lost={}", HasFailure() ? 1 : 0);
}

TEST_F(FullDisk, ASlowJournalIsOvertakenByAnswers) {
  Effort effort("R6", 1);
  while (effort.More() && !HasFailure()) {
    disk_.Hold(Side::kJournal, true);
    const Change change{Change::kPut, "d0", "everyone", "public", 5};
    auto written = engine_.Submit(change);
    auto read = std::async(std::launch::async, [this] { return engine_.Ask(kUsers[1]); });
    EXPECT_EQ(written.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
    EXPECT_EQ(read.wait_for(std::chrono::milliseconds(0)), std::future_status::timeout);
    disk_.Hold(Side::kJournal, false);
    const auto revision = written.get();
    ASSERT_TRUE(revision.ok()) << revision.status().ToString();
    history_.Acknowledged(change, *revision);
    EXPECT_TRUE(read.get().ok());
    Recovers();
  }
  effort.Report("case=slow_journal lost={}", HasFailure() ? 1 : 0);
}

}  // namespace
}  // namespace cordon
