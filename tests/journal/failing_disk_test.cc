// The disk fails in mid-work: no acknowledgement that is not true, and none ever after.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/journal/scratch_journal.h"

namespace cordon {
namespace {

// What a test tells the disk to do, and what it did.
struct Fault {
  std::atomic<int> append_at{-1};  // the n-th append from 0 writes half and fails
  std::atomic<int> sync_at{-1};    // the n-th sync fails
  std::atomic<bool> no_new_files{false};
  std::atomic<bool> hold{false};  // syncs wait while it is true
  std::atomic<int> appends{0};
  std::atomic<int> syncs{0};
};

Status Eio() { return Status(StatusCode::kUnavailable, "journal", "EIO"); }

class FaultyFile : public journal::LogFile {
 public:
  FaultyFile(std::unique_ptr<LogFile> file, Fault* fault) : file_(std::move(file)), fault_(fault) {}

  Status Append(std::string_view bytes) override {
    if (fault_->appends++ != fault_->append_at) return file_->Append(bytes);
    EXPECT_TRUE(file_->Append(bytes.substr(0, bytes.size() / 2)).ok());
    return Eio();
  }
  Status Sync() override {
    while (fault_->hold) std::this_thread::yield();
    if (fault_->syncs++ == fault_->sync_at) return Eio();
    return file_->Sync();
  }
  Status Truncate(uint64_t size) override { return file_->Truncate(size); }

 private:
  std::unique_ptr<LogFile> file_;
  Fault* const fault_;
};

class FaultyDisk : public journal::LogFiles {
 public:
  explicit FaultyDisk(Fault* fault) : fault_(fault) {}

  Status Create(const fs::path& path, std::string_view content) override {
    return fault_->no_new_files ? Eio() : disk_->Create(path, content);
  }
  StatusOr<std::unique_ptr<journal::LogFile>> OpenToAppend(const fs::path& path) override {
    ASSIGN_OR_RETURN(auto file, disk_->OpenToAppend(path));
    return std::unique_ptr<journal::LogFile>(new FaultyFile(std::move(file), fault_));
  }

 private:
  std::shared_ptr<journal::LogFiles> disk_ = journal::DiskLogFiles();
  Fault* const fault_;
};

class FailingDisk : public ScratchJournal {
 protected:
  std::unique_ptr<Journal> OpenFaulty(uint64_t file_bytes_max = 1 << 20,
                                      size_t queue_bytes_max = 1 << 20) {
    Journal::Options options = OptionsFor("acme");
    options.files = std::make_shared<FaultyDisk>(&fault_);
    options.file_bytes_max = file_bytes_max;
    options.queue_bytes_max = queue_bytes_max;
    auto journal = Journal::Open(options, std::nullopt);
    EXPECT_TRUE(journal.ok()) << journal.status().ToString();
    return journal.ok() ? *std::move(journal) : nullptr;
  }

  // Every way in is closed, with one answer that does not say what the disk said.
  void ExpectBroken(Journal* journal) {
    for (const Durability durability : {Durability::kRequired, Durability::kBuffered}) {
      int calls = 0;
      journal->Append(Retrieve(9), durability, [&](StatusOr<JournalReceipt> receipt) {
        ++calls;
        EXPECT_EQ(receipt.status().code(), StatusCode::kUnavailable);
        EXPECT_EQ(receipt.status().message().find("EIO"), std::string::npos);
      });
      EXPECT_EQ(calls, 1) << "a refusal is given at once";
    }
    EXPECT_FALSE(journal->AppendBatch({Retrieve(9)}).ok());
    EXPECT_NE(journal->health().ToString().find("EIO"), std::string::npos);
    EXPECT_TRUE(journal->figures().failed);
    EXPECT_EQ(journal->figures().records, journal->synced().sequence) << "none that is not there";
  }

  // The n-th I/O fails: what was acknowledged before it is there after a restart.
  void ExpectHonest(uint64_t file_bytes_max) {
    JournalAnchor acknowledged;
    {
      auto journal = OpenFaulty(file_bytes_max);
      bool failed = false;
      for (uint64_t i = 1; i <= 8; ++i) {
        const bool ok = journal->AppendBatch({Retrieve(i), Mutation(i)}).ok();
        EXPECT_FALSE(ok && failed) << "it went on after an error";
        failed = failed || !ok;
        if (ok) acknowledged = journal->synced();
        EXPECT_EQ(journal->figures().failed, failed);
        EXPECT_EQ(journal->synced(), acknowledged) << "a failed sync moved the anchor";
        EXPECT_EQ(journal->last_revision(), acknowledged.sequence / 2);
      }
      EXPECT_TRUE(failed);
      ExpectBroken(journal.get());
    }
    auto journal = Open(acknowledged);
    ASSERT_TRUE(journal.ok()) << journal.status().ToString();
    EXPECT_GE((*journal)->synced().sequence, acknowledged.sequence);
    EXPECT_TRUE((*journal)->AppendBatch({Retrieve(1)}).ok());
    EXPECT_TRUE(Check((*journal)->synced()).ok);
  }

  Fault fault_;
};

TEST_F(FailingDisk, AShortWriteIsNotAcknowledged) {
  for (int n = 0; n < 8; ++n) {
    fs::remove_all(dir_);
    fault_.appends = 0;
    fault_.append_at = n;
    ExpectHonest(1 << 20);
  }
}

TEST_F(FailingDisk, AFailedSyncIsNotAcknowledgedNorTriedAgain) {
  for (int n = 1; n < 9; ++n) {  // 0 is the one of Open
    fs::remove_all(dir_);
    fault_.syncs = 0;
    fault_.sync_at = n;
    ExpectHonest(1 << 20);
    EXPECT_EQ(fault_.syncs, n + 1);
  }
}

TEST_F(FailingDisk, AFailedRotationIsNotAcknowledged) {
  for (int n = 1; n < 12; ++n) {
    fs::remove_all(dir_);
    fault_.syncs = 0;
    fault_.sync_at = n;
    ExpectHonest(150);  // every batch begins a file
  }
  fs::remove_all(dir_);
  fault_.sync_at = -1;
  auto journal = OpenFaulty(1);
  ASSERT_TRUE(journal->AppendBatch({Retrieve(1)}).ok());
  fault_.no_new_files = true;
  EXPECT_FALSE(journal->AppendBatch({Retrieve(2)}).ok());
  ExpectBroken(journal.get());
}

TEST_F(FailingDisk, AFailedSyncAtOpenIsNoOpenJournal) {
  fault_.sync_at = 0;
  Journal::Options options = OptionsFor("acme");
  options.files = std::make_shared<FaultyDisk>(&fault_);
  EXPECT_FALSE(Journal::Open(options, std::nullopt).ok());
}

TEST_F(FailingDisk, EveryWaitingCallHearsOfTheFailureOnce) {
  std::atomic<int> refused{0}, accepted{0};
  {
    auto journal = OpenFaulty();
    fault_.sync_at = 1;
    fault_.hold = true;
    for (uint64_t i = 0; i < 100; ++i) {
      journal->Append(Retrieve(i), Durability::kRequired, [&](StatusOr<JournalReceipt> receipt) {
        ++(receipt.ok() ? accepted : refused);
      });
    }
    fault_.hold = false;
  }
  EXPECT_EQ(accepted, 0);
  EXPECT_EQ(refused, 100);
  EXPECT_EQ(fault_.syncs, 2);
}

TEST_F(FailingDisk, ABufferedRecordIsRefusedOnceItsSyncFailed) {
  auto journal = OpenFaulty();
  fault_.sync_at = 1;
  bool accepted = false;
  journal->Append(Retrieve(1), Durability::kBuffered,
                  [&](StatusOr<JournalReceipt> receipt) { accepted = receipt.ok(); });
  EXPECT_TRUE(accepted) << "answered before Append returned";
  const auto until = std::chrono::steady_clock::now() + 5 * Journal::kSyncEvery;
  while (journal->health().ok() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(journal->synced().sequence, 0u);
  ExpectBroken(journal.get());
}

TEST_F(FailingDisk, AFullQueueIsRefusedAndAMutationWaitsForRoom) {
  auto journal = OpenFaulty(1 << 20, 4000);
  fault_.hold = true;
  std::atomic<int> accepted{0};
  int full = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    journal->Append(Retrieve(i), Durability::kRequired, [&](StatusOr<JournalReceipt> receipt) {
      if (receipt.ok()) {
        ++accepted;
      } else {
        ++full;
        EXPECT_EQ(receipt.status().code(), StatusCode::kResourceExhausted);
      }
    });
  }
  EXPECT_GT(full, 100);
  std::thread mutation([&] { EXPECT_TRUE(journal->AppendBatch({Mutation(5)}).ok()); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  fault_.hold = false;
  mutation.join();
  EXPECT_EQ(accepted + full, 200);
  EXPECT_EQ(journal->last_revision(), 5u);
}

TEST_F(FailingDisk, ManyCallersShareASync) {
  constexpr int kThreads = 8;
  constexpr int kEach = 125;
  std::mutex mutex;
  std::vector<uint64_t> order;
  std::vector<int> calls(kThreads * kEach);
  {
    auto journal = OpenFaulty();
    fault_.syncs = 0;
    fault_.hold = true;  // or a quick disk is done with each before the next one comes
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          journal->Append(Retrieve(1), Durability::kRequired,
                          [&, id = t * kEach + i](StatusOr<JournalReceipt> receipt) {
                            std::lock_guard lock(mutex);
                            ++calls[static_cast<size_t>(id)];
                            if (receipt.ok()) order.push_back(receipt->sequence());
                          });
        }
      });
    }
    for (auto& thread : threads) thread.join();
    fault_.hold = false;
  }
  ASSERT_EQ(order.size(), 1000u);
  for (uint64_t i = 0; i < 1000; ++i) ASSERT_EQ(order[i], i + 1) << "out of order, or a gap";
  for (const int n : calls) EXPECT_EQ(n, 1);
  EXPECT_LT(fault_.syncs, 250) << "each caller paid for a sync of its own";
  EXPECT_EQ(Check().records, 1000u);
}

TEST_F(FailingDisk, ABufferedRecordIsAnsweredWithoutASyncAndSyncedSoon) {
  auto journal = OpenFaulty();
  fault_.syncs = 0;
  for (uint64_t i = 1; i <= 50; ++i) {
    uint64_t sequence = 0;
    journal->Append(Retrieve(i), Durability::kBuffered,
                    [&](StatusOr<JournalReceipt> receipt) { sequence = receipt->sequence(); });
    ASSERT_EQ(sequence, i);
  }
  const auto until = std::chrono::steady_clock::now() + 5 * Journal::kSyncEvery;
  while (journal->synced().sequence < 50 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(journal->synced().sequence, 50u);
  EXPECT_LE(fault_.syncs, 2);
  EXPECT_EQ(journal->Tail(50)->size(), 50u);
}

TEST_F(FailingDisk, BufferedRecordsSurviveAnOrderlyStop) {
  {
    auto journal = OpenFaulty();
    for (uint64_t i = 1; i <= 50; ++i) {
      journal->Append(Retrieve(i), Durability::kBuffered, [](StatusOr<JournalReceipt>) {});
    }
    fault_.syncs = 0;
  }
  EXPECT_GE(fault_.syncs, 1);
  EXPECT_EQ(Check().records, 50u);
}

}  // namespace
}  // namespace cordon
