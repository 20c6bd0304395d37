// Backups of a store whose indexes have files: that files or their keys are in one, that a restore
// believes files of before, or brings back by them what was erased; and a run that was backed up.
#include <algorithm>

#include "tests/engine/erasing.h"

namespace cordon {
namespace {

class RestoringFiles : public Erasing {
 protected:
  static constexpr size_t kDocuments = 12;

  void SetUp() override {
    index_file_rows_ = 4;
    Erasing::SetUp();
  }

  // A batch of a run, of documents that everybody sees, none of which has the secret's vector, and
  // of `more` documents.
  void SendBatch(uint64_t number, size_t from, size_t count, const std::string& more = "") {
    std::string batch =
        "collection: 'docs' run: 'load' batch: " + std::to_string(number) + " " + more;
    for (size_t i = from; i < from + count; ++i) {
      batch += Doc("d" + std::to_string(i), "", "words of number" + std::to_string(i),
                   {1, 2, 3, static_cast<float>(i)});
    }
    Do<IngestedBatch, v1::IngestRequest>(IngestDocuments, batch);
  }
  uint64_t RunStandsAt() {
    const auto asked = Asked<IngestedBatch>([&](auto done) {
      IngestDocuments(engine_->WriteAs(Anyone()),
                      FromText<v1::IngestRequest>("collection: 'docs' run: 'load'"), done);
    });
    EXPECT_TRUE(asked.ok()) << asked.status().ToString();
    return asked.ok() ? asked->response.checkpoint().batch() : UINT64_MAX;
  }
  void KeepFiles() {
    const auto view = Pin();
    for (const auto& [id, index] : view->indexes()) {
      const Status kept = engine_->index_files().Keep(1, id, index, [] { return false; });
      ASSERT_TRUE(kept.ok()) << kept.ToString();
    }
  }
  std::string Told() {
    std::string told;
    for (const char* question : {"vector: 1 vector: 2 vector: 3 vector: 4 mode: MODE_EXACT",
                                 "text: 'words' rank: RANK_LEXICAL"}) {
      const auto request = FromText<v1::RetrieveRequest>(
          std::string("collection: 'docs' scope { as: 'user:a' } k: 100 ") + question);
      const auto answer = Asked<v1::RetrieveResponse>(
          [&](auto done) { Retrieve(engine_->ReadAs(Anyone(), {}), request, done); });
      if (!answer.ok()) return answer.status().ToString();
      for (const auto& passage : answer->passages()) {
        told += passage.document() + " " + passage.text() + " " + std::to_string(passage.score()) +
                "\n";
      }
    }
    return told;
  }
  std::vector<IndexFileName> FilesOf(const std::string& name) const {
    return ListIndexFiles(paths(name).Index());
  }
  // Whether the keys of now open one of them.
  bool AnyOpens(const std::string& name) {
    engine_.reset();
    const auto keys = OpenKeys(paths(name));
    CORDON_CHECK(keys.ok());
    const auto files = FilesOf(name);
    return std::any_of(files.begin(), files.end(), [&](const IndexFileName& file) {
      return ReadIndexFile(paths(name).Index(), file, (*keys)->file_keys()).ok();
    });
  }
};

TEST_F(RestoringFiles, ABackupHasFilesOrTheyBringBackWhatWasErased) {
  SendBatch(1, 0, kDocuments, Doc("doc/secret", kSecret, kText));
  KeepFiles();
  ASSERT_GE(FilesOf("data").size(), 2u);
  engine_.reset();
  const auto found = Search().found;
  EXPECT_TRUE(std::any_of(found.begin(), found.end(), [](const ErasedVerdict::Found& hit) {
    return hit.file.ends_with(".vectors");
  })) << "no file has the vector";
  Open();
  const auto backed_up = engine_->Backup(0);
  ASSERT_TRUE(backed_up.ok()) << backed_up.status().ToString();
  for (const auto& entry : fs::recursive_directory_iterator(scratch_ / "backups")) {
    const std::string file = entry.path().filename();
    EXPECT_FALSE(IndexFileName::Parse(file)) << file;
    EXPECT_NE(file, "files") << "keys of the files";
  }
  // Of after the backup: a batch, which comes again, and an erasure, which does not come undone.
  SendBatch(2, kDocuments, 2);
  const auto before = Told();
  fs::copy(scratch_ / "data/index", scratch_ / "old files");
  EXPECT_EQ(EraseAll("document: 'doc/secret'"), 1u);
  engine_.reset();
  const auto restored = RestoreStore(scratch_ / "backups", 0, paths("restored"));
  ASSERT_TRUE(restored.ok()) << restored.status().ToString();
  EXPECT_TRUE(FilesOf("restored").empty());  // nor has a keeper had the time to write some
  Open("restored");
  EXPECT_EQ(engine_->index_files().rows_loaded(), 0u);
  EXPECT_FALSE(Sees("doc/secret"));
  EXPECT_EQ(RunStandsAt(), 1u);
  SendBatch(2, kDocuments, 2);
  EXPECT_EQ(RunStandsAt(), 2u);
  const auto told = Told();
  EXPECT_NE(told, before);
  EXPECT_EQ(told.find(kText), told.npos);
  KeepFiles();
  ASSERT_GE(FilesOf("restored").size(), 2u);
  Open("restored");
  EXPECT_GT(engine_->index_files().rows_loaded(), 0u);
  EXPECT_EQ(Told(), told);
  EXPECT_TRUE(AnyOpens("restored"));
  // The files of before, which somebody has kept: of another data directory and without keys.
  EXPECT_FALSE(AnyOpens("data"));
  fs::copy(scratch_ / "old files", paths("restored").Index(),
           fs::copy_options::skip_existing | fs::copy_options::recursive);
  Open("restored");
  EXPECT_EQ(Told(), told);
  engine_.reset();
  const auto verdict = Search("restored");
  EXPECT_TRUE(verdict.found.empty()) << verdict.found[0].file << ": " << verdict.found[0].where;
}

// R12: the keeper has not begun, is at work, or is done: it begins a second after the start.
TEST_F(RestoringFiles, AStopWaitsForFilesOrLeavesHalfOfOne) {
  constexpr uint64_t kStops = 5;
  SendBatch(1, 0, kDocuments);
  for (uint64_t stop = 1; stop <= kStops; ++stop) {
    Ingest("more" + std::to_string(stop), "", "words that are new");
    const auto told = Told();
    std::this_thread::sleep_for(std::chrono::milliseconds(960 + 15 * stop));
    if (stop == kStops) {
      EXPECT_TRUE(WaitUntil([&] { return !FilesOf("data").empty(); }));
    }
    const auto began = std::chrono::steady_clock::now();
    engine_.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
    const auto verified = VerifyStore(paths());
    ASSERT_TRUE(verified.ok()) << verified.status().ToString();
    EXPECT_TRUE(verified->ok() && verified->derived.empty()) << "stop " << stop;
    Open();
    EXPECT_EQ(Told(), told) << "stop " << stop;
  }
  EXPECT_GT(engine_->index_files().rows_loaded(), 0u) << "no file was ever written";
}

}  // namespace
}  // namespace cordon
