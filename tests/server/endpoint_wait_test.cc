// An endpoint that hangs, and who is held up by it. A real server on a real port.
#include "engine/server/endpoint_wait.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <mutex>
#include <thread>
#include <vector>

#include "cordon/v1/admin.grpc.pb.h"
#include "cordon/v1/ingest.grpc.pb.h"
#include "cordon/v1/policy.grpc.pb.h"
#include "cordon/v1/retrieval.grpc.pb.h"
#include "engine/server/server.h"
#include "tests/http/loopback_server.h"
#include "tests/server/piped_backups.h"
#include "tests/store/from_text.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// The endpoint is called "dev": while developing, that is a destination which receives all.
class HangingEndpoint : public testing::Test {
 protected:
  static constexpr int kDeadline_ms = 20'000;  // nobody sits through it: all are cancelled

  void SetUp() override {
    model_.Say("200 OK", "{}");
    model_.Wait(milliseconds(60'000));
    quick_.Say("200 OK", R"({"model":"m","data":[{"index":0,"embedding":[1,0,0,0,0,0,0,0]}]})");
    Config config;
    config.paths.data_dir = scratch_ / "data";
    config.listen = "127.0.0.1:0";
    config.dev = true;
    config.threads = 2;
    EndpointConfig endpoint;
    endpoint.name = "dev";
    endpoint.target.url = model_.url();
    endpoint.model = "m";
    endpoint.dimension = 8;
    endpoint.deadline_ms = kDeadline_ms;
    endpoint.concurrency = kAtOnce;
    config.endpoints = {endpoint};
    endpoint.name = "quick";
    endpoint.target.url = quick_.url();
    config.endpoints.push_back(endpoint);
    auto started = Server::Start(config);
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    server_ = *std::move(started);
    std::ifstream(scratch_ / "data/dev/admin.key") >> key_;
    const auto channel =
        grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
    admin_ = v1::Admin::NewStub(channel);
    ingest_ = v1::Ingest::NewStub(channel);
    retrieval_ = v1::Retrieval::NewStub(channel);
    v1::ApplyPolicyResponse applied;
    const auto policy = v1::Policy::NewStub(channel)->ApplyPolicy(
        As().get(),
        FromText<v1::ApplyPolicyRequest>("destinations { destination { name: 'quick' scope: 3 "
                                         "ceiling { symbol: SYMBOL_ALL } } }"),
        &applied);
    ASSERT_TRUE(policy.ok()) << policy.error_message();
    Create("outside", "embedder: EMBEDDER_HTTP embedding_endpoint: 'dev'");
    Create("quick", "embedder: EMBEDDER_HTTP embedding_endpoint: 'quick'");
    Create("builtin", "embedder: EMBEDDER_BUILTIN");
    Create("vectors", "embedder: EMBEDDER_NONE");
  }

  void Create(const std::string& name, const std::string& embedder) {
    v1::CreateCollectionResponse response;
    const auto made = admin_->CreateCollection(
        As().get(),
        FromText<v1::CreateCollectionRequest>(
            "config { name: '" + name + "' dimension: 8 metric: METRIC_COSINE " + embedder +
            " default_label { level: 'public' } default_acl { allow { principal: 'everyone' } } }"),
        &response);
    ASSERT_TRUE(made.ok()) << made.error_message();
  }
  std::unique_ptr<grpc::ClientContext> As() const { return As(key_, 30'000); }
  static std::unique_ptr<grpc::ClientContext> As(const std::string& key, int timeout_ms) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->AddMetadata("authorization", "Bearer " + key);
    context->set_deadline(std::chrono::system_clock::now() + milliseconds(timeout_ms));
    return context;
  }
  // A new key that may ask the endpoint.
  std::string Another() {
    v1::CreateKeyResponse key;
    const auto made = admin_->CreateKey(
        As().get(),
        FromText<v1::CreateKeyRequest>("grant { principal: 'service:b' rights: RIGHT_QUERY "
                                       "collections: '*' destinations: 'dev' }"),
        &key);
    EXPECT_TRUE(made.ok()) << made.error_message();
    return key.key();
  }
  // How many refusals of `call` for want of a place the journal has.
  int Refused(const std::string& call) {
    return CountRecords(admin_.get(), As().get(), call, "RESOURCE_EXHAUSTED");
  }
  grpc::Status Ask(const std::string& request) { return Ask(As().get(), request); }
  grpc::Status Ask(grpc::ClientContext* context, const std::string& request) {
    v1::RetrieveResponse response;
    return retrieval_->Retrieve(
        context, FromText<v1::RetrieveRequest>(request + " scope { as: 'user:a' }"), &response);
  }
  // `count` calls that ask the endpoint, with `key`.
  void AskAs(const std::string& key, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      contexts_.push_back(As(key, 30'000));
      askers_.emplace_back([this, context = contexts_.back().get()] {
        const auto end = Ask(context, "collection: 'outside' text: 'x'");
        std::lock_guard lock(mutex_);
        ends_.push_back(end);
      });
    }
  }
  template <typename Condition>
  static void Until(Condition condition) {
    const auto until = steady_clock::now() + milliseconds(kDeadline_ms / 2);
    while (steady_clock::now() < until && !condition()) {
      std::this_thread::sleep_for(milliseconds(5));
    }
  }
  // As many as may ask the endpoint at once do, and wait for it.
  void AskAtOnce() {
    AskAs(key_, kAtOnce);
    Until([this] { return model_.asked() == kAtOnce; });
  }
  // Those who ask the endpoint, as many as it takes to fill all its places and two more.
  void AskAll() {
    AskAtOnce();
    constexpr size_t kOfOne = limits::kEndpointWaitersOfOne;
    AskAs(key_, kOfOne);
    const size_t more = limits::kEndpointWaiters + 2 - kOfOne;
    for (size_t asked = 0; asked < more; asked += kOfOne) {
      AskAs(Another(), std::min(kOfOne, more - asked));
    }
    Until([this] { return Ended() >= 2; });
  }
  size_t Ended() {
    std::lock_guard lock(mutex_);
    return ends_.size();
  }
  void TearDown() override {
    for (auto& context : contexts_) context->TryCancel();
    for (auto& asker : askers_) asker.join();
  }

  static constexpr int kAtOnce = 4;
  LoopbackServer model_, quick_;
  ScratchDirectory scratch_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::Admin::Stub> admin_;
  std::unique_ptr<v1::Ingest::Stub> ingest_;
  std::unique_ptr<v1::Retrieval::Stub> retrieval_;
  std::string key_;
  std::mutex mutex_;
  std::vector<grpc::Status> ends_;  // guarded by mutex_
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts_;
  std::vector<std::thread> askers_;
};

// At kEndpointWaiters and beyond.
TEST_F(HangingEndpoint, HoldsUpWhoDoesNotAskIt) {
  AskAll();
  // The last two found no place.
  {
    std::lock_guard lock(mutex_);
    ASSERT_EQ(ends_.size(), 2u);
    for (const auto& refused : ends_) {
      EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
      EXPECT_NE(refused.error_message().find("'dev'"), std::string::npos);
    }
  }
  const auto answered = [&](const std::string& request) {
    const auto end = Ask(request);
    return end.ok() ? "" : end.error_message();
  };
  EXPECT_EQ(answered("collection: 'vectors' vector: [1, 0, 0, 0, 0, 0, 0, 0]"), "");
  EXPECT_EQ(answered("collection: 'builtin' text: 'some words'"), "");
  EXPECT_EQ(answered("collection: 'outside' text: 'words' rank: RANK_LEXICAL"), "");
  EXPECT_EQ(answered("collection: 'quick' text: 'words'"), "") << "another endpoint";
  EXPECT_EQ(quick_.asked(), 1);
  const auto context = As();
  const auto stream = ingest_->Ingest(context.get());
  ASSERT_TRUE(stream->Write(FromText<v1::IngestRequest>(
      "collection: 'builtin' batch: 1 documents { id: 'a' text: 'some words' }")));
  stream->WritesDone();
  v1::IngestResponse taken;
  EXPECT_TRUE(stream->Read(&taken));
  EXPECT_EQ(taken.accepted(), 1u);
  EXPECT_TRUE(stream->Finish().ok());
  const auto batches = As();
  v1::BatchRetrieveResponse response;
  EXPECT_TRUE(retrieval_
                  ->BatchRetrieve(batches.get(),
                                  FromText<v1::BatchRetrieveRequest>(
                                      "queries { collection: 'builtin' text: 'words' "
                                      "scope { as: 'user:a' } }"),
                                  &response)
                  .ok());
  EXPECT_EQ(Ended(), 2u) << "they were answered after the endpoint, not beside it";
}

TEST_F(HangingEndpoint, TurnsAwayWithoutARecord) {
  AskAll();
  EXPECT_EQ(Refused("Retrieve"), 2);
  const std::string query = "collection: 'outside' text: 'x' scope { as: 'user:a' }";
  v1::BatchRetrieveResponse response;
  const auto batch = retrieval_->BatchRetrieve(
      As().get(), FromText<v1::BatchRetrieveRequest>("queries { " + query + " }"), &response);
  EXPECT_EQ(batch.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Refused("BatchRetrieve"), 1);
  const auto reader = As();
  const auto passages = retrieval_->RetrieveStream(
      reader.get(), FromText<v1::RetrieveStreamRequest>("query { " + query + " }"));
  v1::RetrieveStreamResponse part;
  EXPECT_FALSE(passages->Read(&part));
  EXPECT_EQ(passages->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Refused("RetrieveStream"), 1);
  const auto writer = As();
  const auto stream = ingest_->Ingest(writer.get());
  stream->Write(FromText<v1::IngestRequest>(
      "collection: 'outside' batch: 1 documents { id: 'a' text: 'some words' }"));
  v1::IngestResponse taken;
  EXPECT_FALSE(stream->Read(&taken));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Refused("Ingest"), 1);
}

TEST_F(HangingEndpoint, OneCallerTakesAllPlaces) {
  const std::string another = Another();
  AskAtOnce();
  AskAs(key_, limits::kEndpointWaitersOfOne + 2);
  Until([this] { return Ended() >= 2; });
  const auto waits = As(another, 500);
  EXPECT_EQ(Ask(waits.get(), "collection: 'outside' text: 'x'").error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED)
      << "it was turned away for another's";
  std::lock_guard lock(mutex_);
  ASSERT_EQ(ends_.size(), 2u);
  for (const auto& refused : ends_) {
    EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  }
}

// Who may not ask it is told so at once, and learns nothing by how many wait.
TEST_F(HangingEndpoint, WhoMayNotAskWaitsAsWell) {
  v1::CreateKeyResponse key;
  ASSERT_TRUE(admin_
                  ->CreateKey(As().get(),
                              FromText<v1::CreateKeyRequest>(
                                  "grant { principal: 'service:a' rights: RIGHT_QUERY "
                                  "collections: 'builtin' }"),
                              &key)
                  .ok());
  AskAll();
  key_ = key.key();
  const auto hidden = Ask("collection: 'outside' text: 'x'");
  const auto absent = Ask("collection: 'nowhere' text: 'x'");
  EXPECT_NE(hidden.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(hidden.error_code(), absent.error_code());
  EXPECT_EQ(hidden.error_message(), absent.error_message());
}

// An ingest stream whose batch waits goes on once the endpoint has answered, or not.
TEST_F(HangingEndpoint, AStreamIsLost) {
  model_.Wait(milliseconds(100));  // and then it answers wrongly
  const auto context = As();
  const auto stream = ingest_->Ingest(context.get());
  for (int batch = 1; batch <= 3; ++batch) {
    auto request = FromText<v1::IngestRequest>("collection: 'outside' documents { text: 'w' }");
    request.set_batch(static_cast<uint64_t>(batch));
    request.mutable_documents(0)->set_id(std::to_string(batch));
    stream->Write(request);
  }
  stream->WritesDone();
  v1::IngestResponse taken;
  EXPECT_FALSE(stream->Read(&taken));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

}  // namespace
}  // namespace cordon
