// Someone changes what was written: every change is found, and none is started upon.
#include "engine/journal/frame.h"
#include "tests/journal/scratch_journal.h"

namespace cordon {
namespace {

using Tampering = ScratchJournal;

// Every bit of every byte is tried, the header's too. Alone, a flip in the last record looks like a
// torn write and may be cut; once the store remembers the record it may not.
TEST_F(Tampering, NoFlippedBitIsMissed) {
  const auto anchors = Fill(5);
  const std::string good = Read(File(1));
  const std::vector<size_t> ends = Ends(good);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    Write(File(1), bad);
    const Verification found = Check();
    ASSERT_FALSE(found.ok) << bit;
    uint64_t record = 0;  // the one that holds the bit; 0 for the header
    while (ends[record] <= bit / 8) ++record;
    ASSERT_EQ(found.first_bad, std::max<uint64_t>(record, 1)) << bit << found.problem;
    ASSERT_FALSE(Open(anchors.back()).ok()) << bit;
    ASSERT_EQ(Read(File(1)), bad) << "a refused journal was changed";
    auto opened = Open(anchors[4]);
    ASSERT_EQ(opened.ok(), record == 5) << bit << " " << opened.status().ToString();
    if (opened.ok()) {
      EXPECT_EQ((*opened)->synced(), anchors[4]);
      EXPECT_EQ(Read(File(1)), good.substr(0, ends[4]));
    }
  }
}

TEST_F(Tampering, DamageNamesTheFileTheRecordAndARemedy) {
  Fill(5);
  std::string bytes = Read(File(1));
  bytes[Ends(bytes)[2] + 20] ^= 1;
  Write(File(1), bytes);
  auto opened = Open();
  EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss);
  const std::string message(opened.status().message());
  EXPECT_NE(message.find("000001.log, record 3"), std::string::npos) << message;
  EXPECT_NE(message.find("restore"), std::string::npos) << message;
}

// As someone would who can compute a CRC but lacks the key.
TEST_F(Tampering, ARecordEditedWithAGoodChecksumIsFound) {
  const auto anchors = Fill(4);
  const std::string good = Read(File(1));
  const auto ends = Ends(good);
  for (size_t record = 1; record <= 4; ++record) {
    journal::Frame frame;
    ASSERT_TRUE(journal::ParseFrame(
        std::string_view(good).substr(ends[record - 1], ends[record] - ends[record - 1]), &frame));
    Journal::Record edited;
    ASSERT_TRUE(
        edited.ParseFromArray(frame.payload.data(), static_cast<int>(frame.payload.size())));
    edited.set_outcome("NO");
    std::string bad = good.substr(0, ends[record - 1]);
    journal::AppendFrame(edited.SerializeAsString(), frame.mac, &bad);
    bad += good.substr(ends[record]);
    Write(File(1), bad);
    EXPECT_EQ(Check().first_bad, record);
    EXPECT_EQ(Open().status().code(), StatusCode::kDataLoss) << "the last one is no torn write";
    EXPECT_EQ(Read(File(1)), bad);
  }
}

TEST_F(Tampering, SwappedDroppedAndRepeatedRecordsAreFound) {
  Fill(6);
  const std::string good = Read(File(1));
  const auto ends = Ends(good);
  const auto frame = [&](size_t i) { return good.substr(ends[i - 1], ends[i] - ends[i - 1]); };
  for (size_t i = 1; i < 6; ++i) {
    Write(File(1),
          good.substr(0, ends[i - 1]) + frame(i + 1) + frame(i) + good.substr(ends[i + 1]));
    EXPECT_EQ(Check().first_bad, i);
    EXPECT_FALSE(Open().ok());
    Write(File(1), good.substr(0, ends[i - 1]) + good.substr(ends[i]));
    EXPECT_EQ(Check().first_bad, i);
    EXPECT_FALSE(Open().ok());
    Write(File(1), good.substr(0, ends[i]) + frame(i) + good.substr(ends[i]));
    EXPECT_EQ(Check().first_bad, i + 1);
    EXPECT_FALSE(Open().ok());
  }
}

TEST_F(Tampering, ACutTailShowsAgainstWhatTheStoreRemembers) {
  const auto anchors = Fill(5);
  const std::string good = Read(File(1));
  const auto ends = Ends(good);
  for (size_t kept = 0; kept < 5; ++kept) {
    Write(File(1), good.substr(0, ends[kept]));
    EXPECT_TRUE(Check().ok) << "nothing but the anchor can tell";
    EXPECT_TRUE(Check(anchors[kept]).ok);
    EXPECT_FALSE(Check(anchors[kept + 1]).ok);
    EXPECT_EQ(Check(anchors[5]).first_bad, kept + 1);
    auto opened = Open(anchors[kept + 1]);
    EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss);
    EXPECT_NE(opened.status().message().find("cut or replaced"), std::string::npos);
    EXPECT_TRUE(Open(anchors[kept]).ok());
  }
}

TEST_F(Tampering, AReplacedTailShowsAgainstWhatTheStoreRemembers) {
  const auto anchors = Fill(5);
  const std::string good = Read(File(1));
  Write(File(1), good.substr(0, Ends(good)[3]));
  {
    auto other = Open();  // someone with the key writes other records of the same numbers
    ASSERT_TRUE(other.ok());
    ASSERT_TRUE((*other)->AppendBatch({Retrieve(40), Retrieve(50), Retrieve(60)}).ok());
  }
  EXPECT_TRUE(Check(anchors[3]).ok);
  EXPECT_EQ(Check(anchors[4]).first_bad, 4u);
  EXPECT_EQ(Check(anchors[5]).first_bad, 5u);
  EXPECT_EQ(Open(anchors[5]).status().code(), StatusCode::kDataLoss);
  EXPECT_TRUE(Open(anchors[3]).ok());
}

TEST_F(Tampering, ALostDirectoryIsNotBegunAnewOverAStoreThatRemembers) {
  const auto anchors = Fill(2);
  fs::remove(File(1));
  EXPECT_EQ(Open(anchors[1]).status().code(), StatusCode::kDataLoss);
  EXPECT_TRUE(fs::is_empty(dir_));
  fs::remove(dir_);
  EXPECT_EQ(Open(anchors[1]).status().code(), StatusCode::kDataLoss);
  EXPECT_FALSE(fs::exists(dir_));
  EXPECT_FALSE(Check().ok);
  EXPECT_FALSE(Check(anchors[1]).ok);
  EXPECT_TRUE(Open(JournalAnchor{}).ok()) << "an anchor of 0 remembers nothing";
  EXPECT_TRUE(Check().ok);
}

TEST_F(Tampering, AnotherKeyIsNotCalledDamage) {
  Fill(2);
  Journal::Options options = OptionsFor("acme");
  options.key = SecretKey(Sha256("another key"));
  auto opened = Journal::Open(options, std::nullopt);
  EXPECT_EQ(opened.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(opened.status().field(), "journal_key");
  const Verification found = Verify(dir_, "acme", options.key, std::nullopt);
  EXPECT_EQ(found.first_bad, 1u);
  EXPECT_NE(found.problem.find("another key"), std::string::npos);
}

TEST_F(Tampering, TwoTenantsFilesDoNotPassForEachOther) {
  Fill(3, 1 << 20, "acme");
  Fill(3, 1 << 20, "bcme");
  fs::rename(root_ / "acme", root_ / "x");
  fs::rename(root_ / "bcme", root_ / "acme");
  fs::rename(root_ / "x", root_ / "bcme");
  for (const std::string tenant : {"acme", "bcme"}) {
    auto opened = Journal::Open(OptionsFor(tenant), std::nullopt);
    EXPECT_EQ(opened.status().code(), StatusCode::kFailedPrecondition);
    EXPECT_NE(opened.status().message().find("belongs to tenant"), std::string::npos);
    EXPECT_FALSE(Verify(root_ / tenant, tenant, key_, std::nullopt).ok);
  }
}

// The records of one tenant under the header of another, by someone without the key.
TEST_F(Tampering, RecordsDoNotPassUnderAnotherHeader) {
  Fill(3, 1 << 20, "acme");
  Fill(3, 1 << 20, "bcme");
  const std::string other = Read(root_ / "bcme" / "000001.log");
  const std::string own = Read(File(1));
  Write(File(1), own.substr(0, Ends(own)[0]) + other.substr(Ends(other)[0]));
  EXPECT_EQ(Check().first_bad, 1u);
  EXPECT_FALSE(Open().ok());
}

TEST_F(Tampering, MissingSwappedAndCutFilesOfAChainAreFound) {
  const auto anchors = Fill(20, 400);
  ASSERT_TRUE(fs::exists(File(4)));
  ASSERT_TRUE(Check(anchors.back()).ok);
  const std::string second = Read(File(2));
  const std::string third = Read(File(3));

  fs::remove(File(2));
  EXPECT_FALSE(Check().ok);
  EXPECT_EQ(Open().status().code(), StatusCode::kDataLoss);
  Write(File(2), third);
  Write(File(3), second);
  EXPECT_FALSE(Check().ok);
  EXPECT_FALSE(Open().ok());
  Write(File(3), third);
  // Only the newest file may have a torn end.
  for (size_t kept = 0; kept < second.size(); ++kept) {
    Write(File(2), second.substr(0, kept));
    ASSERT_FALSE(Check().ok) << kept;
    ASSERT_FALSE(Open().ok()) << kept;
  }
  Write(File(2), second);
  EXPECT_TRUE(Check(anchors.back()).ok);
  EXPECT_TRUE(Open(anchors.back()).ok());
}

// Two journals of one tenant and key, as two restores make them, with as many records a file.
TEST_F(Tampering, AFileOfAnotherHistoryDoesNotFitIn) {
  Fill(20, 400);
  const std::string first = Read(File(1));
  const std::string second = Read(File(2));
  fs::remove_all(dir_);
  const auto anchors = Fill(20, 400);
  ASSERT_EQ(Read(File(1)).size(), first.size());
  ASSERT_NE(Read(File(1)), first);
  const std::string own = Read(File(2));
  Write(File(2), second);
  EXPECT_EQ(Check().first_bad, Ends(first).size());
  EXPECT_EQ(Open().status().code(), StatusCode::kDataLoss);
  Write(File(2), own);
  EXPECT_TRUE(Check(anchors.back()).ok);
  Write(File(1), first);
  EXPECT_EQ(Check().first_bad, Ends(first).size());
  EXPECT_FALSE(Open().ok());
}

TEST_F(Tampering, BytesAfterTheEndAreAFinding) {
  const auto anchors = Fill(3);
  const std::string good = Read(File(1));
  for (const std::string& more : {std::string(1, '\0'), std::string(5000, '\0'), std::string("x"),
                                  std::string(300, '\x08'), good.substr(0, 40)}) {
    Write(File(1), good + more);
    EXPECT_EQ(Check(anchors.back()).first_bad, 4u);
    auto opened = Open(anchors.back());
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    EXPECT_EQ((*opened)->cut_bytes(), more.size());
    EXPECT_EQ(Read(File(1)), good);
  }
}

}  // namespace
}  // namespace cordon
