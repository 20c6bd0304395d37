// S10. Every answer has its record, and a journal that someone changed, or that belongs to another
// moment than its store, is found by verify and at start.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "engine/crypto/key_file.h"
#include "engine/journal/frame.h"
#include "engine/verify_journals.h"
#include "tests/crash/child.h"
#include "tests/crash/damage.h"
#include "tests/crash/engine_on_disk.h"
#include "tests/effort.h"
#include "tests/seed.h"
#include "tests/store/from_text.h"
#include "tests/store/scratch_directory.h"
#include "tests/view/asked.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kFlipsOfAChild = 50;

// A journal file in its parts: the header, then one frame a record.
struct FileParts {
  std::string header;
  std::vector<std::string> frames;

  std::string Joined() const {
    std::string all = header;
    for (const auto& frame : frames) all += frame;
    return all;
  }
};

class JournalDamage : public testing::Test {
 protected:
  DataPaths paths() const { return {scratch_ / "data", "", ""}; }
  std::string File(const std::string& tenant = "default") const {
    return paths().JournalOf(tenant) + "/000001.log";
  }

  // The tests of a child process report by gtest there, and by their exit code here.
  void InOneChild(const std::function<void()>& work) {
    const int code = InChild([&] {
      work();
      return HasFailure() ? 1 : 0;
    });
    EXPECT_EQ(code, 0) << "in the child process above";
  }

  // A store with two tenants, closed in order or crashed.
  void MakeStore(uint64_t seed, bool crashed, const std::string& name = "data") {
    const auto changes = RandomChanges(seed, 30);
    fs::remove_all(scratch_ / name);
    ASSERT_EQ(
        InChild([&] {
          if (crashed) {
            return MakeStoreThatCrashed({scratch_ / "live", "", ""}, scratch_ / name, changes, {});
          }
          return MakeClosedStore(changes);
        }),
        0);
    model_ = Model();
    for (const auto& change : changes) model_.Apply(change);
    last_ = kTemplateRevision + changes.size();
  }

  int MakeClosedStore(const std::vector<Change>& changes) {
    DiskModel disk(scratch_ / "attic");
    CreateTemplate(paths(), &disk);
    EngineOnDisk engine(paths(), &disk);
    if (!engine.Open().ok()) return 1;
    for (const auto& change : changes) {
      if (!engine.Do(change).ok() || !engine.Ask(kUsers[0]).ok()) return 2;
    }
    const auto made = Asked<v1::CreateTenantResponse>([&](auto done) {
      CreateTenant(engine.engine().WriteAs(Anyone()),
                   FromText<v1::CreateTenantRequest>("name: 'acme'"), {"acme.k", "k.s", "digest"},
                   done);
    });
    return made.ok() ? 0 : 3;
  }

  FileParts Split(const std::string& path) const {
    const std::string bytes = ReadFile(path);
    const auto key = ReadKeyFile(paths().JournalKey());
    CORDON_CHECK(key.ok());
    const auto header = journal::ParseHeader(bytes, journal::ChainKeys(*key).header);
    CORDON_CHECK(header.state == journal::HeaderState::kIntact);
    FileParts parts{bytes.substr(0, header.bytes), {}};
    for (size_t at = header.bytes; at < bytes.size();) {
      const size_t size = journal::FrameBytes(std::string_view(bytes).substr(at));
      parts.frames.push_back(bytes.substr(at, size));
      at += size;
    }
    return parts;
  }

  // Both must notice, and neither may change the file.
  void ExpectFound(const std::string& what) {
    const std::string damaged = ReadFile(File());
    const auto verified = VerifyJournals(paths());
    EXPECT_TRUE(!verified.ok() || !verified->ok) << what << ": verify found nothing";
    DiskModel disk(scratch_ / "attic");
    EngineOnDisk engine(paths(), &disk);
    const Status opened = engine.Open();
    EXPECT_TRUE(opened.code() == StatusCode::kDataLoss ||
                opened.code() == StatusCode::kFailedPrecondition ||
                opened.code() == StatusCode::kUnavailable)
        << what << ": " << (opened.ok() ? "opened" : opened.ToString());
    engine.Close();
    EXPECT_EQ(ReadFile(File()), damaged) << what << ": a refused journal was changed";
  }

  ScratchDirectory scratch_;
  Model model_;
  uint64_t last_ = 0;
};

TEST_F(JournalDamage, AnAnswerHasNoRecordOrARecordNoAnswer) {
  const uint64_t seed = TestSeed();
  InOneChild([&] {
    DiskModel disk(scratch_ / "attic");
    CreateTemplate(paths(), &disk);
    EngineOnDisk engine(paths(), &disk);
    ASSERT_TRUE(engine.Open().ok());
    const uint64_t before = engine.Records().size();
    Rng rng(seed);
    std::vector<std::string> calls;  // of the answers, in order
    for (int i = 0; i < 300; ++i) {
      if (rng() % 2 == 0) {
        const Change change = RandomChange(&rng);
        const auto revision = engine.Do(change);
        ASSERT_TRUE(revision.ok());
        calls.push_back(fmt::format("mutation {}", *revision));
      } else {
        uint64_t number = 0;
        const auto seen = engine.Ask(rng() % 8 == 0 ? "nobody" : kUsers[rng() % 3], &number);
        calls.push_back(seen.ok() ? fmt::format("Retrieve OK {}", seen->size())
                                  : "Retrieve " + std::string(CodeName(seen.status().code())));
        if (seen.ok()) {
          ASSERT_EQ(number, before + calls.size()) << "the answer names another record";
        }
      }
    }
    const auto records = engine.Records();
    ASSERT_EQ(records.size(), before + calls.size());
    for (size_t i = 0; i < calls.size(); ++i) {
      const auto& record = records[before + i];
      std::string told = fmt::format("mutation {}", record.revision());
      if (!record.mutation()) told = record.call() + " " + record.outcome();
      if (told == "Retrieve OK") told += fmt::format(" {}", record.documents_size());
      ASSERT_EQ(told, calls[i]) << "seed " << seed;
    }
  });
}

TEST_F(JournalDamage, AFlippedBitIsMissed) {
  Effort effort("S10", 500);
  Rng rng(effort.seed());
  MakeStore(effort.seed(), /*crashed=*/false);
  while (effort.More(kFlipsOfAChild) && !HasFailure()) {
    InOneChild([&, seed = rng()] {
      Rng own(seed);
      const std::string good = ReadFile(File());
      for (uint64_t i = 0; i < kFlipsOfAChild; ++i) {
        std::string bad = good;
        const size_t bit = own() % (good.size() * 8);
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
        WriteFile(File(), bad);
        ExpectFound(fmt::format("bit {}", bit));
      }
      WriteFile(File(), good);
      const auto verified = VerifyJournals(paths());
      EXPECT_TRUE(verified.ok() && verified->ok) << "undamaged";
    });
  }
  effort.Report("missed={}", HasFailure() ? 1 : 0);
}

TEST_F(JournalDamage, MovedRepeatedCutOrForeignRecordsAreMissed) {
  const uint64_t seed = TestSeed();
  MakeStore(seed, /*crashed=*/false);
  InOneChild([&] {
    Rng rng(seed);
    const std::string good = ReadFile(File());
    const FileParts parts = Split(File());
    const FileParts foreign = Split(File("acme"));
    const size_t count = parts.frames.size();
    ASSERT_GT(count, 50u);
    ASSERT_FALSE(foreign.frames.empty());
    for (int i = 0; i < 8; ++i) {
      const size_t at = rng() % (count - 1);
      FileParts bad = parts;
      std::swap(bad.frames[at], bad.frames[at + 1 + rng() % (count - at - 1)]);
      WriteFile(File(), bad.Joined());
      ExpectFound(fmt::format("record {} swapped", at));
      bad = parts;
      bad.frames.insert(bad.frames.begin() + static_cast<long>(rng() % count), parts.frames[at]);
      WriteFile(File(), bad.Joined());
      ExpectFound(fmt::format("record {} repeated", at));
      bad = parts;
      bad.frames.erase(bad.frames.begin() + static_cast<long>(at));
      WriteFile(File(), bad.Joined());
      ExpectFound(fmt::format("record {} dropped", at));
      bad = parts;
      bad.frames.resize(at);
      WriteFile(File(), bad.Joined());
      ExpectFound(fmt::format("cut after {}", at));
      WriteFile(File(), good.substr(0, good.size() - 1 - rng() % 100));
      ExpectFound("cut in the last record");
      bad = parts;
      bad.frames[at] = foreign.frames[0];
      WriteFile(File(), bad.Joined());
      ExpectFound(fmt::format("a foreign record at {}", at));
    }
    WriteFile(File(), foreign.Joined());
    ExpectFound("another tenant's journal");
    fs::remove(File());
    const auto verified = VerifyJournals(paths());
    EXPECT_TRUE(!verified.ok() || !verified->ok);
  });
}

// Of a store that crashed, records after the last anchor may be cut: what the store has beyond the
// journal is then added to it, once, as recovered; what the anchor covers may not be cut.
TEST_F(JournalDamage, AStoreAheadOfItsJournalIsServedUnrecorded) {
  MakeStore(TestSeed(), /*crashed=*/true);
  InOneChild([&] {
    const FileParts parts = Split(File());
    int opened = 0;
    for (size_t cut = 0; cut < 6; ++cut) {
      fs::remove_all(scratch_ / "copy");
      fs::copy(paths().data_dir, scratch_ / "copy", fs::copy_options::recursive);
      const DataPaths copy{scratch_ / "copy", "", ""};
      FileParts shorter = parts;
      shorter.frames.resize(parts.frames.size() - cut);
      WriteFile(copy.JournalOf("default") + "/000001.log", shorter.Joined());
      DiskModel disk(scratch_ / "attic");
      EngineOnDisk engine(copy, &disk);
      const Status status = engine.Open();
      if (!status.ok()) {
        EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status.ToString();
        continue;
      }
      ++opened;
      for (int start = 0; start < 2; ++start) {
        size_t recovered = 0;
        for (const auto& record : engine.Records()) recovered += record.recovered();
        EXPECT_EQ(recovered, cut);
        const auto answers = engine.AskAll();
        ASSERT_TRUE(answers.ok());
        EXPECT_EQ(*answers, model_.SeenByAll());
        EXPECT_EQ(engine.revision(), last_);
        ASSERT_TRUE(engine.Open().ok());
      }
    }
    EXPECT_GE(opened, 2) << "without a cut, and with that of the last record";
    EXPECT_LT(opened, 6) << "an anchor was cut off";
  });
}

TEST_F(JournalDamage, AStoreBehindItsJournalIsServed) {
  const uint64_t seed = TestSeed();
  MakeStore(seed, /*crashed=*/true);
  InOneChild([&] {
    fs::copy(paths().Store(), scratch_ / "store-before", fs::copy_options::recursive);
    DiskModel disk(scratch_ / "attic");
    EngineOnDisk engine(paths(), &disk);
    ASSERT_TRUE(engine.Open().ok());
    ASSERT_TRUE(engine.Do({Change::kSetAcl, "d0", "user:a"}).ok());
    engine.Close();
    fs::remove_all(paths().Store());
    fs::copy(scratch_ / "store-before", paths().Store(), fs::copy_options::recursive);
    const Status opened = engine.Open();
    EXPECT_EQ(opened.code(), StatusCode::kDataLoss) << opened.ToString();
    EXPECT_NE(opened.message().find(fmt::format("--accept-loss-to {}", last_)),
              opened.message().npos);
  });
}

}  // namespace
}  // namespace cordon
