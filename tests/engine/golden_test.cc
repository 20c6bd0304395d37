// Stores that an earlier build wrote and this one cannot read, or reads differently (R13,
// docs/decisions/format.md).
//
// tests/golden/FORMAT.tar.gz is what a build of that format wrote: a data directory, journals and
// keys beside it. The newest is written anew, as long as it is not released, by:
//   CORDON_GOLDEN_OUT=tests/golden build/tests/engine_test --gtest_filter='Golden.*'
// FORMAT-first.tar.gz is a data directory with all of it inside, from before the fields that
// docs/storage-format.md has in its list of what records may lack. Nothing writes it any more.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "engine/format.h"
#include "tests/engine/golden_world.h"

namespace cordon {
namespace {

class Golden : public GoldenWorld {
 protected:
  // The archive of a format, such as "cordon 2".
  static fs::path ArchiveOf(std::string format, const std::string& which = "") {
    std::replace(format.begin(), format.end(), ' ', '-');
    return fs::path(__FILE__).parent_path().parent_path() / "golden" / (format + which + ".tar.gz");
  }
  static void Run(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0); }
  void Pack(const fs::path& archive) {
    Run("rm -f " + paths().Store() + "/LOG* && tar -C " + scratch_ / "" + " -czf " +
        archive.string() + " data journal journal.key keys master.key && rm -r " + scratch_ / "*");
  }
  void Unpack(const fs::path& archive, const std::string& where) {
    ASSERT_TRUE(fs::exists(archive))
        << archive << " is to be written; the top of this file says how";
    fs::create_directories(where);
    Run("tar -C " + where + " -xzf " + archive.string());
  }
  static void ExpectWhole(const DataPaths& where) {
    const auto verdict = VerifyStore(where);
    ASSERT_TRUE(verdict.ok()) << verdict.status().ToString();
    EXPECT_TRUE(verdict->ok()) << verdict->damage[0].where << ": " << verdict->damage[0].what;
    EXPECT_TRUE(verdict->derived.empty()) << verdict->derived[0].where;
  }
  void OpenFirst() {
    engine_.reset();
    Engine::Options options;
    options.paths = first_;
    auto opened = Engine::Open(std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    engine_ = *std::move(opened);
  }
  void IngestText(const std::string& id, const std::string& text) {
    Do<IngestedBatch, v1::IngestRequest>(
        IngestDocuments, "collection: 'docs' documents { id: '" + id + "' text: '" + text + "' }");
  }

  const DataPaths first_{scratch_ / "first", "", ""};
};

TEST_F(Golden, AStoreOfAReleasedFormatIsReadOtherwiseOrCannotBeWrittenOn) {
  const fs::path archive = ArchiveOf(std::string(kFormatVersion));
  if (const char* out = std::getenv("CORDON_GOLDEN_OUT"); out != nullptr) {
    Write();
    ASSERT_FALSE(HasFailure());
    Pack(fs::path(out) / archive.filename());
  }
  Unpack(archive, scratch_ / "");
  ExpectWhole(paths());
  EXPECT_TRUE(Search().ok()) << "what was erased is there";
  Open();
  ASSERT_FALSE(HasFailure());
  EXPECT_GT(engine_->index_files().rows_loaded(), 0u) << "files of the index are not read";
  ExpectWritten();
  ASSERT_FALSE(HasFailure());

  // And written on.
  for (const char* which : {"subject: 'person:2'", "subject: 'person:3'"}) {
    const auto erased = TryErase(which);
    EXPECT_TRUE(erased.ok()) << erased.status().ToString();
  }
  EXPECT_EQ(KeyOf(kTwiceBefore), KeyStore::State::kDestroyed) << "an older version";
  EXPECT_EQ(KeyOf(kTwice), KeyStore::State::kThere);
  EXPECT_EQ(KeyOf(kDeleted), KeyStore::State::kDestroyed) << "of one that was deleted";
  Ingest("new", "", "written by this build");
  EXPECT_EQ(Found("user:eve", "vector: [0.123456, -3.5, 7.25, 0.0078125]", 1), "new/0");
  WaitForSecondSpace();
  SwitchSpace();
  EXPECT_EQ(Found("user:ana", "text: 'salaries'", 1), "hr/0");
  EXPECT_EQ(Found("user:eve", "text: 'written by this build'", 1), "new/0");
  ASSERT_EQ(Hold("document: 'held'", /*release=*/true), StatusCode::kOk);
  EXPECT_EQ(EraseAll("document: 'held'"), 1u);

  // The time of another comes.
  const size_t receipts = Records("ErasureVerified").size();
  engine_.reset();
  stopped_ = Micros{4'000'000'100} * 1'000'000;
  wall_ = steady_ = [this] { return stopped_.load(); };
  Open();
  EXPECT_TRUE(WaitUntil([&] { return Records("ErasureVerified").size() > receipts; }));
  EXPECT_EQ(TextOf("due", "user:eve"), "NOT_FOUND");
  EXPECT_EQ(TextOf("new", "user:eve"), "written by this build");
  EXPECT_EQ(TextOf("hr", "user:ana"), "salaries");
  engine_.reset();
  ExpectWhole(paths());
}

TEST_F(Golden, ABackupBringsBackSomethingElse) {
  Unpack(ArchiveOf(std::string(kFormatVersion)), scratch_ / "");
  Open();
  ASSERT_FALSE(HasFailure());
  const auto backed_up = engine_->Backup(/*keep=*/0);
  ASSERT_TRUE(backed_up.ok()) << backed_up.status().ToString();
  Restore("restored");
  ASSERT_FALSE(HasFailure());
  ExpectWritten();
  WaitForSecondSpace();
  SwitchSpace();
  EXPECT_EQ(Found("user:ana", "text: 'salaries'", 1), "hr/0");
  engine_.reset();
  ExpectWhole(paths("restored"));
  EXPECT_TRUE(Search("restored").ok()) << "what was erased is there";
}

TEST_F(Golden, RecordsFromBeforeAFieldAreReadAsIfItSaidSomething) {
  Unpack(ArchiveOf("cordon 2", "-first"), first_.data_dir);
  OpenFirst();
  ASSERT_FALSE(HasFailure());
  EXPECT_EQ(TextOf("open", "user:bo"), "for all to read");
  EXPECT_EQ(TextOf("hr", "user:ana"), "salaries") << "the entry has begun";
  EXPECT_EQ(TextOf("hr", "user:bo"), "NOT_FOUND");
  EXPECT_EQ(TextOf("erased", "user:bo"), "NOT_FOUND");
  EXPECT_EQ(Holds(), 0);
  EXPECT_EQ(CheckpointOf("load").batch(), 0u) << "no run is known";
  EXPECT_EQ(Docs()->space, Docs()->id);
  EXPECT_FALSE(Docs()->other.has_value());
  EXPECT_EQ(Found("user:ana", "text: 'salaries'", 1), "hr/0");
  // Without a version any one replaces it, and from then on one that is stated counts.
  Ingest("open", "version: 3", "the third", {});
  Ingest("open", "version: 2", "the second", {});
  EXPECT_EQ(TextOf("open", "user:bo"), "the third");

  BeginSpace();
  WaitForSecondSpace();
  SwitchSpace();
  EXPECT_EQ(Found("user:ana", "text: 'salaries'", 1), "hr/0");
  EXPECT_EQ(EraseAll("subject: 'person:1'"), 1u);
  IngestText("new", "written by this build");
  OpenFirst();
  EXPECT_EQ(TextOf("new", "user:bo"), "written by this build");
  EXPECT_EQ(TextOf("hr", "user:ana"), "NOT_FOUND");
  engine_.reset();
  ExpectWhole(first_);
}

}  // namespace
}  // namespace cordon
