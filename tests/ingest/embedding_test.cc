// Fears about how a second embedding space is filled: that a text goes where it may not, that an
// endpoint which fails stops more than the re-embedding, or that what was changed meanwhile gets
// the vectors of what it was.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/ingest/embedding_worker.h"
#include "engine/store/embedding_spaces.h"
#include "tests/http/loopback_server.h"
#include "tests/ingest/scratch_writer.h"

namespace cordon {
namespace {

constexpr const char* kOneVector = R"({"model":"m","data":[{"index":0,"embedding":[1,2,3]}]})";
constexpr const char* kBegin =
    "collection: 'docs' space { embedder: EMBEDDER_HTTP embedding_endpoint: 'embed' }";

class Walks : public ScratchWriter {
 protected:
  void SetUp() override {
    ScratchWriter::SetUp();
    model_.Say("200 OK", kOneVector);
    Connect(/*batch=*/64, /*deadline_ms=*/2000);
  }
  void TearDown() override { worker_.reset(); }

  // An endpoint that gets so many texts a call.
  void Connect(int batch, int deadline_ms) {
    EndpointConfig config;
    config.batch = batch;
    config.name = "embed";
    config.target.url = model_.url("/v1/embeddings");
    config.model = "m";
    config.dimension = 3;
    config.deadline_ms = deadline_ms;
    config.pause_ms = 1;
    endpoints_ = std::make_unique<Endpoints>(std::vector<EndpointConfig>{config});
  }
  void Register(const std::string& ceiling = "internal") {
    ASSERT_TRUE(
        (Send<v1::ApplyPolicyResponse, v1::ApplyPolicyRequest>(
             ApplyPolicy, "destinations { destination { name: 'embed' scope: 3 ceiling { level: '" +
                              ceiling + "' } } }"))
            .ok());
  }
  WriteContext WithEndpoints() {
    WriteContext context = Context();
    context.endpoints = endpoints_.get();
    return context;
  }
  std::string Begin() {
    return Outcome(Asked<v1::BeginEmbeddingResponse>([&](auto done) {
      BeginEmbedding(WithEndpoints(), FromText<v1::BeginEmbeddingRequest>(kBegin), done);
    }));
  }
  std::string Switch(bool allow_missing = false) {
    auto request = FromText<v1::SwitchEmbeddingRequest>("collection: 'docs' model: 'm'");
    request.set_allow_missing(allow_missing);
    return Outcome(Asked<v1::SwitchEmbeddingResponse>(
        [&](auto done) { SwitchEmbedding(WithEndpoints(), request, /*stop=*/{}, done); }));
  }
  void Work() {
    worker_ = std::make_unique<EmbeddingWorker>(
        writer_.get(), &scratch_.clock, endpoints_.get(),
        [this] { return std::vector{scratch_.tenant}; },
        EmbeddingPace{.every = std::chrono::milliseconds(2),
                      .after_failure = std::chrono::milliseconds(2),
                      .again = std::chrono::milliseconds(20)});
  }
  std::shared_ptr<const Collection> Docs() { return Pin()->state().FindCollection("docs"); }
  uint64_t Embedded() { return Docs()->other ? Docs()->other->documents : 0; }
  EmbeddingWorker::Progress Progress() { return worker_->ProgressOf("default", Docs()->id); }
  template <typename Reached>
  static void WaitUntil(Reached reached) {
    for (int i = 0; i < 6'000; ++i) {
      if (reached()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    FAIL() << "not after a minute";
  }
  // A walk that a test takes page by page.
  EmbeddingWalk Walk(size_t page_max) {
    return EmbeddingWalk({writer_.get(), &scratch_.clock, endpoints_.get(), {}}, scratch_.tenant,
                         *Docs(), WalkGives::kVectors, nullptr, "", page_max);
  }
  void BeginWide() {
    ASSERT_TRUE((Send<v1::BeginEmbeddingResponse, v1::BeginEmbeddingRequest>(
                     BeginEmbedding, "collection: 'docs' space { model: 'wide' dimension: " +
                                         std::to_string(limits::kDimensionMax) +
                                         " embedder: EMBEDDER_BUILTIN }"))
                    .ok());
  }
  // A document with as many chunks, all without text.
  static std::string Chunks(const std::string& id, size_t chunks) {
    std::string document = "documents { id: '" + id +
                           "' acl { allow { principal: 'everyone' } } label { level: 'public' } ";
    for (size_t i = 0; i < chunks; ++i) document += "chunks { embedding: 1 embedding: 0 } ";
    return document + "} ";
  }
  static std::string Labelled(const std::string& id, const std::string& level,
                              const std::string& more = "") {
    return "documents { id: '" + id + "' acl { allow { principal: 'everyone' } } label { level: '" +
           level + "' } " + more + "chunks { text: 'the " + id + "' embedding: 1 embedding: 0 } } ";
  }
  static std::string OfSource(const std::string& id, const std::string& source) {
    return Labelled(id, "public", "provenance { source: '" + source + "' } ");
  }
  void Quarantine(const std::string& source, bool quarantined = true) {
    const std::string change = "sources { source: '" + source +
                               "' quarantined: " + (quarantined ? "true" : "false") + " }";
    EXPECT_TRUE((Send<v1::ApplyPolicyResponse, v1::ApplyPolicyRequest>(ApplyPolicy, change)).ok());
  }
  void Raise(const std::string& id) {
    EXPECT_TRUE(
        (Send<v1::SetAccessResponse, v1::SetAccessRequest>(
             SetAccess, "collection: 'docs' document: '" + id + "' label { level: 'restricted' }"))
            .ok());
  }

  LoopbackServer model_;
  std::unique_ptr<Endpoints> endpoints_;
  std::unique_ptr<EmbeddingWorker> worker_;
};

TEST_F(Walks, ASpaceBeginsThatNoEndpointHas) {
  const auto with = [&](const std::string& space) {
    return Outcome(Asked<v1::BeginEmbeddingResponse>([&](auto done) {
      BeginEmbedding(WithEndpoints(),
                     FromText<v1::BeginEmbeddingRequest>(
                         "collection: 'docs' space { embedder: EMBEDDER_HTTP " + space + " }"),
                     done);
    }));
  };
  EXPECT_EQ(with("embedding_endpoint: 'gone'"), "INVALID_ARGUMENT: space.embedding_endpoint");
  EXPECT_EQ(with("embedding_endpoint: 'embed' model: 'other'"), "INVALID_ARGUMENT: space.model");
  EXPECT_EQ(with("embedding_endpoint: 'embed' dimension: 4"), "INVALID_ARGUMENT: space.model");
  EXPECT_EQ(with("embedding_endpoint: 'embed' model: 'm' dimension: 3"), "OK");
}

TEST_F(Walks, AnEndpointThatIsNoDestinationReceivesTexts) {
  ASSERT_TRUE(Ingest(Labelled("a", "public")).ok());
  ASSERT_EQ(Begin(), "OK");
  Work();
  WaitUntil([&] { return !Progress().waits_for.empty(); });
  EXPECT_NE(Progress().waits_for.find("register"), std::string::npos) << Progress().waits_for;
  EXPECT_EQ(model_.asked(), 0);
  Register();
  WaitUntil([&] { return Embedded() == 1; });
  EXPECT_EQ(Switch(), "OK");
}

TEST_F(Walks, ATextGoesWhereItsLabelForbids) {
  ASSERT_TRUE(Ingest(Labelled("secret", "restricted")).ok());
  Register();
  ASSERT_EQ(Begin(), "OK");
  Work();
  WaitUntil([&] { return Progress().left_out == 1; });
  EXPECT_EQ(model_.asked(), 0);
  EXPECT_EQ(Switch(), "FAILED_PRECONDITION: collection");
  ASSERT_EQ(Switch(/*allow_missing=*/true), "OK");
  EXPECT_EQ(model_.asked(), 0);
  const auto view = Pin();
  const auto docs = view->state().FindCollection("docs");
  EXPECT_EQ(docs->config.model(), "m");
  std::string vector;
  EXPECT_TRUE(view->documents()
                  .ScanChunks(
                      docs->id, 0, UINT64_MAX, [](const auto&) { return true; },
                      [&](const auto&, const store::v1::ChunkRecord* chunk) {
                        vector = SearchedVector(*chunk, *docs);
                        return OkStatus();
                      })
                  .ok());
  EXPECT_EQ(vector, std::string(12, '\0'));
}

// What has only not been embedded yet never gets zeros.
TEST_F(Walks, WhatTheEndpointMayHaveGetsZeros) {
  ASSERT_TRUE(Ingest(Labelled("open", "public") + Labelled("secret", "restricted")).ok());
  Register();
  ASSERT_EQ(Begin(), "OK");
  EXPECT_EQ(Switch(/*allow_missing=*/true), "FAILED_PRECONDITION: collection");
  EXPECT_EQ(Embedded(), 1u) << "the secret one";
  Work();
  WaitUntil([&] { return Embedded() == 2; });
  EXPECT_EQ(Switch(), "OK");
}

TEST_F(Walks, ADocumentWhoseLabelWasLoweredStaysLeftOut) {
  ASSERT_TRUE(Ingest(Labelled("a", "restricted")).ok());
  Register();
  ASSERT_EQ(Begin(), "OK");
  Work();
  WaitUntil([&] { return Progress().left_out == 1; });
  ASSERT_TRUE((Send<v1::SetAccessResponse, v1::SetAccessRequest>(
                   SetAccess, "collection: 'docs' document: 'a' label { level: 'public' }"))
                  .ok());
  WaitUntil([&] { return Embedded() == 1; });
}

TEST_F(Walks, ATextOfASourceInQuarantineGoesToTheEndpoint) {
  Connect(/*batch=*/1, /*deadline_ms=*/60'000);
  ASSERT_TRUE(
      Ingest(OfSource("bad", "wiki") + OfSource("alike", "Wiki") + OfSource("good", "hris")).ok());
  Register();
  Quarantine("wiki");
  Quarantine("Wiki");
  ASSERT_EQ(Begin(), "OK");
  Work();
  WaitUntil([&] { return Progress().left_out == 2; });
  EXPECT_NE(Progress().waits_for.find("quarantine"), std::string::npos) << Progress().waits_for;
  EXPECT_EQ(Embedded(), 1u);
  EXPECT_EQ(model_.asked(), 1);
  EXPECT_EQ(Switch(), "FAILED_PRECONDITION: collection");
  EXPECT_EQ(Switch(/*allow_missing=*/true), "FAILED_PRECONDITION: collection");
  EXPECT_EQ(Embedded(), 1u) << "zeros that would stay after the quarantine";
  Quarantine("wiki", false);
  WaitUntil([&] { return Embedded() == 2; });
  EXPECT_EQ(Switch(), "FAILED_PRECONDITION: collection");
  Quarantine("Wiki", false);
  WaitUntil([&] { return Embedded() == 3; });
  EXPECT_EQ(Switch(), "OK");
}

// A walk that has failed in the middle has not looked at all of them.
TEST_F(Walks, WhatWasLeftOutIsForgottenWhenAnotherWalkBegins) {
  ASSERT_TRUE(Ingest(Labelled("secret", "restricted")).ok());
  Register();
  ASSERT_EQ(Begin(), "OK");
  Work();
  WaitUntil([&] { return Progress().left_out == 1; });
  model_.Say("500 Internal Server Error", "");
  ASSERT_TRUE(Ingest(Labelled("open", "public")).ok());
  WaitUntil([&] { return model_.asked() > 0; });
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(Progress().left_out, 1u);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  WaitUntil([&] { return Progress().waits_for.find("label") == std::string::npos; });
  EXPECT_EQ(Progress().left_out, 1u);
  model_.Say("200 OK", kOneVector);
  WaitUntil([&] { return Embedded() == 1; });
  EXPECT_EQ(Progress().left_out, 1u);
}

TEST_F(Walks, AnEndpointThatIsDownStopsWriters) {
  ASSERT_TRUE(Ingest(Labelled("a", "public")).ok());
  Register();
  ASSERT_EQ(Begin(), "OK");
  model_.Say("500 Internal Server Error", "");
  Work();
  WaitUntil([&] { return !Progress().waits_for.empty(); });
  ASSERT_TRUE(Ingest(Labelled("b", "public")).ok());
  EXPECT_EQ(Switch(), "FAILED_PRECONDITION: collection");
  EXPECT_EQ(Embedded(), 0u);
  const auto records = scratch_.Records("Embed");
  ASSERT_FALSE(records.empty()) << "texts may have left";
  EXPECT_EQ(records.back().key_id(), "embedding");
  ASSERT_EQ(records.back().endpoints_size(), 1);
  EXPECT_EQ(records.back().endpoints(0), "embed");
  model_.Say("200 OK", kOneVector);
  WaitUntil([&] { return Embedded() == 2; });
  EXPECT_EQ(Switch(), "OK");
}

TEST_F(Walks, AnotherModelInTheMiddleIsBelieved) {
  ASSERT_TRUE(Ingest(Labelled("a", "public")).ok());
  Register();
  ASSERT_EQ(Begin(), "OK");
  model_.Say("200 OK", R"({"model":"x","data":[{"index":0,"embedding":[1,2,3]}]})");
  Work();
  WaitUntil([&] { return Progress().left_out == 1; });
  EXPECT_EQ(Embedded(), 0u);
  EXPECT_EQ(Switch(/*allow_missing=*/true), "FAILED_PRECONDITION: collection");
  EXPECT_EQ(Embedded(), 0u) << "zeros for what the endpoint may have";
  model_.Say("200 OK", kOneVector);
  WaitUntil([&] { return Embedded() == 1; });
}

// The endpoint here answers one text only: what is sent together is refused together.
TEST_F(Walks, OneRefusedTextTakesOthersWithIt) {
  ASSERT_TRUE(Ingest(Labelled("a", "public") + Labelled("b", "public")).ok());
  Register();
  ASSERT_EQ(Begin(), "OK");
  auto walk = Walk(8);
  const auto more = walk.Step();
  ASSERT_TRUE(more.ok()) << more.status().ToString();
  EXPECT_FALSE(*more);
  EXPECT_EQ(Embedded(), 2u);
  EXPECT_EQ(model_.asked(), 3) << "both, then each";
}

TEST_F(Walks, PagesOverlapOrLeaveGaps) {
  std::string all;
  for (int i = 0; i < 7; ++i) all += Labelled("d" + std::to_string(i), "public");
  ASSERT_TRUE(Ingest(all).ok());
  Register();
  ASSERT_EQ(Begin(), "OK");
  const uint64_t revision = Pin()->revision();
  auto walk = Walk(3);
  for (const bool expected : {true, true, false}) {
    const auto more = walk.Step();
    ASSERT_TRUE(more.ok()) << more.status().ToString();
    EXPECT_EQ(*more, expected);
  }
  EXPECT_EQ(Embedded(), 7u);
  EXPECT_EQ(Pin()->revision(), revision + 3);
  // At the end it follows what comes, and nothing is embedded twice.
  ASSERT_TRUE(Ingest(Labelled("d1", "public")).ok());
  EXPECT_EQ(Embedded(), 6u);
  ASSERT_TRUE(walk.Step().ok());
  EXPECT_EQ(Embedded(), 7u);
  walk.Restart();
  ASSERT_TRUE(walk.Step().ok());
  EXPECT_EQ(Pin()->revision(), revision + 5);
}

// At kEmbeddedDocumentBytes and beyond.
TEST_F(Walks, ADocumentIsTooLargeForTheWriter) {
  constexpr size_t kMost = limits::kEmbeddedDocumentBytes / (limits::kDimensionMax * sizeof(float));
  for (const size_t chunks : {kMost, kMost + 1}) {
    ASSERT_TRUE(Ingest(Chunks("d" + std::to_string(chunks), chunks)).ok());
  }
  BeginWide();
  auto walk = Walk(1);
  while (true) {
    const auto more = walk.Step();
    ASSERT_TRUE(more.ok()) << more.status().ToString();
    if (!*more) break;
  }
  EXPECT_EQ(Embedded(), 1u);
  EXPECT_EQ(walk.left_out(), 1u);
}

TEST_F(Walks, AWalkGoesOnForASpaceThatIsGone) {
  ASSERT_TRUE(Ingest(Labelled("a", "public")).ok());
  Register();
  ASSERT_EQ(Begin(), "OK");
  auto walk = Walk(3);
  ASSERT_TRUE((Send<v1::DropEmbeddingResponse, v1::DropEmbeddingRequest>(
                   DropEmbedding, "collection: 'docs' model: 'm'"))
                  .ok());
  const auto more = walk.Step();
  ASSERT_TRUE(more.ok()) << more.status().ToString();
  EXPECT_FALSE(*more);
  EXPECT_EQ(model_.asked(), 0);
  EXPECT_FALSE(walk.IsFor(*Docs()));
}

// A text a call: while the endpoint has the first, the others change.
TEST_F(Walks, ATextLeavesThatRoseOrWentWhileTheEndpointTookItsTime) {
  Connect(/*batch=*/1, /*deadline_ms=*/60'000);
  ASSERT_TRUE(Ingest(Labelled("first", "public") + Labelled("raised", "public") +
                     Labelled("gone", "public") + OfSource("held", "wiki") +
                     Labelled("last", "public"))
                  .ok());
  Register();
  ASSERT_EQ(Begin(), "OK");
  std::string sent;
  bool changed = false;
  model_.SayBy([&](const std::string& request) {
    sent += request;
    if (!std::exchange(changed, true)) {
      Raise("raised");
      Quarantine("wiki");
      EXPECT_TRUE((Send<v1::DeleteResponse, v1::DeleteRequest>(
                       Delete, "collection: 'docs' document: 'gone'"))
                      .ok());
    }
    return std::string(kOneVector);
  });
  auto walk = Walk(8);
  const auto more = walk.Step();
  model_.Say("200 OK", kOneVector);
  ASSERT_TRUE(more.ok()) << more.status().ToString();
  EXPECT_EQ(sent.find("the raised"), std::string::npos);
  EXPECT_EQ(sent.find("the gone"), std::string::npos);
  EXPECT_EQ(sent.find("the held"), std::string::npos);
  EXPECT_NE(sent.find("the last"), std::string::npos);
  EXPECT_EQ(walk.left_out(), 2u);
  EXPECT_EQ(Embedded(), 2u);
  for (const auto& record : scratch_.Records("SendToEndpoint")) {
    EXPECT_EQ(record.documents_size(), 1) << "what has not left";
  }
}

// Several calls for one document, judged before each.
TEST_F(Walks, TheRestOfADocumentLeavesThatRoseMeanwhile) {
  Connect(/*batch=*/1, /*deadline_ms=*/60'000);
  const std::string more = "chunks { text: 'more' embedding: 1 embedding: 0 } ";
  ASSERT_TRUE(Ingest(Labelled("long", "public", more) + Labelled("last", "public", more)).ok());
  Register();
  ASSERT_EQ(Begin(), "OK");
  int calls = 0;
  model_.SayBy([&](const std::string&) {
    if (++calls == 1) Raise("long");
    return std::string(kOneVector);
  });
  auto walk = Walk(8);
  const auto more_pages = walk.Step();
  model_.Say("200 OK", kOneVector);
  ASSERT_TRUE(more_pages.ok()) << more_pages.status().ToString();
  EXPECT_EQ(calls, 1 + 2);
  EXPECT_EQ(walk.left_out(), 1u);
  EXPECT_EQ(Embedded(), 1u);
  EXPECT_EQ(scratch_.Records("SendToEndpoint").size(), 3u) << "a call without its record";
}

// No revision changes by that.
TEST_F(Walks, ATextLeavesWhoseEndpointsTermsEndedMeanwhile) {
  Connect(/*batch=*/1, /*deadline_ms=*/60'000);
  ASSERT_TRUE(Ingest(Labelled("a", "public") + Labelled("b", "public")).ok());
  ASSERT_TRUE((Send<v1::ApplyPolicyResponse, v1::ApplyPolicyRequest>(
                   ApplyPolicy,
                   "destinations { destination { name: 'embed' scope: 3 ceiling { level: "
                   "'internal' } terms_reviewed_until { seconds: 60 } } }"))
                  .ok());
  ASSERT_EQ(Begin(), "OK");
  model_.SayBy([&](const std::string&) {
    scratch_.wall = 61'000'000;
    return std::string(kOneVector);
  });
  auto walk = Walk(8);
  const auto more = walk.Step();
  model_.Say("200 OK", kOneVector);
  ASSERT_TRUE(more.ok()) << more.status().ToString();
  EXPECT_EQ(model_.asked(), 1);
  EXPECT_EQ(walk.left_out(), 1u);
  EXPECT_EQ(Embedded(), 1u);
}

TEST_F(Walks, ATextLeavesForASpaceThatWasDroppedWhileTheEndpointTookItsTime) {
  Connect(/*batch=*/1, /*deadline_ms=*/60'000);
  ASSERT_TRUE(Ingest(Labelled("a", "public") + Labelled("b", "public")).ok());
  Register();
  ASSERT_EQ(Begin(), "OK");
  model_.SayBy([&](const std::string&) {
    EXPECT_TRUE((Send<v1::DropEmbeddingResponse, v1::DropEmbeddingRequest>(
                     DropEmbedding, "collection: 'docs' model: 'm'"))
                    .ok());
    return std::string(kOneVector);
  });
  auto walk = Walk(8);
  const auto more = walk.Step();
  model_.Say("200 OK", kOneVector);
  EXPECT_EQ(more.status().code(), StatusCode::kAborted) << more.status().ToString();
  EXPECT_EQ(model_.asked(), 1);
}

// At kEmbeddedPageBytes and beyond. The writer has all that a page rewrites in memory at once.
TEST_F(Walks, LargeDocumentsAreCleanedUpAllAtOnce) {
  constexpr size_t kLarge = limits::kEmbeddedPageBytes / (limits::kDimensionMax * sizeof(float));
  ASSERT_TRUE(Ingest(Chunks("a", kLarge) + Chunks("b", kLarge)).ok());
  BeginWide();
  auto fills = Walk(8);
  while (*fills.Step()) {
  }
  ASSERT_EQ(Embedded(), 2u);
  ASSERT_TRUE((Send<v1::DropEmbeddingResponse, v1::DropEmbeddingRequest>(
                   DropEmbedding, "collection: 'docs' model: 'wide'"))
                  .ok());
  auto cleans = Walk(8);
  for (const uint64_t left : {1u, 0u}) {
    ASSERT_TRUE(cleans.Step().ok());
    EXPECT_EQ(Docs()->stale, left);
  }
}

TEST_F(Walks, AViewIsHeldWhileAllDocumentsAreLookedAt) {
  std::string all;
  for (int i = 0; i < 81; ++i) all += Labelled("d" + std::to_string(i), "public");
  ASSERT_TRUE(Ingest(all).ok());
  BeginWide();
  auto fills = Walk(100);
  ASSERT_TRUE(fills.Step().ok());
  ASSERT_EQ(Embedded(), 81u);
  auto looks = Walk(1);  // at 80 that need nothing, and then at the last
  for (const bool expected : {true, false}) {
    const auto more = looks.Step();
    ASSERT_TRUE(more.ok()) << more.status().ToString();
    EXPECT_EQ(*more, expected);
  }
}

}  // namespace
}  // namespace cordon
