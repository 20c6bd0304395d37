// R2: a crash at any of the named places loses what was acknowledged, halves a batch, or leaves a
// store that does not open.
#include "tests/crash/crash_points.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "engine/crypto/key_file.h"
#include "engine/journal/verify.h"
#include "engine/verify_journals.h"
#include "tests/crash/crash_run.h"
#include "tests/crash/crash_scripts.h"
#include "tests/crash/embedding_script.h"
#include "tests/crash/in_process.h"
#include "tests/effort.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

constexpr int kSteps = 6;

// Every place that the script of a server comes to: recovery after a crash, mutations of all kinds,
// a new tenant, and a clean stop. A place that is not come to fails the test.
const Names kOurPlaces = {"open.after", "acknowledge.before", "acknowledge.after", "answer.after",
                          "close.before"};
const Names kRocksPlaces = {"DBImpl::WriteImpl:BeforeLeaderEnters",
                            "WriteThread::EnterAsBatchGroupLeader:End",
                            "DBImpl::WriteToWAL:log_entry",
                            "WriteThread::ExitAsBatchGroupLeader:Start",
                            "DBImpl::SyncWAL:Begin",
                            "DBImpl::SyncWAL:BeforeMarkLogsSynced:1",
                            "DBImpl::SyncWAL:BeforeMarkLogsSynced:2",
                            "MemTable::Add:Encoded",
                            "DBImpl::RecoverLogFiles:BeforeReadWal",
                            "DBImpl::RecoverLogFiles:BeforeFlushFinalMemtable",
                            "VersionSet::ProcessManifestWrites:BeforeNewManifest",
                            "VersionSet::LogAndApply:WriteManifest",
                            "VersionSet::ProcessManifestWrites:AfterSyncManifest",
                            "VersionSet::LogAndApply:WriteManifestDone",
                            "DBImpl::PurgeObsoleteFiles:Begin",
                            "DBImpl::DeleteObsoleteFileImpl:AfterDeletion",
                            "DBImpl::WriteOptionsFile:2",
                            "DBImpl::Open:Opened"};
const Names kFilePlaces = {
    "wal.create.before",        "wal.create.after",        "wal.write.before",
    "wal.write.half",           "wal.write.after",         "wal.sync.before",
    "wal.sync.after",           "wal.unlink.before",       "manifest.create.after",
    "manifest.write.half",      "manifest.sync.before",    "manifest.sync.after",
    "manifest.unlink.before",   "current_tmp.write.half",  "current_tmp.sync.after",
    "current.rename.before",    "current.rename.after",    "table.create.after",
    "table.write.half",         "table.sync.before",       "table.unlink.after",
    "wal.unlink.after",         "store_dir.sync.before",   "store_dir.sync.after",
    "journal.write.before",     "journal.write.half",      "journal.write.after",
    "journal.sync.before",      "journal.sync.after",      "journal.truncate.before",
    "journal.truncate.after",   "tenant_dir.mkdir.before", "tenant_dir.mkdir.after",
    "journal_tmp.create.after", "journal_tmp.write.half",  "journal_tmp.sync.after",
    "journal.link.before",      "journal.link.after",      "tenant_dir.sync.before",
    "opening.write.before"};

// A random place; `own`: of those outside of RocksDB's directory.
Counts::const_iterator Choose(const Counts& counts, bool own, Random* random) {
  while (true) {
    const auto place =
        std::next(counts.begin(), static_cast<ptrdiff_t>(random->Below(counts.size())));
    bool ours = false;
    for (const char* kind : {"FORMAT", "admin", "journal", "tenant", "data"}) {
      ours = ours || place->first.starts_with(kind);
    }
    if (ours || !own) return place;
  }
}

void ExpectAll(const Names& names, const Counts& counts) {
  for (const auto& name : names) EXPECT_TRUE(counts.contains(name)) << name << " is never reached";
}

// Opens what a crash left and holds it against what was said before it.
void CheckServed(const CrashPaths& paths, uint64_t seed, bool note) {
  ExpectedFile expected(paths.expected, seed);
  {
    auto engine = OpenAt(paths);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    std::vector<Lane*> lanes;
    for (auto& driven : expected.lanes()) lanes.push_back(&driven.lane);
    JournalWitness witness(paths.data);
    InProcess calls(engine->get());
    for (const auto& problem : CheckRestarted(lanes, calls.Asked(*lanes[0]), &witness)) {
      ADD_FAILURE() << problem;
    }
    for (const auto& tenant : expected.tenants()) {
      EXPECT_TRUE((*engine)->FindTenant(tenant)) << "tenant " << tenant << " is gone";
    }
  }
  const auto verified = VerifyJournals(paths.data);
  EXPECT_TRUE(verified.ok() && verified->ok) << (verified.ok() ? verified->problem : "");
  if (note) expected.Settled();
}

class CrashPoints : public testing::Test {
 protected:
  // A store with a past: several sessions, and a crash in the last that left the journal behind the
  // store, with half a record at its end.
  void Prepare(uint64_t seed) {
    const CrashPaths paths(prepared());
    fs::create_directories(paths.root);
    ASSERT_EQ(SetUpStore(paths), "");
    for (int session = 0; session < 4; ++session) {
      ASSERT_EQ(RunUntil({"serve", paths.root, seed}), 0);
    }
    ASSERT_EQ(RunUntil({"serve", paths.root, seed, "journal.write.half", 9}), 128 + SIGKILL);
    const CrashPaths copy(scratch_ / "copy");
    fs::copy(paths.root, copy.root, fs::copy_options::recursive);
    CheckServed(copy, seed, /*note=*/true);
    fs::copy(copy.expected, paths.expected, fs::copy_options::overwrite_existing);
  }
  std::string prepared() const { return scratch_ / "prepared"; }
  std::string root() const { return scratch_ / "root"; }

  ScratchDirectory scratch_;
};

TEST_F(CrashPoints, ACrashWhileServingLosesWhatWasAcknowledged) {
  Names places = kOurPlaces;
  places.insert(places.end(), kRocksPlaces.begin(), kRocksPlaces.end());
  places.insert(places.end(), kFilePlaces.begin(), kFilePlaces.end());
  Effort effort("R2", places.size());
  const uint64_t seed = effort.seed() % 1'000'000;
  Random random(seed);
  ASSERT_NO_FATAL_FAILURE(Prepare(seed));
  fs::copy(prepared(), root(), fs::copy_options::recursive);
  ASSERT_EQ(RunUntil({"serve", root(), seed}), 0);
  const Counts counts = Census(root());
  ExpectAll(places, counts);
  while (!HasFailure() && effort.More()) {
    const std::string& place = places[(effort.rounds() - 1) % places.size()];
    const uint64_t nth = 1 + random.Below(counts.at(place));
    SCOPED_TRACE(testing::Message() << place << ", time " << nth);
    Crash({"serve", root(), seed, place, nth}, prepared());
    if (!HasFailure()) CheckServed(CrashPaths(root()), seed, /*note=*/false);
  }
  effort.Report("places={} times={}", places.size(), [&] {
    uint64_t all = 0;
    for (const auto& place : places) all += counts.contains(place) ? counts.at(place) : 0;
    return all;
  }());
}

TEST_F(CrashPoints, AHalfCreatedStoreIsServedOrCannotBeMadeAgain) {
  const CrashPaths paths(root());
  fs::create_directories(paths.root);
  ASSERT_EQ(RunUntil({"create", root()}), 0);
  const Counts counts = Census(root());
  Effort effort("R2-create", 25);
  Random random(effort.seed());
  uint64_t served = 0, again = 0;
  while (!HasFailure() && effort.More()) {
    // Half of them at the engine's own files, which are fewer than RocksDB's.
    const auto place = Choose(counts, /*own=*/random.OneIn(2), &random);
    const uint64_t nth = 1 + random.Below(place->second);
    SCOPED_TRACE(testing::Message() << place->first << ", time " << nth);
    Crash({"create", root(), 0, place->first, nth}, "");
    std::string refused = CreateScript(paths);
    if (refused.find("already holds a store") != refused.npos) {
      ++served;
    } else if (!refused.empty()) {
      EXPECT_TRUE(refused.find("delete the directory") != refused.npos ||
                  refused.find("choose an empty directory") != refused.npos)
          << refused;
      fs::remove_all(paths.data.data_dir);
      EXPECT_EQ(CreateScript(paths), "");
    } else {
      ++again;
    }
    const auto engine = OpenAt(paths);
    EXPECT_TRUE(engine.ok()) << engine.status().ToString();
    const auto key = ReadSecretFile(paths.data.AdminKey(), 100);
    EXPECT_TRUE(key.ok() && *key == FirstKey().bearer + "\n") << "nobody can enter";
  }
  effort.Report("places={} complete={} made_again={}", counts.size(), served, again);
}

TEST_F(CrashPoints, ACrashWhileTheJournalBeginsAFileLosesRecords) {
  const CrashPaths paths(root());
  fs::create_directories(paths.root);
  ASSERT_EQ(RunUntil({"rotate", root()}), 0);
  const Counts counts = Census(root());
  ExpectAll({"journal_tmp.create.before", "journal_tmp.write.half", "journal_tmp.sync.after",
             "journal.link.before", "journal.link.after", "journal_tmp.unlink.after",
             "tenant_dir.sync.before", "tenant_dir.sync.after", "journal.write.half"},
            counts);
  Effort effort("R2-rotate", counts.size());
  Random random(effort.seed());
  auto place = counts.begin();
  while (!HasFailure() && effort.More()) {
    const uint64_t nth = 1 + random.Below(place->second);
    SCOPED_TRACE(testing::Message() << place->first << ", time " << nth);
    Crash({"rotate", root(), 0, place->first, nth}, "");
    std::ifstream said(paths.expected);
    uint64_t last = 0;
    for (uint64_t one; said >> one;) last = one;
    const auto options = RotatingJournal(paths);
    {
      const auto journal = Journal::Open(options, std::nullopt);
      ASSERT_TRUE(journal.ok()) << journal.status().ToString();
      EXPECT_GE((*journal)->synced().sequence, last);
      EXPECT_TRUE((*journal)->AppendBatch({journal::v1::Record()}).ok());
    }
    const auto verified = Verify(options.dir, options.tenant, options.key, std::nullopt);
    EXPECT_TRUE(verified.ok) << verified.problem;
    if (++place == counts.end()) place = counts.begin();
  }
  effort.Report("places={}", counts.size());
}

TEST_F(CrashPoints, ACrashWhileACollectionIsReEmbeddedChangesAnswers) {
  const CrashPaths paths(prepared());
  fs::create_directories(paths.root);
  ASSERT_EQ(PrepareEmbedding(paths), "");
  fs::copy(prepared(), root(), fs::copy_options::recursive);
  ASSERT_EQ(RunUntil({"embed", root()}), 0);
  const Counts counts = Census(root());
  const Names places = {"begun.after",         "switched.after",        "dropped.after",
                        "wal.write.before",    "wal.write.half",        "wal.sync.before",
                        "wal.sync.after",      "MemTable::Add:Encoded", "journal.write.half",
                        "journal.sync.before", "journal.sync.after"};
  ExpectAll(places, counts);
  Effort effort("R2-embed", 2 * places.size());
  Random random(effort.seed());
  while (!HasFailure() && effort.More()) {
    const std::string& place = places[(effort.rounds() - 1) % places.size()];
    const uint64_t nth = 1 + random.Below(counts.at(place));
    SCOPED_TRACE(testing::Message() << place << ", time " << nth);
    Crash({"embed", root(), 0, place, nth}, prepared());
    if (HasFailure()) break;
    for (const auto& problem : CheckEmbedded(CrashPaths(root()))) ADD_FAILURE() << problem;
    const auto verified = VerifyJournals(CrashPaths(root()).data);
    EXPECT_TRUE(verified.ok() && verified->ok) << (verified.ok() ? verified->problem : "");
  }
  effort.Report("places={}", places.size());
}

TEST_F(CrashPoints, AStoreThatKillsItsServerIsOpenedForEver) {
  ASSERT_NO_FATAL_FAILURE(Prepare(1));
  const auto die = [&] { return RunUntil({"serve", prepared(), 1, "wal.create.before", 1}); };
  for (int i = 0; i < 3; ++i) ASSERT_EQ(die(), 128 + SIGKILL);
  const CrashPaths paths(prepared());
  for (int i = 0; i < 2; ++i) {
    const auto refused = OpenAt(paths);
    ASSERT_EQ(refused.status().code(), StatusCode::kFailedPrecondition);
    EXPECT_NE(refused.status().message().find(paths.data.data_dir + "/opening"), std::string::npos);
  }
  // The way out that it names.
  fs::remove(paths.data.data_dir + "/opening");
  CheckServed(paths, 1, /*note=*/true);
  // Ends that were told do not count, nor do those before a good start.
  ASSERT_EQ(die(), 128 + SIGKILL);
  ASSERT_EQ(die(), 128 + SIGKILL);
  fs::rename(paths.data.JournalKey(), paths.root + "/away");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(OpenAt(paths).status().code(), StatusCode::kNotFound);
  }
  fs::rename(paths.root + "/away", paths.data.JournalKey());
  CheckServed(paths, 1, /*note=*/false);
  EXPECT_FALSE(fs::exists(paths.data.data_dir + "/opening"));
}

std::string RunScript(const ScriptRun& run) {
  const CrashPaths paths(run.root);
  BeginScript(run, kRocksPlaces);
  if (run.script == "serve") return ServeScript(paths, run.seed, kSteps);
  if (run.script == "create") return CreateScript(paths);
  if (run.script == "rotate") return RotateScript(paths);
  if (run.script == "embed") return EmbedScript(paths);
  return "no such script";
}

}  // namespace
}  // namespace cordon

int main(int argc, char** argv) {
  spdlog::set_level(spdlog::level::off);  // recovery has much to say
  if (const auto code = cordon::AsScript(argc, argv, cordon::RunScript)) return *code;
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
