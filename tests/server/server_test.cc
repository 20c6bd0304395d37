// A real server on a real port: callers nobody knows, keys that were revoked, too many calls.
#include "engine/server/server.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "cordon/v1/admin.grpc.pb.h"
#include "cordon/v1/ingest.grpc.pb.h"
#include "cordon/v1/retrieval.grpc.pb.h"
#include "engine/server/calls.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/store/from_text.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

using Stopwatch = std::chrono::steady_clock;
using std::chrono::milliseconds;

class Served : public testing::Test {
 protected:
  void Start(int threads = 2, int queue = 64, int stream_cap_ms = limits::kDeadlineCap_ms) {
    Config config;
    config.paths.data_dir = scratch_ / "data";
    config.listen = "127.0.0.1:0";
    config.dev = true;
    config.threads = threads;
    config.queue = queue;
    config.stream_cap_ms = stream_cap_ms;
    auto started = Server::Start(config);
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    server_ = *std::move(started);
    const auto channel =
        grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
    admin_ = v1::Admin::NewStub(channel);
    ingest_ = v1::Ingest::NewStub(channel);
    retrieval_ = v1::Retrieval::NewStub(channel);
    std::ifstream(scratch_ / "data/dev/admin.key") >> dev_key_;
    v1::CreateCollectionResponse response;
    const auto context = As(dev_key_);
    const auto made = admin_->CreateCollection(
        context.get(),
        FromText<v1::CreateCollectionRequest>(
            "config { name: 'docs' dimension: 8 metric: METRIC_COSINE embedder: EMBEDDER_BUILTIN "
            "default_label { level: 'public' } default_acl { allow { principal: 'everyone' } } }"),
        &response);
    ASSERT_TRUE(made.ok()) << made.error_message();
  }

  static std::unique_ptr<grpc::ClientContext> As(const std::string& key, int timeout_ms = 20000) {
    auto context = std::make_unique<grpc::ClientContext>();
    if (!key.empty()) context->AddMetadata("authorization", "Bearer " + key);
    context->set_deadline(std::chrono::system_clock::now() + milliseconds(timeout_ms));
    return context;
  }
  grpc::Status Capabilities(grpc::ClientContext* context) {
    v1::CapabilitiesResponse response;
    return admin_->Capabilities(context, {}, &response);
  }
  // A call that holds a thread until its bounded wait is over.
  grpc::Status WaitForNothing(int timeout_ms = 20000) {
    const auto context = As(dev_key_, timeout_ms);
    v1::RetrieveResponse response;
    return retrieval_->Retrieve(
        context.get(),
        FromText<v1::RetrieveRequest>("collection: 'docs' text: 'x' scope { as: 'user:a' "
                                      "at_least_revision: 999999 }"),
        &response);
  }
  // A new key that asks for nobody but itself.
  v1::CreateKeyResponse KeyOfA() {
    v1::CreateKeyResponse key;
    const auto made = admin_->CreateKey(
        As(dev_key_).get(),
        FromText<v1::CreateKeyRequest>("grant { principal: 'service:a' rights: RIGHT_QUERY "
                                       "collections: '*' destinations: 'dev' "
                                       "clearance { symbol: SYMBOL_ALL } }"),
        &key);
    EXPECT_TRUE(made.ok()) << made.error_message();
    return key;
  }
  // A question of the key itself that waits for `revision`.
  grpc::Status AskAt(grpc::ClientContext* context, uint64_t revision) {
    auto request = FromText<v1::RetrieveRequest>("collection: 'docs' text: 'x'");
    request.mutable_scope()->set_at_least_revision(revision);
    v1::RetrieveResponse response;
    return retrieval_->Retrieve(context, request, &response);
  }
  static v1::IngestRequest Batch(uint64_t number) {
    auto batch = FromText<v1::IngestRequest>("collection: 'docs' documents { text: 'some words' }");
    batch.set_batch(number);
    batch.mutable_documents(0)->set_id("d" + std::to_string(number));
    return batch;
  }

  ScratchDirectory scratch_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::Admin::Stub> admin_;
  std::unique_ptr<v1::Ingest::Stub> ingest_;
  std::unique_ptr<v1::Retrieval::Stub> retrieval_;
  std::string dev_key_;
};

TEST_F(Served, CallersThatNobodyKnows) {
  Start();
  EXPECT_TRUE(Capabilities(As(dev_key_).get()).ok());
  const auto none = Capabilities(As("").get());
  EXPECT_EQ(none.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  const auto twice = As(dev_key_);
  twice->AddMetadata("authorization", "Bearer " + dev_key_);
  for (const auto& refused :
       {Capabilities(As("default.dev.wrong").get()), Capabilities(As(dev_key_ + "x").get()),
        Capabilities(As("other.k.s").get()), Capabilities(twice.get())}) {
    EXPECT_EQ(refused.error_code(), none.error_code());
    EXPECT_EQ(refused.error_message(), none.error_message());
    EXPECT_EQ(refused.error_details(), none.error_details());
  }
  const auto context = As("");
  const auto stream = ingest_->Ingest(context.get());
  stream->Write(Batch(1));
  v1::IngestResponse answer;
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(Served, ARevokedKeyWritesOnInAnOpenStream) {
  Start();
  v1::CreateKeyResponse key;
  ASSERT_TRUE(admin_
                  ->CreateKey(As(dev_key_).get(),
                              FromText<v1::CreateKeyRequest>(
                                  "grant { principal: 'service:w' rights: RIGHT_INGEST "
                                  "collections: '*' }"),
                              &key)
                  .ok());
  const auto context = As(key.key());
  const auto stream = ingest_->Ingest(context.get());
  v1::IngestResponse answer;
  ASSERT_TRUE(stream->Write(Batch(1)));
  ASSERT_TRUE(stream->Read(&answer));
  EXPECT_EQ(answer.accepted(), 1u);
  v1::RevokeKeyRequest revoke;
  revoke.set_id(key.id());
  v1::RevokeKeyResponse revoked;
  ASSERT_TRUE(admin_->RevokeKey(As(dev_key_).get(), revoke, &revoked).ok());
  stream->Write(Batch(2));
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  v1::StatsRequest stats;
  stats.set_collection("docs");
  v1::StatsResponse figures;
  ASSERT_TRUE(admin_->Stats(As(dev_key_).get(), stats, &figures).ok());
  EXPECT_EQ(figures.documents(), 1u);
}

TEST_F(Served, MoreCallsThanItHasRoomFor) {
  Start(/*threads=*/1, /*queue=*/1);
  std::mutex mutex;
  std::vector<grpc::Status> ends;
  std::vector<std::thread> callers;
  for (int i = 0; i < 32; ++i) {
    callers.emplace_back([&] {
      for (int call = 0; call < 20; ++call) {
        const auto end = Capabilities(As(dev_key_).get());
        std::lock_guard lock(mutex);
        ends.push_back(end);
      }
    });
  }
  for (auto& caller : callers) caller.join();
  int refused = 0;
  for (const auto& end : ends) {
    if (end.ok()) continue;
    ++refused;
    ASSERT_EQ(end.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    google::rpc::Status details;
    google::rpc::RetryInfo retry;
    ASSERT_TRUE(details.ParseFromString(end.error_details()));
    ASSERT_EQ(details.details_size(), 1);
    EXPECT_TRUE(details.details(0).UnpackTo(&retry));
  }
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, static_cast<int>(ends.size())) << "nobody was served";
  EXPECT_TRUE(Capabilities(As(dev_key_).get()).ok());
}

// Whoever waits for a revision that never comes must not hold a thread.
TEST_F(Served, WaitersHoldUpEverybodyElse) {
  Start(/*threads=*/1, /*queue=*/64);
  std::vector<std::thread> waiters;
  for (int i = 0; i < 40; ++i) {
    waiters.emplace_back(
        [&] { EXPECT_EQ(WaitForNothing().error_code(), grpc::StatusCode::FAILED_PRECONDITION); });
  }
  std::this_thread::sleep_for(milliseconds(500));
  const auto start = Stopwatch::now();
  EXPECT_TRUE(Capabilities(As(dev_key_).get()).ok());
  EXPECT_LT(Stopwatch::now() - start, milliseconds(2000));
  for (auto& waiter : waiters) waiter.join();
}

// A key whose calls have all its places does not wait, whatever it asks for; another key does.
// At kRevisionWaitersOfOne and beyond.
TEST_F(Served, OneKeyTakesAllPlacesToWait) {
  Start();
  const std::string other = KeyOfA().key();
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::thread> waiters;
  std::atomic<int> turned_away{0};
  for (size_t i = 0; i < limits::kRevisionWaitersOfOne + 1; ++i) {
    contexts.push_back(As(dev_key_));
    waiters.emplace_back([&, context = contexts.back().get()] {
      const auto end = AskAt(context, 999999).error_code();
      turned_away += end == grpc::StatusCode::FAILED_PRECONDITION;
    });
  }
  // Those that wait end so as well, kRevisionWait_ms later.
  for (int i = 0; i < 1000 && turned_away == 0; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(turned_away, 1);
  const auto start = Stopwatch::now();
  EXPECT_EQ(AskAt(As(other, 500).get(), 999999).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_GE(Stopwatch::now() - start, milliseconds(400)) << "it was turned away for another's";
  for (auto& context : contexts) context->TryCancel();
  for (auto& waiter : waiters) waiter.join();
}

TEST_F(Served, AKeyThatIsRevokedWhileItWaitsIsAnswered) {
  Start();
  const v1::CreateKeyResponse revoked = KeyOfA(), kept = KeyOfA();
  grpc::Status ends[2];
  std::vector<std::thread> waiters;
  for (const auto& [key, end] :
       {std::pair(revoked.key(), &ends[0]), std::pair(kept.key(), &ends[1])}) {
    // One revision after that of the revocation.
    waiters.emplace_back([&, key, end] { *end = AskAt(As(key).get(), kept.revision() + 2); });
  }
  std::this_thread::sleep_for(milliseconds(300));
  v1::RevokeKeyRequest revoke;
  revoke.set_id(revoked.id());
  v1::RevokeKeyResponse response;
  const auto done = admin_->RevokeKey(As(dev_key_).get(), revoke, &response);
  ASSERT_TRUE(done.ok()) << done.error_message();
  KeyOfA();
  for (auto& waiter : waiters) waiter.join();
  EXPECT_EQ(ends[0].error_code(), grpc::StatusCode::UNAUTHENTICATED) << ends[0].error_message();
  EXPECT_TRUE(ends[1].ok()) << ends[1].error_message();
}

TEST_F(Served, AnExportReadsBeforeItsRevisionIsThere) {
  Start();
  v1::CreateKeyResponse key;
  ASSERT_TRUE(admin_
                  ->CreateKey(As(dev_key_).get(),
                              FromText<v1::CreateKeyRequest>(
                                  "grant { principal: 'service:x' rights: RIGHT_EXPORT "
                                  "collections: '*' destinations: '*' }"),
                              &key)
                  .ok());
  const auto export_at = [&](uint64_t revision) {
    v1::ExportRequest request;
    request.set_collection("docs");
    request.mutable_scope()->set_destination("dev");
    request.mutable_scope()->set_at_least_revision(revision);
    const auto context = As(key.key());
    const auto stream = retrieval_->Export(context.get(), request);
    for (v1::ExportResponse part; stream->Read(&part);) {
    }
    return stream->Finish();
  };
  // The development destination is exported to by nobody: that is told once the revision is there.
  grpc::Status reached;
  std::thread waiting([&] { reached = export_at(key.revision() + 1); });
  std::this_thread::sleep_for(milliseconds(300));
  KeyOfA();
  waiting.join();
  EXPECT_EQ(reached.error_code(), grpc::StatusCode::PERMISSION_DENIED) << reached.error_message();
  const auto start = Stopwatch::now();
  EXPECT_EQ(export_at(999999).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_GE(Stopwatch::now() - start, milliseconds(limits::kRevisionWait_ms - 500));
}

TEST_F(Served, AnAdminReadsBeforeTheRevisionIsThere) {
  Start();
  const v1::CreateKeyResponse query = KeyOfA();
  v1::ListKeysResponse keys;
  const auto list_at = [&](const std::string& key, uint64_t revision) {
    v1::ListKeysRequest request;
    request.set_at_least_revision(revision);
    return admin_->ListKeys(As(key).get(), request, &keys);
  };
  grpc::Status reached;
  std::thread waiting([&] { reached = list_at(dev_key_, query.revision() + 1); });
  std::this_thread::sleep_for(milliseconds(300));
  const v1::CreateKeyResponse made = KeyOfA();
  waiting.join();
  ASSERT_TRUE(reached.ok()) << reached.error_message();
  EXPECT_TRUE(std::any_of(keys.keys().begin(), keys.keys().end(),
                          [&](const auto& key) { return key.id() == made.id(); }));
  EXPECT_EQ(list_at(dev_key_, 999999).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  // Whoever may not ask is told so at once.
  const auto start = Stopwatch::now();
  EXPECT_EQ(list_at(query.key(), 999999).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_LT(Stopwatch::now() - start, milliseconds(2000));
}

TEST_F(Served, AnErasureIsAskedAboutBeforeTheRevisionIsThere) {
  Start();
  const uint64_t revision = KeyOfA().revision();
  v1::EraseStatusResponse status;
  grpc::Status reached;
  std::thread waiting([&] {
    v1::EraseStatusRequest request;
    request.set_collection("docs");
    request.set_revision(revision + 1);
    request.set_at_least_revision(revision + 1);
    reached = ingest_->EraseStatus(As(dev_key_).get(), request, &status);
  });
  std::this_thread::sleep_for(milliseconds(300));
  KeyOfA();
  waiting.join();
  ASSERT_TRUE(reached.ok()) << reached.error_message();
  EXPECT_GT(status.revision(), revision);
  EXPECT_TRUE(status.verified());
}

TEST_F(Served, AnExportThatWaitsHoldsUpTheStop) {
  Start();
  grpc::Status ended;
  std::thread waiting([&] {
    const auto context = As(dev_key_);
    const auto stream = retrieval_->Export(
        context.get(), FromText<v1::ExportRequest>("collection: 'docs' scope { as: 'user:a' "
                                                   "at_least_revision: 999999 }"));
    v1::ExportResponse part;
    EXPECT_FALSE(stream->Read(&part));
    ended = stream->Finish();
  });
  std::this_thread::sleep_for(milliseconds(500));
  const auto start = Stopwatch::now();
  server_->Stop();
  EXPECT_LT(Stopwatch::now() - start, milliseconds(limits::kRevisionWait_ms - 2000));
  waiting.join();
  EXPECT_EQ(ended.error_code(), grpc::StatusCode::UNAVAILABLE) << ended.error_message();
}

TEST_F(Served, MetadataWithoutAnEnd) {
  Start();
  const auto with = [&](size_t count, size_t bytes) {
    const auto context = As(dev_key_);
    for (size_t i = 0; i < count; ++i) {
      context->AddMetadata("x-trace-" + std::to_string(i), std::string(bytes, 'x'));
    }
    return Capabilities(context.get()).error_code();
  };
  // gRPC refuses some of it itself, and ends the connection under others that it carries.
  const auto refused = [](grpc::StatusCode code) {
    return code == grpc::StatusCode::RESOURCE_EXHAUSTED || code == grpc::StatusCode::UNAVAILABLE;
  };
  EXPECT_EQ(with(1, limits::kMetadataBytes / 2), grpc::StatusCode::OK);
  EXPECT_TRUE(refused(with(1, limits::kMetadataBytes + 1)));
  EXPECT_TRUE(refused(with(4, limits::kMetadataBytes / 2)));
  const auto context = As(dev_key_);
  context->AddMetadata("x-trace", std::string(limits::kMetadataBytes + 1, 'x'));
  const auto stream = ingest_->Ingest(context.get());
  v1::IngestResponse answer;
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_TRUE(refused(stream->Finish().error_code()));
}

// The connection lets through what an ingest may send.
TEST_F(Served, AQueryOfFiveMebibytes) {
  Start();
  v1::RetrieveRequest request;
  request.set_collection("docs");
  request.set_text(std::string(5 << 20, 'x'));
  v1::RetrieveResponse response;
  const auto end = retrieval_->Retrieve(As(dev_key_).get(), request, &response);
  EXPECT_EQ(end.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(end.error_message().find("the message has more than"), std::string::npos)
      << end.error_message();
}

TEST_F(Served, ADeadlinePasses) {
  Start();
  const auto start = Stopwatch::now();
  EXPECT_EQ(WaitForNothing(/*timeout_ms=*/300).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_LT(Stopwatch::now() - start, milliseconds(3000));
}

// Whoever asks for much and does not read must not hold it for ever.
TEST_F(Served, AStreamThatNobodyReadsStaysOpen) {
  constexpr int kCap_ms = 1500;
  Start(/*threads=*/2, /*queue=*/64, kCap_ms);
  v1::IngestRequest batch;
  batch.set_collection("docs");
  batch.set_batch(1);
  std::string text;  // far more than a connection takes that nobody reads from
  while (text.size() < 60'000) text += "word ";
  for (int i = 0; i < 40; ++i) {
    auto* document = batch.add_documents();
    document->set_id("d" + std::to_string(i));
    document->add_chunks()->set_text(text);
  }
  const auto writer = As(dev_key_);
  const auto ingest = ingest_->Ingest(writer.get());
  v1::IngestResponse ingested;
  ASSERT_TRUE(ingest->Write(batch) && ingest->Read(&ingested));
  ASSERT_EQ(ingested.accepted(), 40u);
  ingest->WritesDone();
  ASSERT_TRUE(ingest->Finish().ok());

  grpc::ChannelArguments arguments;  // takes 64 KiB until somebody reads
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto unread = v1::Retrieval::NewStub(
      grpc::CreateCustomChannel(server_->address(), grpc::InsecureChannelCredentials(), arguments));
  const auto context = As(dev_key_);
  const auto stream = unread->RetrieveStream(
      context.get(), FromText<v1::RetrieveStreamRequest>(
                         "query { collection: 'docs' text: 'word' k: 40 scope { as: 'user:a' } }"));
  std::this_thread::sleep_for(milliseconds(2 * kCap_ms));
  int messages = 0;
  for (v1::RetrieveStreamResponse part; stream->Read(&part);) ++messages;
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_LT(messages, 3) << "it waited";
}

TEST_F(Served, StopBreaksOffWhatIsUnderWay) {
  Start();
  grpc::Status waited;
  std::thread running([&] { waited = WaitForNothing(); });
  std::this_thread::sleep_for(milliseconds(500));
  server_->Stop();
  running.join();
  // Its own end, not a cancellation.
  EXPECT_EQ(waited.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Capabilities(As(dev_key_, 1000).get()).error_code(), grpc::StatusCode::UNAVAILABLE);
  server_->Stop();  // again, without harm
}

TEST_F(Served, WhatWasAcknowledgedIsGoneAfterStop) {
  Start();
  const auto context = As(dev_key_);
  const auto stream = ingest_->Ingest(context.get());
  v1::IngestResponse answer;
  for (uint64_t i = 1; i <= 20; ++i) ASSERT_TRUE(stream->Write(Batch(i)));
  stream->WritesDone();
  for (uint64_t i = 1; i <= 20; ++i) {
    ASSERT_TRUE(stream->Read(&answer));
    EXPECT_EQ(answer.batch(), i) << "out of order";
  }
  EXPECT_TRUE(stream->Finish().ok());
  server_.reset();
  Config config;
  config.paths.data_dir = scratch_ / "data";
  config.listen = "127.0.0.1:0";
  const auto opened = Engine::Open({config.paths, config.journal, std::nullopt});
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  const auto view = (*opened)->FindTenant("default")->publisher.Pin((*opened)->clock());
  EXPECT_EQ(view->state().FindCollection("docs")->documents, 20u);
}

TEST_F(Served, TheDevelopmentKeyOpensAServerInProduction) {
  Start();
  server_.reset();
  Config config;
  config.paths.data_dir = scratch_ / "data";
  config.listen = "127.0.0.1:0";
  auto started = Server::Start(config);
  ASSERT_TRUE(started.ok()) << started.status().ToString();
  const auto admin = v1::Admin::NewStub(
      grpc::CreateChannel((*started)->address(), grpc::InsecureChannelCredentials()));
  v1::CapabilitiesResponse response;
  EXPECT_EQ(admin->Capabilities(As(dev_key_).get(), {}, &response).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(Served, TwoServersShareAPort) {
  Start();
  Config config;
  config.paths.data_dir = scratch_ / "second";
  config.listen = server_->address();
  config.dev = true;
  EXPECT_EQ(Server::Start(config).status().field(), "listen");
}

}  // namespace
}  // namespace cordon
