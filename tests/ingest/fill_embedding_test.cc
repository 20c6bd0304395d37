// Fears about vectors that clients bring for a second embedding space: that they come to a text
// that they were not made of, that they bring something else along, or tell of what is hidden.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "engine/store/embedding_spaces.h"
#include "tests/ingest/scratch_writer.h"

namespace cordon {
namespace {

constexpr const char* kOwn = "embedding_model: 'own' ";
constexpr const char* kFill = "embedding_model: 'own' embeddings_only: true ";

class Fills : public ScratchWriter {
 protected:
  void SetUp() override {
    ScratchWriter::SetUp();
    ASSERT_TRUE(Ingest(Stored("a", "one") + Stored("b", "two")).ok());
    ASSERT_TRUE((Send<v1::BeginEmbeddingResponse, v1::BeginEmbeddingRequest>(
                     BeginEmbedding,
                     "collection: 'docs' space { model: 'own' dimension: 3 embedder: "
                     "EMBEDDER_NONE }"))
                    .ok());
  }

  // A document of two chunks as it is written.
  static std::string Stored(const std::string& id, const std::string& text) {
    return "documents { id: '" + id +
           "' acl { allow { principal: 'everyone' } } label { level: 'public' } chunks { ordinal: "
           "7 text: '" +
           text +
           "' embedding: 1 embedding: 0 } chunks { text: 'more' ordinal: 2 embedding: 0 "
           "embedding: 1 } } ";
  }
  // Its vectors in the other space.
  static std::string Vectors(const std::string& id, const std::string& text,
                             const std::string& more = "") {
    return "documents { id: '" + id + "' " + more +
           "chunks { ordinal: 2 text: 'more' embedding: 4 "
           "embedding: 5 embedding: 6 } chunks { ordinal: 7 text: '" +
           text + "' embedding: 1 embedding: 2 embedding: 3 } } ";
  }
  // "FIELD" of the first refusal, the call's outcome, or "taken".
  std::string Fill(const std::string& documents, Grant grant = AllOf()) {
    const auto answer = Ingest(kFill + documents, std::move(grant));
    if (!answer.ok()) return Outcome(answer);
    if (answer->response.refused_size() > 0) return answer->response.refused(0).field();
    return answer->response.accepted() > 0 ? "taken" : "nothing";
  }
  std::string Switch() {
    return Outcome(Asked<v1::SwitchEmbeddingResponse>([&](auto done) {
      SwitchEmbedding(Context(),
                      FromText<v1::SwitchEmbeddingRequest>("collection: 'docs' model: 'own'"),
                      /*stop=*/{}, done);
    }));
  }
  std::shared_ptr<const Collection> Docs() { return Pin()->state().FindCollection("docs"); }
  uint64_t Embedded() { return Docs()->other->documents; }
  // Without the right to hear what there is.
  static Grant Writer() {
    Grant grant = AllOf();
    grant.rights = Rights();
    grant.rights.Add(Right::kIngest);
    return grant;
  }
  // The first numbers of the vectors that are searched, in the order of documents and chunks.
  std::vector<float> Searched() {
    const auto view = Pin();
    const auto docs = Docs();
    std::vector<float> first;
    const Status scanned = view->documents().ScanChunks(
        docs->id, 0, UINT64_MAX, [](const auto&) { return true; },
        [&](const auto&, const store::v1::ChunkRecord* chunk) {
          const std::string_view bytes = SearchedVector(*chunk, *docs);
          EXPECT_EQ(bytes.size(), 3 * sizeof(float));
          first.push_back(*reinterpret_cast<const float*>(bytes.data()));
          return OkStatus();
        });
    EXPECT_TRUE(scanned.ok()) << scanned.ToString();
    return first;
  }
};

TEST_F(Fills, AVectorComesToAnotherChunk) {
  EXPECT_EQ(Switch(), "FAILED_PRECONDITION: collection");
  EXPECT_EQ(Fill(Vectors("b", "two") + Vectors("a", "one")), "taken");
  EXPECT_EQ(Embedded(), 2u);
  ASSERT_EQ(Switch(), "OK");
  EXPECT_EQ(Searched(), (std::vector<float>{4, 1, 4, 1}));  // by ordinals: 2, then 7
  // From now on it is the collection's own.
  EXPECT_EQ(Ingest(Stored("c", "three"))->response.refused(0).field(), "chunks[0].embedding");
  EXPECT_EQ(Ingest(kOwn + Vectors("c", "three",
                                  "acl { allow { principal: 'everyone' } } label { level: "
                                  "'public' } "))
                ->response.accepted(),
            1u);
}

TEST_F(Fills, AVectorComesToATextThatItWasNotMadeOf) {
  EXPECT_EQ(Fill(Vectors("a", "two")), "chunks");
  EXPECT_EQ(Fill("documents { id: 'a' chunks { ordinal: 7 text: 'one' embedding: 1 embedding: 2 "
                 "embedding: 3 } }"),
            "chunks")
      << "a chunk lacks its own";
  EXPECT_EQ(Embedded(), 0u);
  ASSERT_TRUE(Ingest(Stored("a", "anew")).ok());
  EXPECT_EQ(Fill(Vectors("a", "one") + Vectors("b", "two")), "chunks");
  EXPECT_EQ(Embedded(), 1u) << "the other one";
  EXPECT_EQ(Switch(), "FAILED_PRECONDITION: collection");
  EXPECT_EQ(Fill(Vectors("a", "anew")), "taken");
  EXPECT_EQ(Switch(), "OK");
}

TEST_F(Fills, ADocumentThatHasVectorsGetsOthers) {
  EXPECT_EQ(Fill(Vectors("a", "one") + Vectors("b", "two")), "taken");
  std::string others = Vectors("a", "one");
  others.replace(others.find("embedding: 4"), 12, "embedding: 9");
  EXPECT_EQ(Fill(others), "taken");
  ASSERT_EQ(Switch(), "OK");
  EXPECT_EQ(Searched(), (std::vector<float>{4, 1, 4, 1}));
}

TEST_F(Fills, AWriterLearnsWhatThereIs) {
  const auto told = [&](const std::string& documents) {
    const auto answer = Ingest(kFill + documents, Writer());
    if (!answer.ok()) return Outcome(answer);
    auto response = answer->response;
    EXPECT_GT(response.revision(), 0u);
    response.clear_revision();
    return response.ShortDebugString();
  };
  const std::string absent = told(Vectors("z", "one"));
  EXPECT_EQ(told(Vectors("a", "two")), absent);
  EXPECT_EQ(told(Vectors("a", "one")), absent);
  EXPECT_EQ(Embedded(), 1u);
}

TEST_F(Fills, SomethingElseComesAlong) {
  for (const auto& [more, field] : std::vector<std::pair<std::string, std::string>>{
           {"acl { allow { principal: 'user:bo' } } ", "acl"},
           {"label { level: 'public' } ", "label"},
           {"title: 't' ", "title"},
           {"text: 't' ", "text"},
           {"canary: true ", "canary"},
           {"version: 1 ", "version"},
           {"chunks { ordinal: 2 text: 'x' embedding: 1 embedding: 2 embedding: 3 } ",
            "chunks[1].ordinal"},
           {"chunks { ordinal: 3 embedding: 1 embedding: 2 } ", "chunks[0].embedding"},
           {"chunks { ordinal: 3 text: 't' } ", "chunks[0].embedding"},
           {"chunks { ordinal: 3 embedding: 1 embedding: 2 embedding: inf } ",
            "chunks[0].embedding"},
           {"chunks { ordinal: 3 embedding: 1 embedding: 2 embedding: 3 label { level: 'public' } "
            "} ",
            "chunks[0].label"}}) {
    EXPECT_EQ(Fill(Vectors("a", "one", more)), field);
  }
  EXPECT_EQ(Fill("documents { id: 'a' }"), "chunks");
  EXPECT_EQ(Fill(Vectors("a", "one") + Vectors("a", "one")), "id");
  EXPECT_EQ(Fill("run: 'r' batch: 1 " + Vectors("a", "one")), "INVALID_ARGUMENT: run");
  EXPECT_EQ(Fill(""), "nothing");
  EXPECT_EQ(Embedded(), 1u) << "the first of two";
}

// At kDocumentsPerBatch and beyond.
TEST_F(Fills, ABatchIsTooLargeOrSomebodyElses) {
  for (const size_t more : {0u, 1u}) {
    v1::IngestRequest request;
    request.set_collection("docs");
    request.set_embedding_model("own");
    request.set_embeddings_only(true);
    for (size_t i = 0; i < limits::kDocumentsPerBatch + more; ++i) {
      request.add_documents()->set_id("x" + std::to_string(i));
    }
    EXPECT_EQ(Outcome(Asked<IngestedBatch>(
                  [&](auto done) { IngestDocuments(Context(), request, done); })),
              more == 0 ? "OK" : "INVALID_ARGUMENT: documents");
  }
  Grant elsewhere = AllOf();
  elsewhere.id_prefix = "own/";
  EXPECT_EQ(Fill(Vectors("a", "one"), elsewhere), "id");
  Grant reader = AllOf();
  reader.rights = Rights();
  EXPECT_EQ(Fill(Vectors("a", "one"), reader), "PERMISSION_DENIED: rights");
  Grant of_others = AllOf();
  of_others.collections = {"typed"};
  EXPECT_EQ(Fill(Vectors("a", "one"), of_others), "NOT_FOUND: collection");
  EXPECT_EQ(Embedded(), 0u);
}

// At kFilledBytes and beyond. It is judged by what would be written, whatever is met.
TEST_F(Fills, ABatchMakesTheWriterHoldMoreThanItSent) {
  ASSERT_TRUE((Send<v1::DropEmbeddingResponse, v1::DropEmbeddingRequest>(
                   DropEmbedding, "collection: 'docs' model: 'own'"))
                  .ok());
  auto begin = FromText<v1::BeginEmbeddingRequest>(
      "collection: 'docs' space { model: 'own' embedder: EMBEDDER_NONE }");
  begin.mutable_space()->set_dimension(limits::kDimensionMax);
  ASSERT_TRUE(Asked<v1::BeginEmbeddingResponse>([&](auto done) {
                BeginEmbedding(Context(), begin, done);
              }).ok());
  constexpr size_t kEach = (2 + limits::kDimensionMax) * sizeof(float);
  for (const size_t more : {0u, 1u}) {
    auto request = FromText<v1::IngestRequest>(kFill);
    request.set_collection("docs");
    v1::Document* const document = request.add_documents();
    document->set_id("x");
    for (size_t i = 0; i < limits::kFilledBytes / kEach; ++i) document->add_chunks();
    document->mutable_chunks(0)->set_text(std::string(limits::kFilledBytes % kEach + more, 'x'));
    EXPECT_EQ(Outcome(Asked<IngestedBatch>(
                  [&](auto done) { IngestDocuments(Context(), request, done); })),
              more == 0 ? "OK" : "INVALID_ARGUMENT: documents");
  }
}

// A filling that comes after the switch is none: it would write documents anew, with the default
// list. And who writes for the model before must not hear that nothing was taken for good.
TEST_F(Fills, ASwitchMakesAFillingAnIngestOrTheOtherWayRound) {
  EXPECT_EQ(Outcome(Ingest(kOwn + Vectors("a", "one"))), "INVALID_ARGUMENT: embedding_model");
  EXPECT_EQ(Fill(Vectors("a", "one") + Vectors("b", "two")), "taken");
  ASSERT_EQ(Switch(), "OK");
  const uint64_t revision = Pin()->revision();
  EXPECT_EQ(Fill(Vectors("a", "one")), "INVALID_ARGUMENT: embedding_model");
  EXPECT_EQ(Outcome(Ingest("embeddings_only: true " + Vectors("a", "one"))),
            "INVALID_ARGUMENT: embedding_model");
  EXPECT_EQ(Pin()->revision(), revision);
}

// What the server embeds it embeds itself.
TEST_F(Fills, VectorsComeForASpaceOfTheServers) {
  ASSERT_TRUE((Send<v1::DropEmbeddingResponse, v1::DropEmbeddingRequest>(
                   DropEmbedding, "collection: 'docs' model: 'own'"))
                  .ok());
  EXPECT_EQ(Fill(Vectors("a", "one")), "INVALID_ARGUMENT: embedding_model");
  ASSERT_TRUE((Send<v1::BeginEmbeddingResponse, v1::BeginEmbeddingRequest>(
                   BeginEmbedding,
                   "collection: 'docs' space { model: 'own' dimension: 3 embedder: "
                   "EMBEDDER_BUILTIN }"))
                  .ok());
  EXPECT_EQ(Fill(Vectors("a", "one")), "INVALID_ARGUMENT: embedding_model");
}

}  // namespace
}  // namespace cordon
