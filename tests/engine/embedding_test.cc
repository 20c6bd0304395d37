// Fears about changing the model of a collection: that an answer afterwards is not that of a
// collection which was embedded so from the beginning, or that something which was revoked, deleted
// or erased meanwhile is left in one of the two spaces.
#include <gtest/gtest.h>

#include <bit>
#include <chrono>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/engine.h"
#include "engine/store/embedding_spaces.h"
#include "engine/verify_store.h"
#include "tests/effort.h"
#include "tests/engine/wait_until.h"
#include "tests/store/from_text.h"
#include "tests/store/proof.h"
#include "tests/store/scratch_directory.h"
#include "tests/view/asked.h"

namespace cordon {
namespace {

constexpr int kEmbedded = 40;
constexpr const char* kUsers[] = {"user:ana", "user:bo"};
constexpr const char* kWords[] = {"river", "tax", "harbour", "clock", "violet", "engine", "salt"};

class Reembedding : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(CreateStore(Paths(), {"default.k", "default.k.s", "digest"}, false).ok());
    Open();
    Create("docs", 32, "old");
    Create("twin", 48, "new");
  }

  DataPaths Paths() const { return {scratch_ / "data", "", ""}; }

  void Open() {
    engine_.reset();
    Engine::Options options;
    options.paths = Paths();
    options.read_durability = Durability::kBuffered;
    options.index_file_rows = 8;
    options.embedding_pace = {.every = std::chrono::milliseconds(5),
                              .after_failure = std::chrono::milliseconds(5),
                              .again = std::chrono::milliseconds(50)};
    auto opened = Engine::Open(std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    engine_ = *std::move(opened);
  }

  template <typename Response, typename Request, typename Call>
  std::string Send(Call call, const std::string& text) {
    return Outcome(Asked<Response>(
        [&](auto done) { call(engine_->WriteAs(Anyone()), FromText<Request>(text), done); }));
  }
  void Create(const std::string& name, int dimension, const std::string& model) {
    EXPECT_EQ((Send<v1::CreateCollectionResponse, v1::CreateCollectionRequest>(
                  CreateCollection,
                  "config { name: '" + name + "' dimension: " + std::to_string(dimension) +
                      " metric: METRIC_COSINE embedder: EMBEDDER_BUILTIN model: '" + model +
                      "' default_label { level: 'public' } }")),
              "OK");
  }
  void Begin() {
    EXPECT_EQ((Send<v1::BeginEmbeddingResponse, v1::BeginEmbeddingRequest>(
                  BeginEmbedding,
                  "collection: 'docs' space { model: 'new' dimension: 48 embedder: "
                  "EMBEDDER_BUILTIN }")),
              "OK");
  }
  std::string Switch(const std::string& model) {
    return Send<v1::SwitchEmbeddingResponse, v1::SwitchEmbeddingRequest>(
        [](auto context, auto request, auto done) {
          SwitchEmbedding(context, request, /*stop=*/{}, done);
        },
        "collection: 'docs' model: '" + model + "'");
  }
  std::string Drop(const std::string& model) {
    return Send<v1::DropEmbeddingResponse, v1::DropEmbeddingRequest>(
        DropEmbedding, "collection: 'docs' model: '" + model + "'");
  }
  v1::EmbeddingStatusResponse StatusOfDocs() {
    const auto answer = Asked<v1::EmbeddingStatusResponse>([&](auto done) {
      EmbeddingStatus(
          engine_->ReadAs(Anyone(), {}), FromText<v1::EmbeddingStatusRequest>("collection: 'docs'"),
          [&](const auto& tenant, uint32_t id) { return engine_->EmbeddingProgressOf(tenant, id); },
          done);
    });
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    return answer.ok() ? *answer : v1::EmbeddingStatusResponse();
  }
  void WaitUntilWhole() {
    ASSERT_TRUE(WaitUntil([&] {
      const auto status = StatusOfDocs();
      return status.has_other() && status.embedded() == status.documents();
    }));
  }

  // The same change to both collections.
  template <typename Response, typename Request, typename Call>
  void Both(Call call, const std::string& request) {
    for (const char* name : {"docs", "twin"}) {
      EXPECT_EQ(
          (Send<Response, Request>(call, "collection: '" + std::string(name) + "' " + request)),
          "OK")
          << request;
    }
  }
  void Ingest(const std::string& document) {
    for (const char* name : {"docs", "twin"}) {
      const auto request =
          FromText<v1::IngestRequest>("collection: '" + std::string(name) + "' " + document);
      const auto answer = Asked<IngestedBatch>(
          [&](auto done) { IngestDocuments(engine_->WriteAs(Anyone()), request, done); });
      ASSERT_TRUE(answer.ok()) << answer.status().ToString();
      ASSERT_EQ(answer->response.accepted(), 1u) << answer->response.ShortDebugString();
    }
  }

  std::string Text() {
    std::string text;
    for (uint64_t words = 3 + random_.Below(8); words > 0; --words) {
      text += std::string(kWords[random_.Below(std::size(kWords))]) +
              std::to_string(random_.Below(3)) + " ";
    }
    return text;
  }
  std::string Acl() {
    switch (random_.Below(3)) {
      case 0:
        return "acl { allow { principal: 'everyone' } } ";
      case 1:
        return "acl { allow { principal: 'user:ana' } } ";
      default:
        return "acl { allow { principal: 'everyone' } deny { principal: 'user:ana' } } ";
    }
  }
  std::string Id() { return "d" + std::to_string(random_.Below(kEmbedded)); }
  void IngestOne(const std::string& id) {
    Ingest("documents { id: '" + id + "' " + Acl() + "subjects: 's" +
           std::to_string(random_.Below(5)) + "' chunks { ordinal: 0 text: '" + Text() +
           "' } chunks { ordinal: 5 text: '" + Text() + "' } }");
  }
  void ChangeSomething() {
    switch (random_.Below(8)) {
      case 0:
        return Both<v1::DeleteResponse, v1::DeleteRequest>(Delete, "document: '" + Id() + "'");
      case 1:
        return Both<v1::EraseResponse, v1::EraseRequest>(Erase, "document: '" + Id() + "'");
      case 2:
        return Both<v1::EraseResponse, v1::EraseRequest>(
            Erase, "subject: 's" + std::to_string(random_.Below(5)) + "'");
      case 3:
        return Both<v1::SetAccessResponse, v1::SetAccessRequest>(
            SetAccess, "document: '" + Id() + "' " + Acl());
      case 4:
        return Both<v1::UpdateMetadataResponse, v1::UpdateMetadataRequest>(
            UpdateMetadata, "document: '" + Id() +
                                "' update_mask { paths: 'subjects' } metadata { subjects: 's" +
                                std::to_string(random_.Below(5)) + "' }");
      default:
        return IngestOne(Id());
    }
  }

  // What a user finds, to the bit.
  std::string Found(const std::string& collection, v1::RetrieveRequest request) {
    request.set_collection(collection);
    const auto answer = Asked<v1::RetrieveResponse>(
        [&](auto done) { Retrieve(engine_->ReadAs(Anyone(), {}), request, done); });
    if (!answer.ok()) return answer.status().ToString();
    std::string text;
    for (const auto& passage : answer->passages()) {
      text += passage.document() + "/" + std::to_string(passage.chunk()) + " " +
              std::to_string(std::bit_cast<uint64_t>(passage.score())) + " " + passage.text() +
              "\n";
    }
    return text;
  }
  void ExpectEqualAnswers() {
    for (int i = 0; i < 24; ++i) {
      v1::RetrieveRequest request;
      request.set_text(Text());
      request.set_k(1 + static_cast<uint32_t>(random_.Below(30)));
      request.set_mode(i % 2 == 0 ? v1::MODE_EXACT : v1::MODE_FAST);
      request.set_rank(static_cast<v1::Rank>(1 + i % 3));
      request.mutable_scope()->set_as(kUsers[i / 3 % 2]);
      EXPECT_EQ(Found("docs", request), Found("twin", request)) << request.ShortDebugString();
    }
  }

  ScratchDirectory scratch_;
  std::unique_ptr<Engine> engine_;
  Random random_{20261128};
};

TEST_F(Reembedding, AnswersAreNotThoseOfACollectionThatWasEmbeddedSoFromTheBeginning) {
  Effort effort("re-embedding", 30);  // changes behind the switch
  random_ = Random(effort.seed());
  for (int i = 0; i < kEmbedded; ++i) IngestOne("d" + std::to_string(i));
  Begin();
  for (int step = 0; step < 60 && !HasFatalFailure(); ++step) {
    ChangeSomething();
    if (random_.Below(10) == 0) Open();
  }
  WaitUntilWhole();
  ASSERT_EQ(Switch("new"), "OK");
  ExpectEqualAnswers();
  while (effort.More() && !HasFailure()) {
    ChangeSomething();
    if (random_.Below(10) == 0) Open();
    if (random_.Below(30) == 0) ExpectEqualAnswers();
  }
  ExpectEqualAnswers();
  Open();
  ExpectEqualAnswers();
  engine_.reset();
  const auto verdict = VerifyStore(Paths());
  ASSERT_TRUE(verdict.ok()) << verdict.status().ToString();
  for (const auto& damage : verdict->damage) ADD_FAILURE() << damage.where << ": " << damage.what;
  effort.Report("different={}", HasFailure() ? 1 : 0);
}

TEST_F(Reembedding, ASecondSpaceIsSearchedBeforeTheSwitch) {
  for (int i = 0; i < kEmbedded; ++i) IngestOne("d" + std::to_string(i));
  const auto told = [&] {
    std::string all;
    for (const char* word : kWords) {
      v1::RetrieveRequest request;
      request.set_text(word);
      request.set_k(20);
      request.mutable_scope()->set_as("user:ana");
      all += Found("docs", request) + "\n";
    }
    return all;
  };
  const std::string before = told();
  Begin();
  WaitUntilWhole();
  EXPECT_EQ(told(), before);
  Open();
  EXPECT_EQ(told(), before);
  ASSERT_EQ(Switch("new"), "OK");
  EXPECT_NE(told(), before);
  ASSERT_EQ(Switch("old"), "OK") << "a switch can be taken back";
  EXPECT_EQ(told(), before);
}

TEST_F(Reembedding, WhatCameAfterTheSwitchIsMissingWhenItIsTakenBack) {
  IngestOne("d0");
  Begin();
  WaitUntilWhole();
  ASSERT_EQ(Switch("new"), "OK");
  IngestOne("d1");
  WaitUntilWhole();
  ASSERT_EQ(Switch("old"), "OK");
  WaitUntilWhole();
  ASSERT_EQ(Switch("new"), "OK");
  ExpectEqualAnswers();
}

TEST_F(Reembedding, AQuestionForTheOtherModelIsAnswered) {
  IngestOne("d0");
  Begin();
  WaitUntilWhole();
  ASSERT_EQ(Switch("new"), "OK");
  v1::RetrieveRequest request;
  request.set_text("river");
  request.set_vector_model("old");
  request.mutable_scope()->set_as("user:ana");
  EXPECT_NE(Found("docs", request).find("vector_model"), std::string::npos);
  request.set_vector_model("new");
  EXPECT_EQ(Found("docs", request).find("vector_model"), std::string::npos);
}

TEST_F(Reembedding, VectorsOfADroppedSpaceStayInTheStore) {
  for (int i = 0; i < kEmbedded; ++i) IngestOne("d" + std::to_string(i));
  Begin();
  WaitUntilWhole();
  ASSERT_EQ(Switch("new"), "OK");
  ASSERT_EQ(Drop("old"), "OK");
  ASSERT_TRUE(WaitUntil([&] { return StatusOfDocs().to_clean() == 0; }));
  const ReadContext context = engine_->ReadAs(Anyone(), {});
  const PinnedView view = context.tenant->publisher.Pin(context.clock);
  const auto collection = view->state().FindCollection("docs");
  EXPECT_FALSE(view->indexes().contains(collection->id)) << "its index stays in memory";
  size_t chunks = 0;
  EXPECT_TRUE(view->documents()
                  .ScanChunks(
                      collection->id, 0, UINT64_MAX, [](const auto&) { return true; },
                      [&](const auto&, const store::v1::ChunkRecord* chunk) {
                        ++chunks;
                        EXPECT_TRUE(chunk->embedding().empty());
                        EXPECT_EQ(chunk->vectors_size(), 1);
                        return OkStatus();
                      })
                  .ok());
  EXPECT_EQ(chunks, 2u * kEmbedded);
  ExpectEqualAnswers();
}

TEST_F(Reembedding, AClosedEngineCannotGoOn) {
  for (int i = 0; i < kEmbedded; ++i) IngestOne("d" + std::to_string(i));
  Begin();
  Open();  // perhaps in the middle
  WaitUntilWhole();
  Open();
  EXPECT_EQ(StatusOfDocs().embedded(), static_cast<uint64_t>(kEmbedded));
  ASSERT_EQ(Switch("new"), "OK");
  Open();
  EXPECT_EQ(StatusOfDocs().searched().model(), "new");
  ExpectEqualAnswers();
}

}  // namespace
}  // namespace cordon
