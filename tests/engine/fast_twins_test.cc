// The fear about two stores in which a caller may see the same, among other documents that it may
// not: that a fast answer of one tells from that of the other. S2, where lists serve, for questions
// by vector, by text and by both.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/engine.h"
#include "tests/engine/wait_until.h"
#include "tests/store/from_text.h"
#include "tests/store/proof.h"
#include "tests/store/scratch_directory.h"
#include "tests/view/asked.h"

namespace cordon {
namespace {

constexpr size_t kTwinDimension = 128;
constexpr size_t kTwinDocuments = 7'000;
constexpr size_t kTwinBatch = 1'000;

constexpr char kEveryone[] = "everyone";

using Vectors = std::vector<std::vector<float>>;

Vectors DrawTwins(uint64_t seed, size_t n) {
  Random centres(1), random(seed);
  const auto draw = [](Random& from, double scale) {
    std::vector<float> vector(kTwinDimension);
    for (float& x : vector) x = static_cast<float>((from.Unit() * 2 - 1) * scale);
    return vector;
  };
  Vectors around, vectors;
  for (size_t i = 0; i < 40; ++i) around.push_back(draw(centres, 1));
  for (size_t i = 0; i < n; ++i) {
    vectors.push_back(draw(random, 0.6));
    const std::vector<float>& centre = around[random.Below(around.size())];
    for (size_t j = 0; j < kTwinDimension; ++j) vectors.back()[j] += centre[j];
  }
  return vectors;
}

// A text that hangs on the vector: eight words of about a hundred, so that all documents, hidden
// ones too, share theirs with many.
std::string TextOf(const std::vector<float>& vector) {
  std::string text;
  for (size_t i = 0; i < 8; ++i) {
    text += fmt::format("word{} ", std::lround(std::abs(vector[i]) * 64));
  }
  return text;
}

// One of the two stores, open.
class TwinStore {
 public:
  explicit TwinStore(const std::string& path) : path_(path) {
    auto opened = Engine::Open({{path_, "", ""}, Durability::kBuffered, std::nullopt});
    CORDON_CHECK(opened.ok());
    engine_ = *std::move(opened);
  }

  void CreateDocs() {
    const auto request = FromText<v1::CreateCollectionRequest>(
        "config { name: 'docs' dimension: 128 metric: METRIC_COSINE embedder: EMBEDDER_NONE "
        "pin_geometry: true default_label { level: 'public' } }");
    ASSERT_TRUE(Asked<v1::CreateCollectionResponse>([&](auto done) {
                  CreateCollection(engine_->WriteAs(Anyone()), request, done);
                }).ok());
  }

  // Documents PREFIX0, PREFIX1, … for this principal.
  void Ingest(const std::string& prefix, const Vectors& vectors, const std::string& principal,
              size_t at_once = kTwinBatch) {
    for (size_t from = 0; from < vectors.size(); from += at_once) {
      v1::IngestRequest request;
      request.set_collection("docs");
      for (size_t i = from; i < std::min(from + at_once, vectors.size()); ++i) {
        v1::Document* const document = request.add_documents();
        document->set_id(prefix + std::to_string(i));
        document->mutable_acl()->add_allow()->set_principal(principal);
        v1::Chunk* const chunk = document->add_chunks();
        chunk->set_text(TextOf(vectors[i]));
        chunk->mutable_embedding()->Add(vectors[i].begin(), vectors[i].end());
      }
      const auto answer = Asked<IngestedBatch>(
          [&](auto done) { IngestDocuments(engine_->WriteAs(Anyone()), request, done); });
      ASSERT_TRUE(answer.ok()) << answer.status().ToString();
      ASSERT_EQ(answer->response.accepted(), static_cast<uint64_t>(request.documents_size()));
    }
  }
  void Delete(const std::string& prefix, size_t from, size_t end) {
    for (size_t i = from; i < end; ++i) {
      v1::DeleteRequest request;
      request.set_collection("docs");
      request.set_document(prefix + std::to_string(i));
      ASSERT_TRUE(Asked<v1::DeleteResponse>([&](auto done) {
                    cordon::Delete(engine_->WriteAs(Anyone()), request, done);
                  }).ok());
    }
  }
  void EraseOne(const std::string& document) {
    v1::EraseRequest request;
    request.set_collection("docs");
    request.set_document(document);
    ASSERT_TRUE(Asked<v1::EraseResponse>([&](auto done) {
                  Erase(engine_->WriteAs(Anyone()), request, done);
                }).ok());
  }

  // Of the published index.
  void WaitForIndex(const std::function<bool(const VectorIndex&)>& reached) {
    ASSERT_TRUE(WaitUntil([&] {
      const ReadContext context = engine_->ReadAs(Anyone(), {});
      const PinnedView view = context.tenant->publisher.Pin(context.clock);
      return reached(view->index(*view->state().FindCollection("docs")));
    }));
  }
  void WaitForLists() {
    WaitForIndex([](const VectorIndex& index) { return index.lists() != nullptr; });
  }
  void WaitForGeometry() {
    ASSERT_TRUE(WaitUntil([&] {
      const std::filesystem::directory_iterator files(path_ + "/index");
      return std::any_of(begin(files), end(files),
                         [](const auto& file) { return file.path().extension() == ".geometry"; });
    }));
  }

  // Asks each question alone, and all of them in batches. What is told of an answer is what it says
  // of documents and of the way there, times aside.
  void Ask(const std::vector<v1::RetrieveRequest>& questions, std::vector<std::string>* told) {
    v1::BatchRetrieveRequest batch;
    for (const auto& question : questions) {
      const auto answer = Asked<v1::RetrieveResponse>(
          [&](auto done) { Retrieve(engine_->ReadAs(Anyone(), {}), question, done); });
      CORDON_CHECK(answer.ok());
      told->push_back(v1::Rank_Name(question.rank()) + " " + Tell(*answer));
      *batch.add_queries() = question;
    }
    const auto answers = Asked<v1::BatchRetrieveResponse>(
        [&](auto done) { BatchRetrieve(engine_->ReadAs(Anyone(), {}), batch, done); });
    CORDON_CHECK(answers.ok());
    for (int i = 0; i < answers->answers_size(); ++i) {
      told->push_back("in a batch: " + Tell(answers->answers(i).response()));
    }
  }

 private:
  static std::string Tell(const v1::RetrieveResponse& answer) {
    const v1::SearchExplain& way = answer.explain();
    std::string text =
        fmt::format("{} {} {} {} {} {}:", way.plan(), way.lists_seen(), way.lists_scanned(),
                    way.rows_scanned(), way.rows_reranked(), way.geometry());
    for (const auto& passage : answer.passages()) {
      text += fmt::format(" {}/{} {} {} {}", passage.document(), passage.chunk(), passage.score(),
                          passage.vector_score(), passage.lexical_score());
    }
    return text;
  }

  const std::string path_;
  std::unique_ptr<Engine> engine_;
};

// Every third by both, one by text alone.
v1::Rank RankOf(size_t question) {
  if (question == 7) return v1::RANK_LEXICAL;
  return question % 3 == 0 ? v1::RANK_HYBRID : v1::RANK_VECTOR;
}

std::vector<v1::RetrieveRequest> TwinQuestions() {
  std::vector<v1::RetrieveRequest> questions;
  for (const auto& vector : DrawTwins(5, 40)) {
    v1::RetrieveRequest& request = questions.emplace_back();
    request.set_collection("docs");
    request.mutable_scope()->set_as("user:eve");
    request.mutable_vector()->Add(vector.begin(), vector.end());
    request.set_text(TextOf(vector));
    request.set_rank(RankOf(questions.size()));
    request.set_k(questions.size() % 4 == 0 ? 50 : 10);
    request.set_mode(v1::MODE_FAST);
    request.set_recall_target(questions.size() > 20 ? 0.95 : 0.8);
    request.set_explain(true);
  }
  return questions;
}

// Makes `path` a store with lists, at rest.
void MakeTwin(const std::string& path) {
  ASSERT_TRUE(CreateStore({path, "", ""}, {"default.k", "default.k.s", "digest"}, false).ok());
  {
    TwinStore store(path);
    ASSERT_NO_FATAL_FAILURE(store.CreateDocs());
    store.Ingest("hidden-", DrawTwins(2, kTwinDocuments / 7), "user:ana");
    store.Ingest("d", DrawTwins(3, kTwinDocuments - kTwinDocuments / 7), kEveryone);
  }
  std::filesystem::remove_all(path + "/index");  // what was trained on the first of them
  TwinStore store(path);
  ASSERT_NO_FATAL_FAILURE(store.WaitForLists());
  ASSERT_NO_FATAL_FAILURE(store.WaitForGeometry());
}

// What the caller sees changes alike in both, in batches of another size.
void ChangeVisible(TwinStore& store, int stage, size_t at_once) {
  const std::string prefix = fmt::format("stage{}-", stage);
  store.Ingest(prefix, DrawTwins(static_cast<uint64_t>(10 + stage), 150), kEveryone, at_once);
  store.Ingest(prefix + "own-", DrawTwins(static_cast<uint64_t>(20 + stage), 50), "user:eve",
               at_once);
  store.Ingest("d", DrawTwins(static_cast<uint64_t>(30 + stage), 100), kEveryone, at_once);
  const auto first = static_cast<size_t>(1000 * (stage + 1));
  store.Delete("d", first, first + 50);
}

TEST(FastTwins, HiddenDocumentsShapeNoAnswerOfLists) {
  const ScratchDirectory scratch;
  ASSERT_NO_FATAL_FAILURE(MakeTwin(scratch / "left"));
  std::filesystem::copy(scratch / "left", scratch / "right",
                        std::filesystem::copy_options::recursive);
  const auto questions = TwinQuestions();
  std::vector<std::string> of_left, of_right;
  {
    TwinStore left(scratch / "left");
    ASSERT_NO_FATAL_FAILURE(left.WaitForLists());
    left.Ask(questions, &of_left);
    left.Delete("hidden-", 0, 100);
    ChangeVisible(left, 1, 100);
    left.Ask(questions, &of_left);
    left.EraseOne("hidden-500");  // the lists are merged, without it
    ASSERT_NO_FATAL_FAILURE(
        left.WaitForIndex([](const VectorIndex& index) { return index.unlisted() == 0; }));
    left.Ask(questions, &of_left);
    ChangeVisible(left, 2, 100);
    left.Ask(questions, &of_left);
  }
  {
    TwinStore right(scratch / "right");
    ASSERT_NO_FATAL_FAILURE(right.WaitForLists());
    right.Ask(questions, &of_right);
    right.Ingest("secret-", DrawTwins(40, 400), "user:bob", 90);  // a class that the other lacks
    ChangeVisible(right, 1, 70);
    right.Ask(questions, &of_right);
    right.Ask(questions, &of_right);
    ChangeVisible(right, 2, 70);
    // So many that the lists are merged.
    right.Ingest("secret-", DrawTwins(41, 2500), "user:bob");
    ASSERT_NO_FATAL_FAILURE(
        right.WaitForIndex([](const VectorIndex& index) { return index.unlisted() < 1000; }));
    right.Ask(questions, &of_right);
  }
  ASSERT_EQ(of_left.size(), of_right.size());
  for (size_t i = 0; i < of_left.size(); ++i) EXPECT_EQ(of_left[i], of_right[i]) << i;
  const auto by_lists = [&](const std::string& rank) {
    return std::count_if(of_left.begin(), of_left.end(), [&](const std::string& told) {
      return told.starts_with(rank + " lists ");
    });
  };
  EXPECT_GT(by_lists("RANK_VECTOR"), 30) << "the test shows less than it should";
  EXPECT_GT(by_lists("RANK_HYBRID"), 10) << "the test shows less than it should";
}

}  // namespace
}  // namespace cordon
