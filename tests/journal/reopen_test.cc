// The process or the power went: what was acknowledged is there, and the journal goes on.
#include <algorithm>
#include <thread>

#include "engine/journal/frame.h"
#include "tests/journal/scratch_journal.h"

namespace cordon {
namespace {

using Reopen = ScratchJournal;

TEST_F(Reopen, WhatWasWrittenComesBack) {
  Journal::Record full = Retrieve(7);
  full.set_purpose("zweck \xc3\xbc");
  full.mutable_context_label()->set_level("internal");
  full.set_sequence(99);  // the journal's to say
  full.set_synced(99);
  {
    auto journal = Open();
    ASSERT_TRUE(journal.ok());
    EXPECT_EQ((*journal)->synced(), JournalAnchor{});
    auto receipts = (*journal)->AppendBatch({Retrieve(1), full, Mutation(12), Mutation(11)});
    ASSERT_TRUE(receipts.ok());
    ASSERT_EQ(receipts->size(), 4u);
    EXPECT_EQ((*receipts)[1].sequence(), 2u);
    EXPECT_EQ((*receipts)[1].id(), "acme-2");
    EXPECT_EQ((*journal)->last_revision(), 11u);  // the last one: a loss may have been accepted
    EXPECT_EQ((*journal)->synced().sequence, 4u);
  }
  auto journal = Open();
  ASSERT_TRUE(journal.ok()) << journal.status().ToString();
  EXPECT_EQ((*journal)->last_revision(), 11u);  // the last one: a loss may have been accepted
  EXPECT_EQ((*journal)->synced().sequence, 4u);
  auto record = (*journal)->Find(2);
  ASSERT_TRUE(record.ok());
  EXPECT_GT(record->time_us(), 0);
  EXPECT_EQ(record->sequence(), 2u);
  full.set_sequence(2);
  full.set_synced(0);
  full.set_time_us(record->time_us());
  EXPECT_EQ(record->SerializeAsString(), full.SerializeAsString());
  ASSERT_TRUE((*journal)->AppendBatch({Retrieve(5)}).ok());
  EXPECT_EQ((*journal)->Find(5)->synced(), 4u);
  EXPECT_EQ(Check((*journal)->synced()).records, 5u);
}

TEST_F(Reopen, ALastRecordTornAtAnyByteIsCutAndTheJournalGoesOn) {
  const auto anchors = Fill(3);
  const std::string good = Read(File(1));
  const auto ends = Ends(good);
  for (size_t size = ends[2] + 1; size < ends[3]; ++size) {
    for (const bool zeros : {false, true}) {  // the size may reach the disk before the bytes
      std::string torn = good.substr(0, size);
      if (zeros) torn.resize(ends[3], '\0');
      if (torn == good) continue;
      Write(File(1), torn);
      EXPECT_EQ(Check().first_bad, 3u);
      EXPECT_TRUE(Verify(dir_, "acme", key_, anchors[2], 2).ok);
      EXPECT_FALSE(Open(anchors[3]).ok());
      EXPECT_EQ(Read(File(1)), torn);
      auto journal = Open(anchors[2]);
      ASSERT_TRUE(journal.ok()) << size << journal.status().ToString();
      EXPECT_EQ((*journal)->cut_bytes(), torn.size() - ends[2]);
      EXPECT_EQ(Read(File(1)), good.substr(0, ends[2]));
      ASSERT_TRUE((*journal)->AppendBatch({Retrieve(30)}).ok());
      EXPECT_EQ((*journal)->synced().sequence, 3u);
      EXPECT_TRUE(Check((*journal)->synced()).ok);
    }
  }
}

// One write of many records may be torn in its middle; nothing in it had been acknowledged. The
// same hole is damage once a later write says that the first had been synced.
TEST_F(Reopen, AHoleInAnUnsyncedWriteIsCutAndOneInASyncedWriteRefused) {
  Fill(2);
  {
    auto journal = Open();
    ASSERT_TRUE((*journal)->AppendBatch({Retrieve(3), Retrieve(4), Retrieve(5)}).ok());
  }
  const std::string good = Read(File(1));
  const auto ends = Ends(good);
  ASSERT_EQ(ends.size(), 6u);
  std::string hole = good;
  std::fill_n(hole.begin() + static_cast<long>(ends[2]), ends[3] - ends[2], '\0');
  Write(File(1), hole);
  {
    auto journal = Open();
    ASSERT_TRUE(journal.ok()) << journal.status().ToString();
    EXPECT_EQ((*journal)->synced().sequence, 2u);
  }
  Write(File(1), good);
  {
    auto journal = Open();
    ASSERT_TRUE((*journal)->AppendBatch({Retrieve(6)}).ok());
  }
  hole += Read(File(1)).substr(good.size());
  Write(File(1), hole);
  EXPECT_EQ(Open().status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Read(File(1)), hole);
}

TEST_F(Reopen, AChainOfManyFilesIsOneJournal) {
  const auto anchors = Fill(700, 2000);
  ASSERT_TRUE(fs::exists(File(30)));
  EXPECT_EQ(Check(anchors.back()).records, 700u);
  Journal::Options options = OptionsFor("acme");
  options.file_bytes_max = 2000;
  auto journal = Journal::Open(options, anchors.back());
  ASSERT_TRUE(journal.ok()) << journal.status().ToString();
  for (uint64_t i = 1; i <= 700; ++i) {
    auto record = (*journal)->Find(i);
    ASSERT_TRUE(record.ok()) << record.status().ToString();
    ASSERT_EQ(record->sequence(), i);
    ASSERT_EQ(record->key_id(), "k" + std::to_string(i));
  }
  ASSERT_TRUE((*journal)->AppendBatch({Retrieve(701)}).ok());
  for (const size_t limit : {0, 1, 20, 699, 701, 9000}) {
    auto tail = (*journal)->Tail(limit);
    ASSERT_TRUE(tail.ok());
    ASSERT_EQ(tail->size(), std::min<size_t>(limit, 701));
    for (size_t i = 0; i < tail->size(); ++i) {
      ASSERT_EQ((*tail)[i].sequence(), 701 - tail->size() + 1 + i);
    }
  }
  EXPECT_TRUE((*journal)->Tail(limits::kJournalTail).ok());
  EXPECT_FALSE((*journal)->Tail(limits::kJournalTail + 1).ok());
  // The last ones before another, as a listing goes on.
  const auto before = [&](size_t limit, uint64_t sequence) {
    std::vector<uint64_t> found;
    const auto tail = (*journal)->Tail(limit, sequence);
    EXPECT_TRUE(tail.ok());
    for (const auto& record : *tail) found.push_back(record.sequence());
    return found;
  };
  using Numbers = std::vector<uint64_t>;
  EXPECT_EQ(before(3, 100), (Numbers{97, 98, 99}));
  EXPECT_EQ(before(5, 3), (Numbers{1, 2}));
  EXPECT_EQ(before(5, 1), Numbers());
  EXPECT_EQ(before(5, 0), Numbers());
  EXPECT_EQ(before(2, 701), (Numbers{699, 700}));
  EXPECT_EQ(before(2, 702), (Numbers{700, 701}));
  EXPECT_EQ(before(2, 5000), (Numbers{700, 701}));
  EXPECT_EQ((*journal)->Find(0).status().code(), StatusCode::kNotFound);
  EXPECT_EQ((*journal)->Find(702).status().code(), StatusCode::kNotFound);
}

TEST_F(Reopen, AnEmptyNewestFileIsNoDamage) {
  Journal::Options options = OptionsFor("acme");
  options.file_bytes_max = 1;  // every record begins a file
  auto journal = Journal::Open(options, std::nullopt);
  for (uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE((*journal)->AppendBatch({Retrieve(i)}).ok());
  const JournalAnchor second = {2, journal::ParsedHeader().mac};
  ASSERT_EQ((*journal)->synced().sequence, 3u);
  journal->reset();
  Write(File(3), Read(File(3)).substr(0, Ends(Read(File(3)))[0]));  // killed after the rotation
  auto again = Journal::Open(options, std::nullopt);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ((*again)->synced().sequence, 2u);
  EXPECT_NE((*again)->synced(), second) << "the anchor is a record's MAC, never a header's";
  ASSERT_TRUE((*again)->AppendBatch({Retrieve(4)}).ok());
  EXPECT_FALSE(fs::exists(File(4)));
  EXPECT_TRUE(Check((*again)->synced()).ok);
}

TEST_F(Reopen, TimeNeverRunsBackwards) {
  Micros wall = 1000;
  Clock clock([&wall] { return wall; });
  Journal::Options options = OptionsFor("acme");
  options.clock = &clock;
  {
    auto journal = Journal::Open(options, std::nullopt);
    Journal::Record given = Retrieve(2);
    given.set_time_us(5000);
    ASSERT_TRUE((*journal)->AppendBatch({Retrieve(1), given, Retrieve(3)}).ok());
  }
  auto journal = Journal::Open(options, std::nullopt);
  EXPECT_EQ((*journal)->last_time(), 5000);
  wall = 6000;
  ASSERT_TRUE((*journal)->AppendBatch({Retrieve(4)}).ok());
  const std::vector<Micros> expected = {1000, 5000, 5000, 6000};
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ((*journal)->Find(i + 1)->time_us(), expected[i]);
}

TEST_F(Reopen, ASecondJournalOnTheDirectoryIsRefused) {
  auto first = Open();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(Open().status().code(), StatusCode::kFailedPrecondition);
  first->reset();
  EXPECT_TRUE(Open().ok());
}

TEST_F(Reopen, NobodyElseCanReadTheFiles) {
  Fill(3, 1);
  for (const auto& entry : fs::directory_iterator(dir_)) {
    EXPECT_EQ(entry.status().permissions(), fs::perms::owner_read | fs::perms::owner_write);
  }
  EXPECT_EQ(fs::status(dir_).permissions(), fs::perms::owner_all);
}

TEST_F(Reopen, ANewerFormatIsRefusedAndNotCalledDamage) {
  Fill(1);
  std::string bytes = Read(File(1));
  bytes[8] = 2;
  Write(File(1), bytes);
  auto opened = Open();
  EXPECT_EQ(opened.status().code(), StatusCode::kUnavailable);
  EXPECT_NE(opened.status().message().find("format version 2"), std::string::npos);
}

TEST_F(Reopen, WhatCouldNotBeReadBackIsRefusedBeforeItIsInTheChain) {
  auto journal = Open();
  Journal::Record bad = Retrieve(1);
  bad.set_purpose("\xff\xfe");
  EXPECT_EQ((*journal)->AppendBatch({bad}).status().code(), StatusCode::kInvalidArgument);
  Journal::Record large = Retrieve(1);
  large.set_purpose(std::string(limits::kJournalRecordBytes, 'x'));
  EXPECT_EQ((*journal)->AppendBatch({large}).status().code(), StatusCode::kInvalidArgument);
  Journal::Record largest = Retrieve(1);
  largest.set_purpose(std::string(limits::kJournalRecordBytes - 200, 'x'));
  EXPECT_TRUE((*journal)->AppendBatch({largest}).ok());
  EXPECT_EQ((*journal)->Find(1)->purpose().size(), largest.purpose().size());
  const JournalAnchor end = (*journal)->synced();
  journal->reset();
  EXPECT_EQ(end.sequence, 1u);
  EXPECT_TRUE(Open(end).ok());
}

TEST_F(Reopen, AVerificationBesideAWriterSeesAWholeChain) {
  auto journal = Open();
  std::thread writer([&] {
    for (uint64_t i = 1; i <= 300; ++i) ASSERT_TRUE((*journal)->AppendBatch({Retrieve(i)}).ok());
  });
  for (int i = 0; i < 50; ++i) {
    const JournalAnchor now = (*journal)->synced();
    const Verification found = Verify(dir_, "acme", key_, now, now.sequence);
    EXPECT_TRUE(found.ok) << found.problem;
    EXPECT_EQ(found.records, now.sequence);
  }
  writer.join();
}

TEST_F(Reopen, AVerificationThatDoesNotReachItsEndIsNotOk) {
  const auto anchors = Fill(3);
  EXPECT_TRUE(Verify(dir_, "acme", key_, anchors[3], 3).ok);
  EXPECT_TRUE(Verify(dir_, "acme", key_, anchors[3], 2).ok);
  EXPECT_EQ(Verify(dir_, "acme", key_, std::nullopt, 4).first_bad, 4u);
}

}  // namespace
}  // namespace cordon
