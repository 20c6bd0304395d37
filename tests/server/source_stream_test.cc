// The listing of a source over a real socket: clients that vanish, keys that end in mid-stream, a
// server that stops.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "tests/security/served_store.h"
#include "tests/store/from_text.h"

namespace cordon {
namespace {

class ServedListing : public testing::Test {
 protected:
  using Stream = grpc::ClientWriter<v1::SyncSourceRequest>;
  struct Call {
    grpc::ClientContext context;
    v1::SyncSourceResponse response;
    std::unique_ptr<Stream> stream;
  };

  ServedListing() {
    store_.Do<v1::CreateCollectionResponse>(
        root_, "Admin/CreateCollection",
        "config { name: 'docs' dimension: 8 metric: METRIC_COSINE embedder: EMBEDDER_BUILTIN "
        "default_label { level: 'public' } default_acl { allow { principal: 'everyone' } } }");
  }

  std::unique_ptr<Call> Open(const ServedStore::Key& key) {
    auto call = std::make_unique<Call>();
    call->context.AddMetadata("authorization", "Bearer " + key.bearer);
    call->context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    call->stream = ingest_->SyncSource(&call->context, &call->response);
    return call;
  }
  static v1::SyncSourceRequest Message(const std::string& text) {
    return FromText<v1::SyncSourceRequest>(text);
  }
  static std::string Docs(int from, int to) {
    std::string text;
    for (int i = from; i < to; ++i) {
      text += "documents { id: 'd" + std::to_string(i) + "' text: 'words of it' } ";
    }
    return text;
  }
  static std::string Begin(const std::string& more = "") {
    return "begin { collection: 'docs' source: 'wiki' " + more + "} ";
  }
  uint64_t Documents() {
    return store_.Do<v1::StatsResponse>(root_, "Admin/Stats", "collection: 'docs'").documents();
  }
  // Waits until the collection holds so many.
  void AwaitDocuments(uint64_t count) {
    for (int i = 0; i < 500 && Documents() != count; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_EQ(Documents(), count);
  }

  ServedStore store_;
  const ServedStore::Key root_ = store_.MakeKey(
      store_.admin(), std::string("principal: 'service:root' ") + kEveryRight + kEveryReach);
  const std::unique_ptr<v1::Ingest::Stub> ingest_ = v1::Ingest::NewStub(
      grpc::CreateChannel(store_.address(), grpc::InsecureChannelCredentials()));
};

TEST_F(ServedListing, WhoVanishesTakesDocumentsAlong) {
  const auto first = Open(root_);
  EXPECT_TRUE(first->stream->Write(Message(Begin() + Docs(0, 10))));
  EXPECT_TRUE(first->stream->Write(Message(Docs(10, 20) + "commit { documents: 20 }")));
  ASSERT_TRUE(first->stream->Finish().ok());
  EXPECT_EQ(first->response.difference().added(), 20u);

  const auto vanished = Open(root_);
  ASSERT_TRUE(vanished->stream->Write(Message(Begin("allow_removals: true ") + Docs(20, 21))));
  AwaitDocuments(21);
  vanished->context.TryCancel();
  EXPECT_FALSE(vanished->stream->Finish().ok());

  std::unique_ptr<Call> unsaid;
  grpc::Status ended;
  for (int i = 0; i < 500; ++i) {  // until the server has seen that the other is gone
    unsaid = Open(root_);
    unsaid->stream->Write(Message(Begin("allow_removals: true ") + Docs(0, 1)));
    unsaid->stream->WritesDone();
    ended = unsaid->stream->Finish();
    if (ended.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(ended.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Documents(), 21u);

  const auto whole = Open(root_);
  ASSERT_TRUE(whole->stream->Write(
      Message(Begin("removals_max_percent: 100 ") + Docs(0, 1) + "commit { documents: 1 }")));
  ASSERT_TRUE(whole->stream->Finish().ok());
  EXPECT_EQ(whole->response.difference().removed(), 20u);
  EXPECT_EQ(Documents(), 1u);
}

TEST_F(ServedListing, ARevokedKeyGoesOn) {
  const auto key = store_.MakeKey(
      store_.admin(), std::string("principal: 'service:wiki' ") + kEveryRight + kEveryReach);
  const auto call = Open(key);
  ASSERT_TRUE(call->stream->Write(Message(Begin("allow_removals: true ") + Docs(0, 5))));
  AwaitDocuments(5);
  store_.Do<v1::RevokeKeyResponse>(store_.admin(), "Admin/RevokeKey", "id: '" + key.id + "'");
  call->stream->Write(Message("commit { documents: 5 }"));
  EXPECT_EQ(call->stream->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Documents(), 5u);
}

// Each message counts, of a snapshot of the directory as well.
TEST_F(ServedListing, AStreamGoesAroundTheQuota) {
  const auto key = store_.MakeKey(
      store_.admin(), std::string("principal: 'service:wiki' quota { requests_per_minute: 2 } ") +
                          kEveryRight + kEveryReach);
  const auto call = Open(key);
  call->stream->Write(Message(Begin() + Docs(0, 1)));
  call->stream->Write(Message(Docs(1, 2)));
  call->stream->Write(Message(Docs(2, 3) + "commit { documents: 3 }"));
  EXPECT_EQ(call->stream->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Documents(), 2u);

  const auto other = store_.MakeKey(
      store_.admin(), std::string("principal: 'service:hris' quota { requests_per_minute: 2 } ") +
                          kEveryRight + kEveryReach);
  const auto directory = v1::Directory::NewStub(
      grpc::CreateChannel(store_.address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + other.bearer);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  v1::SyncDirectoryResponse response;
  const auto stream = directory->SyncDirectory(&context, &response);
  for (const std::string text :
       {"begin { source: 'hris' }", "principals { name: 'group:a' sets_members: true }",
        "commit { principals: 1 }"}) {
    stream->Write(FromText<v1::SyncDirectoryRequest>(text));
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ServedListing, TwoOfOneSourceAreTakenAtOnce) {
  const auto first = Open(root_);
  ASSERT_TRUE(first->stream->Write(Message(Begin() + Docs(0, 1))));
  AwaitDocuments(1);
  const auto second = Open(root_);
  second->stream->Write(Message(Begin() + Docs(0, 1) + "commit { documents: 1 }"));
  EXPECT_EQ(second->stream->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  first->context.TryCancel();
  EXPECT_FALSE(first->stream->Finish().ok());
  grpc::Status ended;
  for (int i = 0; i < 500; ++i) {  // until the server has seen it
    const auto third = Open(root_);
    third->stream->Write(Message(Begin() + Docs(0, 1) + "commit { documents: 1 }"));
    ended = third->stream->Finish();
    if (ended.ok()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(ended.ok()) << ended.error_message();
}

TEST_F(ServedListing, AStoppingServerWaitsForAnIdleClient) {
  const auto call = Open(root_);
  ASSERT_TRUE(call->stream->Write(Message(Begin() + Docs(0, 1))));
  AwaitDocuments(1);
  store_.Stop();
  EXPECT_EQ(call->stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace cordon
