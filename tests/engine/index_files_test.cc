// Fears about files of the index: that a start believes what they say of access, that something
// erased is left in them, or that damage, another's file or an old one changes an answer.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "engine/base/random.h"
#include "engine/verify_erased.h"
#include "engine/verify_store.h"
#include "tests/engine/wait_until.h"
#include "tests/store/from_text.h"
#include "tests/store/proof.h"
#include "tests/store/scratch_directory.h"
#include "tests/view/asked.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFiledDimension = 32;
constexpr size_t kFiledDocuments = 2'500;  // of two chunks: enough for lists
constexpr size_t kFiledBatch = 500;
constexpr size_t kFileRows = 256;

std::string BytesOf(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void Overwrite(const fs::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
}

class IndexFilesAtRestart : public testing::Test {
 protected:
  // What each test begins with; made once for all that run in this process.
  struct Made {
    ScratchDirectory folder;
    std::vector<v1::RetrieveRequest> questions;
    std::vector<std::string> told;  // before any start from files
    Random random;
  };

  void SetUp() override {
    if (made_ == nullptr) {
      ASSERT_NO_FATAL_FAILURE(Make());
    }
    fs::copy(made_->folder / "data", scratch_ / "data", fs::copy_options::recursive);
    questions_ = made_->questions;
    told_ = made_->told;
    random_ = made_->random;
    Open();
    WaitForLists();
    WaitForFiles();
  }
  static void TearDownTestSuite() { made_.reset(); }

  void Make() {
    ASSERT_TRUE(CreateStore(Paths(), {"default.k", "default.k.s", "digest"}, false).ok());
    Open();
    const auto request = FromText<v1::CreateCollectionRequest>(
        "config { name: 'docs' dimension: 32 metric: METRIC_COSINE embedder: EMBEDDER_NONE "
        "language: 'en' default_label { level: 'public' } }");
    const auto made = Asked<v1::CreateCollectionResponse>(
        [&](auto done) { CreateCollection(engine_->WriteAs(Anyone()), request, done); });
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    for (size_t from = 0; from < kFiledDocuments; from += kFiledBatch) Ingest(from, kFiledBatch);
    WaitForLists();
    WaitForFiles();
    for (int q = 0; q < 12; ++q) questions_.push_back(Question(q));
    told_ = Told();
    engine_.reset();
    if (HasFatalFailure()) return;
    made_.reset(new Made{{}, questions_, told_, random_});
    fs::rename(scratch_ / "data", made_->folder / "data");
  }

  DataPaths Paths() const { return {scratch_ / "data", "", ""}; }
  fs::path Dir() const { return scratch_ / "data/index"; }

  void Open() {
    engine_.reset();
    Engine::Options options;
    options.paths = Paths();
    options.read_durability = Durability::kBuffered;
    options.index_file_rows = kFileRows;
    auto opened = Engine::Open(std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    engine_ = *std::move(opened);
  }

  std::vector<float> Vector() {
    std::vector<float> vector(kFiledDimension);
    for (float& x : vector) x = static_cast<float>(random_.Unit() * 2 - 1);
    return vector;
  }

  // Documents with two chunks each; each fourth one for ana only.
  void Ingest(size_t from, size_t count, const std::string& more = "") {
    v1::IngestRequest request;
    request.set_collection("docs");
    for (size_t i = from; i < from + count; ++i) {
      v1::Document* const document = request.add_documents();
      document->set_id(std::to_string(i));
      document->mutable_acl()->add_allow()->set_principal(i % 4 == 0 ? "user:ana" : "everyone");
      for (uint32_t ordinal = 0; ordinal < 2; ++ordinal) {
        v1::Chunk* const chunk = document->add_chunks();
        chunk->set_ordinal(ordinal);
        chunk->set_text("running number" + std::to_string(i) + " and word" +
                        std::to_string(random_.Below(50)) + " " + more);
        const auto vector = Vector();
        chunk->mutable_embedding()->Add(vector.begin(), vector.end());
      }
    }
    const auto answer = Asked<IngestedBatch>(
        [&](auto done) { IngestDocuments(engine_->WriteAs(Anyone()), request, done); });
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    ASSERT_EQ(answer->response.accepted(), count) << answer->response.ShortDebugString();
  }

  v1::RetrieveRequest Question(int number) {
    v1::RetrieveRequest request;
    request.set_collection("docs");
    request.mutable_scope()->set_as(number % 2 == 0 ? "user:eve" : "user:ana");
    request.set_k(20);
    const auto vector = Vector();
    request.mutable_vector()->Add(vector.begin(), vector.end());
    request.set_mode(number % 3 == 0 ? v1::MODE_EXACT : v1::MODE_FAST);
    request.set_recall_target(0.8);
    if (number % 4 != 3) return request;
    request.clear_vector();
    request.set_rank(v1::RANK_LEXICAL);
    request.set_text("run word" + std::to_string(number));
    return request;
  }
  std::string Told(const v1::RetrieveRequest& request) {
    const auto answer = Asked<v1::RetrieveResponse>(
        [&](auto done) { Retrieve(engine_->ReadAs(Anyone(), {}), request, done); });
    if (!answer.ok()) return answer.status().ToString();
    std::string text;
    for (const auto& passage : answer->passages()) {
      text += passage.document() + "/" + std::to_string(passage.chunk()) + " " +
              std::to_string(std::bit_cast<uint64_t>(passage.score())) + "\n";
    }
    return text;
  }
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    for (const auto& question : questions_) told.push_back(Told(question));
    return told;
  }

  PinnedView Pin() {
    const ReadContext context = engine_->ReadAs(Anyone(), {});
    return context.tenant->publisher.Pin(context.clock);
  }
  void WaitForLists() {
    ASSERT_TRUE(WaitUntil([&] {
      const auto view = Pin();
      const VectorIndex& vectors = view->indexes().begin()->second.vectors;
      return vectors.lists() != nullptr && vectors.unlisted() == 0;
    }));
  }
  void WaitForFiles() {
    ASSERT_TRUE(WaitUntil([&] {
      const auto view = Pin();
      const auto& [id, index] = *view->indexes().begin();
      return !engine_->index_files().Stale(1, id, index);
    }));
  }
  std::vector<fs::path> Files() const {
    std::vector<fs::path> files;
    for (const IndexFileName& name : ListIndexFiles(Dir())) files.push_back(Dir() / name.text());
    return files;
  }
  // The class of a row of an index; of the one that is alive.
  std::vector<uint32_t> ClassesOf(const std::string& id) {
    std::vector<uint32_t> classes;
    const auto view = Pin();
    const CollectionIndex& index = view->indexes().begin()->second;
    for (const Segment& segment : index.vectors.segments()) {
      const auto document = segment.rows().Find(id);
      if (!document) continue;
      for (const uint32_t row : segment.rows().rows_of(*document)) {
        if (!segment.Dead(row)) classes.push_back(segment.rows().class_id(row));
      }
    }
    const uint32_t number = *index.documents.Find(id);
    for (const LexicalSegment& segment : index.lexical.segments()) {
      for (const uint32_t row : segment.rows().rows_of(number)) {
        if (!segment.Dead(row)) classes.push_back(segment.rows().class_id(row));
      }
    }
    return classes;
  }
  // Whether the words in memory, of dead rows too, have it.
  bool HoldsWord(std::string_view word) {
    bool found = false;
    const auto view = Pin();
    for (const LexicalSegment& segment : view->indexes().begin()->second.lexical.segments()) {
      segment.rows().ForEachTerm(
          [&](std::string_view text, uint32_t, auto) { found = found || text == word; });
    }
    return found;
  }
  void CloseDocument(const std::string& id) {
    const auto change = FromText<v1::SetAccessRequest>(
        "collection: 'docs' document: '" + id +
        "' acl { allow { principal: 'user:ana' } } label { level: 'public' }");
    const auto changed = Asked<v1::SetAccessResponse>(
        [&](auto done) { SetAccess(engine_->WriteAs(Anyone()), change, done); });
    ASSERT_TRUE(changed.ok()) << changed.status().ToString();
  }
  // A start without files, whatever there is.
  std::vector<std::string> ToldByARebuild() {
    engine_.reset();
    for (const fs::path& file : Files()) fs::remove(file);
    Open();
    EXPECT_EQ(engine_->index_files().rows_loaded(), 0u);
    WaitForLists();
    return Told();
  }
  // What a verification of the store says is to be made anew; it finds no other damage.
  std::vector<std::string> ToBeMadeAnew() {
    const auto verdict = VerifyStore(Paths());
    EXPECT_TRUE(verdict.ok()) << verdict.status().ToString();
    if (!verdict.ok()) return {"nothing is known"};
    EXPECT_TRUE(verdict->ok());
    std::vector<std::string> files;
    for (const auto& file : verdict->derived) files.push_back(file.where);
    return files;
  }
  static void FlipBit(const fs::path& path) {
    std::string bytes = BytesOf(path);
    ASSERT_FALSE(bytes.empty()) << path;
    char& byte = bytes[bytes.size() / 2];
    byte = static_cast<char>(byte ^ 1);
    Overwrite(path, bytes);
  }
  // What nobody may find any more.
  ErasedVerdict Search(const std::string& needle) {
    engine_.reset();
    const auto verdict = VerifyErased(Paths(), {needle});
    EXPECT_TRUE(verdict.ok()) << verdict.status().ToString();
    return verdict.ok() ? *verdict : ErasedVerdict();
  }
  void EraseDocument(const std::string& id) {
    const auto erased = Asked<v1::EraseResponse>([&](auto done) {
      Erase(engine_->WriteAs(Anyone()),
            FromText<v1::EraseRequest>("collection: 'docs' document: '" + id + "'"), done);
    });
    ASSERT_TRUE(erased.ok()) << erased.status().ToString();
    v1::EraseStatusRequest request;
    request.set_collection("docs");
    request.set_revision(erased->revision());
    ASSERT_TRUE(WaitUntil([&] {
      const auto status = Asked<v1::EraseStatusResponse>(
          [&](auto done) { EraseStatus(engine_->ReadAs(Anyone(), {}), request, done); });
      return status.ok() && status->verified();
    }));
  }

  static inline std::unique_ptr<Made> made_;

  Random random_{11};
  std::vector<v1::RetrieveRequest> questions_;
  std::vector<std::string> told_;
  ScratchDirectory scratch_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(IndexFilesAtRestart, AnswersAreThoseOfARebuild) {
  Open();
  EXPECT_EQ(engine_->index_files().rows_loaded(), 4 * kFiledDocuments);
  WaitForLists();
  EXPECT_EQ(Told(), told_);
  EXPECT_EQ(ToldByARebuild(), told_);
}

TEST_F(IndexFilesAtRestart, WhatWasReplacedOrDeletedSinceIsGoneAndWhatCameIsThere) {
  Ingest(0, 7, "fresh");
  Ingest(kFiledDocuments, 20, "fresh");
  for (int i = 100; i < 140; ++i) {
    const auto deleted = Asked<v1::DeleteResponse>([&](auto done) {
      Delete(
          engine_->WriteAs(Anyone()),
          FromText<v1::DeleteRequest>("collection: 'docs' document: '" + std::to_string(i) + "'"),
          done);
    });
    ASSERT_TRUE(deleted.ok()) << deleted.status().ToString();
  }
  auto fresh = Question(3);
  fresh.set_text("fresh");
  questions_.push_back(fresh);
  const auto told = Told();
  ASSERT_NE(told.back(), "");
  Open();
  EXPECT_GT(engine_->index_files().rows_loaded(), 3 * kFiledDocuments);
  WaitForLists();
  EXPECT_EQ(Told(), told);
  EXPECT_EQ(ToldByARebuild(), told);
}

TEST_F(IndexFilesAtRestart, ARevocationSurvives) {
  const auto open = ClassesOf("1"), closed = ClassesOf("4");
  ASSERT_EQ(open.size(), 4u);
  CloseDocument("1");
  ASSERT_EQ(ClassesOf("1"), closed);
  const auto told = Told();
  Open();
  EXPECT_GT(engine_->index_files().rows_loaded(), 3 * kFiledDocuments);
  EXPECT_EQ(ClassesOf("1"), closed);
  WaitForLists();
  EXPECT_EQ(Told(), told);
}

TEST_F(IndexFilesAtRestart, DamageAnywhereIsARebuild) {
  const std::vector<fs::path> files = Files();
  ASSERT_GE(files.size(), 2u);
  const size_t kinds = 6;
  for (size_t kind = 0; kind < kinds; ++kind) {
    WaitForFiles();
    engine_.reset();
    const std::vector<fs::path> now = Files();
    for (size_t i = 0; i < now.size(); ++i) {
      std::string bytes = BytesOf(now[i]);
      // In the magic, a nonce, the header, somewhere, and the last tag; and cut off.
      const size_t places[] = {3, 10, 40, 100 + random_.Below(bytes.size() - 100),
                               bytes.size() - 1};
      if (kind < std::size(places)) {
        bytes[places[kind]] = static_cast<char>(bytes[places[kind]] ^ (1 << random_.Below(8)));
      } else {
        bytes.resize(i % 2 == 0 ? bytes.size() - 1 : random_.Below(bytes.size()));
      }
      Overwrite(now[i], bytes);
      if (i == 0) {
        const auto verdict = VerifyStore(Paths());
        ASSERT_TRUE(verdict.ok()) << verdict.status().ToString();
        EXPECT_TRUE(verdict->ok());
        EXPECT_EQ(verdict->derived.size(), 1u) << now[i];
      }
    }
    Open();
    EXPECT_EQ(engine_->index_files().rows_loaded(), 0u) << kind;
    WaitForLists();
    EXPECT_EQ(Told(), told_) << kind;
  }
}

TEST_F(IndexFilesAtRestart, FilesOfOthersAndDraftsAreNotBelieved) {
  engine_.reset();
  std::vector<fs::path> files = Files();
  std::rotate(files.begin(), files.begin() + 1, files.end());
  // Each under the next one's name.
  const auto names = Files();
  std::vector<std::string> bytes;
  for (const auto& file : files) bytes.push_back(BytesOf(file));
  for (size_t i = 0; i < names.size(); ++i) Overwrite(names[i], bytes[i]);
  Overwrite(Dir() / "00000001-00000001-00000000000000ff.vectors.tmp", bytes[0]);
  // Another collection's, and another tenant's.
  Overwrite(Dir() / "00000001-00000007-0000000000000000.vectors", bytes[0]);
  Overwrite(Dir() / "00000002-00000001-0000000000000001.words", bytes[0]);
  Open();
  EXPECT_EQ(engine_->index_files().rows_loaded(), 0u);
  WaitForLists();
  EXPECT_EQ(Told(), told_);
  WaitForFiles();
  engine_.reset();  // it might be writing a file
  for (const auto& entry : fs::directory_iterator(Dir())) {
    EXPECT_NE(entry.path().extension(), ".tmp");
    EXPECT_FALSE(entry.path().filename().string().starts_with("00000002"));
    EXPECT_FALSE(entry.path().filename().string().starts_with("00000001-00000007"));
  }
}

TEST_F(IndexFilesAtRestart, WithoutKeysOrGeometryItIsARebuild) {
  engine_.reset();
  const std::string keys = scratch_ / "data/keys/files";
  FlipBit(keys);
  EXPECT_EQ(ToBeMadeAnew(), std::vector<std::string>{keys}) << "files without keys are passed over";
  fs::remove(keys);
  Open();
  EXPECT_EQ(engine_->index_files().rows_loaded(), 0u);
  WaitForLists();
  EXPECT_EQ(Told(), told_);
  WaitForFiles();
  // A geometry that was lost: a new one has the same number, and other lists.
  engine_.reset();
  const fs::path geometry = Dir() / "default.1.geometry";
  FlipBit(geometry);
  EXPECT_EQ(ToBeMadeAnew(), std::vector<std::string>{geometry.string()});
  fs::remove(geometry);
  Open();
  EXPECT_EQ(engine_->index_files().rows_loaded(), 4 * kFiledDocuments);
  WaitForLists();
  const auto told = Told();
  for (size_t q = 0; q < told.size(); q += 3) EXPECT_EQ(told[q], told_[q]) << q;  // the exact ones
  EXPECT_EQ(ToldByARebuild(), told);
}

TEST_F(IndexFilesAtRestart, WhatWasErasedIsInNoFile) {
  Ingest(kFiledDocuments, kFileRows, "zebrafish");
  WaitForFiles();
  const std::string id = std::to_string(kFiledDocuments + 3);
  const std::string needle = "number" + id;
  const fs::path copies = scratch_ / "copies";
  fs::copy(Dir(), copies);
  const ErasedVerdict there = Search(needle);
  EXPECT_TRUE(std::any_of(there.found.begin(), there.found.end(), [](const auto& found) {
    return found.file.ends_with(".words") && found.where == "a file of the index, decrypted";
  }));
  Open();
  EraseDocument(id);
  ErasedVerdict verdict = Search(needle);
  EXPECT_TRUE(verdict.ok());
  // Files that somebody kept do not bring it back.
  fs::copy(copies, Dir(), fs::copy_options::overwrite_existing | fs::copy_options::recursive);
  verdict = Search(needle);
  EXPECT_TRUE(verdict.ok());
  Open();
  WaitForFiles();
  EXPECT_TRUE(Search(needle).ok());
}

// Not only with the receipt: no file opens once the erasure is acknowledged.
TEST_F(IndexFilesAtRestart, NoFileOpensOnceTheErasureIsAcknowledged) {
  const auto erased = Asked<v1::EraseResponse>([&](auto done) {
    Erase(engine_->WriteAs(Anyone()),
          FromText<v1::EraseRequest>("collection: 'docs' document: '2498'"), done);
  });
  ASSERT_TRUE(erased.ok()) << erased.status().ToString();
  const auto verdict = Search("number2498");
  EXPECT_TRUE(verdict.found.empty()) << verdict.found.front().file;
}

// A version of its own since its subjects are others: the file names the number of before.
TEST_F(IndexFilesAtRestart, ADocumentThatGotAnotherNumberStaysAndItsErasureTakesTheFile) {
  const auto change = FromText<v1::UpdateMetadataRequest>(
      "collection: 'docs' document: '2497' update_mask { paths: 'subjects' } "
      "metadata { subjects: 'somebody' }");
  const auto changed = Asked<v1::UpdateMetadataResponse>(
      [&](auto done) { UpdateMetadata(engine_->WriteAs(Anyone()), change, done); });
  ASSERT_TRUE(changed.ok()) << changed.status().ToString();
  const auto told = Told();
  Open();
  WaitForLists();
  EXPECT_EQ(Told(), told);
  EXPECT_EQ(ClassesOf("2497").size(), 4u);
  EraseDocument("2497");
  EXPECT_FALSE(HoldsWord("number2497"));
  const auto verdict = Search("number2497");
  EXPECT_TRUE(verdict.found.empty()) << verdict.found.front().file;
}

// Its words come from a file in a dead row, as those of another class, and from the store.
TEST_F(IndexFilesAtRestart, WordsOfAnErasedDocumentAreNotInMemoryEither) {
  CloseDocument("1");
  Open();
  ASSERT_TRUE(HoldsWord("number1"));
  EraseDocument("1");
  EXPECT_FALSE(HoldsWord("number1"));
}

// As a loss of power leaves it in the midst of an erasure: the documents' keys are destroyed, those
// of files are not.
TEST_F(IndexFilesAtRestart, AnErasureThatBrokeOffIsFinishedByTheStart) {
  const fs::path copies = scratch_ / "copies";
  fs::copy(Dir(), copies);
  fs::copy_file(scratch_ / "data/keys/files", scratch_ / "files");
  EraseDocument("2499");
  engine_.reset();
  fs::copy(copies, Dir(), fs::copy_options::overwrite_existing | fs::copy_options::recursive);
  fs::copy_file(scratch_ / "files", scratch_ / "data/keys/files",
                fs::copy_options::overwrite_existing);
  EXPECT_FALSE(Search("number2499").found.empty());
  Open();
  EXPECT_TRUE(Search("number2499").ok());
}

}  // namespace
}  // namespace cordon
