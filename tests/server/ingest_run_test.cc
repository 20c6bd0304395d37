// Streams of runs: two of one run at once, one that is opened again, and a server that is started
// again. A real server on a real port.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>
#include <vector>

#include "cordon/v1/admin.grpc.pb.h"
#include "cordon/v1/ingest.grpc.pb.h"
#include "engine/server/server.h"
#include "tests/store/from_text.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

class RunStreams : public testing::Test {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::IngestRequest, v1::IngestResponse>;
  // A stream and its context, which must outlive it.
  struct Opened {
    std::unique_ptr<grpc::ClientContext> context;
    std::unique_ptr<Stream> stream;

    v1::IngestResponse Send(const v1::IngestRequest& request) const {
      v1::IngestResponse response;
      EXPECT_TRUE(stream->Write(request) && stream->Read(&response));
      return response;
    }
    grpc::Status End() const {
      stream->WritesDone();
      return stream->Finish();
    }
  };

  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(Start());
    v1::CreateCollectionResponse response;
    const auto made = admin_->CreateCollection(
        Context().get(),
        FromText<v1::CreateCollectionRequest>(
            "config { name: 'docs' dimension: 8 metric: METRIC_COSINE embedder: EMBEDDER_BUILTIN "
            "default_label { level: 'public' } default_acl { allow { principal: 'everyone' } } }"),
        &response);
    ASSERT_TRUE(made.ok()) << made.error_message();
  }
  void Start() {
    Config config;
    config.paths.data_dir = scratch_ / "data";
    config.listen = "127.0.0.1:0";
    config.dev = true;
    server_.reset();
    auto started = Server::Start(config);
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    server_ = *std::move(started);
    std::ifstream(scratch_ / "data/dev/admin.key") >> key_;
    const auto channel =
        grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
    admin_ = v1::Admin::NewStub(channel);
    ingest_ = v1::Ingest::NewStub(channel);
  }
  std::unique_ptr<grpc::ClientContext> Context() const { return ContextOf(key_); }
  static std::unique_ptr<grpc::ClientContext> ContextOf(const std::string& key) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->AddMetadata("authorization", "Bearer " + key);
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    return context;
  }
  Opened Open() const { return OpenAs(key_); }
  Opened OpenAs(const std::string& key) const {
    Opened opened{ContextOf(key), nullptr};
    opened.stream = ingest_->Ingest(opened.context.get());
    return opened;
  }
  static v1::IngestRequest Ask(const std::string& run) {
    v1::IngestRequest request;
    request.set_collection("docs");
    request.set_run(run);
    return request;
  }
  // Of one document, whose id tells run and batch.
  static v1::IngestRequest Batch(const std::string& run, uint64_t number) {
    v1::IngestRequest request = Ask(run);
    request.set_batch(number);
    auto* document = request.add_documents();
    document->set_id(run + std::to_string(number));
    document->set_text("some words");
    return request;
  }
  uint64_t Documents() {
    v1::StatsRequest request;
    v1::StatsResponse response;
    request.set_collection("docs");
    EXPECT_TRUE(admin_->Stats(Context().get(), request, &response).ok());
    return response.documents();
  }
  static grpc::StatusCode EndOf(const Opened& opened, const v1::IngestRequest& request) {
    opened.stream->Write(request);
    v1::IngestResponse response;
    EXPECT_FALSE(opened.stream->Read(&response));
    return opened.stream->Finish().error_code();
  }

  ScratchDirectory scratch_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::Admin::Stub> admin_;
  std::unique_ptr<v1::Ingest::Stub> ingest_;
  std::string key_;
};

TEST_F(RunStreams, TwoOfOneRunAtOnce) {
  const Opened first = Open();
  EXPECT_EQ(first.Send(Ask("a")).checkpoint().batch(), 0u);
  EXPECT_EQ(EndOf(Open(), Ask("a")), grpc::StatusCode::ABORTED);
  EXPECT_EQ(EndOf(Open(), Batch("a", 1)), grpc::StatusCode::ABORTED);
  EXPECT_EQ(Documents(), 0u);
  // Another run has nothing to do with it.
  const Opened other = Open();
  EXPECT_EQ(other.Send(Batch("b", 1)).accepted(), 1u);
  EXPECT_EQ(first.Send(Batch("a", 1)).accepted(), 1u);
  EXPECT_EQ(other.Send(Batch("b", 2)).accepted(), 1u);
  EXPECT_TRUE(first.End().ok());
  EXPECT_TRUE(other.End().ok());
  // Whoever knows that it has ended may open it anew.
  const Opened again = Open();
  EXPECT_EQ(again.Send(Ask("a")).checkpoint().batch(), 1u);
  EXPECT_TRUE(again.End().ok());
  EXPECT_EQ(Documents(), 3u);
}

// What was applied has its record, under the key that it was applied by; what comes later is a
// stranger's, of which there is none.
TEST_F(RunStreams, ARevokedKeysRunGoesOn) {
  v1::CreateKeyResponse key;
  ASSERT_TRUE(admin_
                  ->CreateKey(Context().get(),
                              FromText<v1::CreateKeyRequest>(
                                  "grant { principal: 'service:w' rights: RIGHT_INGEST "
                                  "collections: 'docs' }"),
                              &key)
                  .ok());
  const Opened opened = OpenAs(key.key());
  EXPECT_EQ(opened.Send(Batch("a", 1)).accepted(), 1u);
  v1::RevokeKeyRequest revoke;
  revoke.set_id(key.id());
  v1::RevokeKeyResponse revoked;
  ASSERT_TRUE(admin_->RevokeKey(Context().get(), revoke, &revoked).ok());
  EXPECT_EQ(EndOf(opened, Batch("a", 2)), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(EndOf(OpenAs(key.key()), Ask("a")), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Documents(), 1u);
  v1::QueryJournalRequest query;
  query.set_limit(100);
  v1::QueryJournalResponse journal;
  ASSERT_TRUE(admin_->QueryJournal(Context().get(), query, &journal).ok());
  std::vector<v1::JournalLine> lines;
  for (const auto& line : journal.lines()) {
    if (line.key_id() == key.id()) lines.push_back(line);
  }
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].call(), "Ingest");
  EXPECT_EQ(lines[0].outcome(), "OK");
  EXPECT_EQ(lines[0].collection(), "docs");
  EXPECT_LT(lines[0].revision(), revoked.revision());
}

TEST_F(RunStreams, OneOfAClientThatIsGoneStaysOpen) {
  {
    const Opened left = Open();
    EXPECT_EQ(left.Send(Batch("a", 1)).accepted(), 1u);
    left.stream->Write(Batch("a", 2));
    left.context->TryCancel();
    EXPECT_FALSE(left.stream->Finish().ok());
  }
  v1::IngestResponse at;
  for (int i = 0; i < 100 && !at.has_checkpoint(); ++i) {
    const Opened opened = Open();
    opened.stream->Write(Ask("a"));
    if (!opened.stream->Read(&at)) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    (void)opened.End();
  }
  ASSERT_TRUE(at.has_checkpoint());
  ASSERT_GE(at.checkpoint().batch(), 1u);
  // All that was not acknowledged comes again.
  const Opened again = Open();
  EXPECT_EQ(again.Send(Batch("a", 2)).accepted(), 1u);
  EXPECT_EQ(again.Send(Batch("a", 3)).accepted(), 1u);
  EXPECT_TRUE(again.End().ok());
  EXPECT_EQ(Documents(), 3u);
}

TEST_F(RunStreams, MessagesOfOneStreamChangeTheirRunOrSkip) {
  const Opened changed = Open();
  EXPECT_EQ(changed.Send(Batch("a", 1)).accepted(), 1u);
  EXPECT_EQ(EndOf(changed, Batch("b", 2)), grpc::StatusCode::INVALID_ARGUMENT);
  const Opened skips = Open();
  EXPECT_EQ(skips.Send(Batch("a", 1)).accepted(), 1u);
  EXPECT_EQ(EndOf(skips, Batch("a", 3)), grpc::StatusCode::INVALID_ARGUMENT);
  const Opened starts = Open();
  EXPECT_EQ(EndOf(starts, Batch("a", 3)), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Documents(), 1u);
}

TEST_F(RunStreams, ARestartForgetsOne) {
  uint64_t revision = 0;
  {
    const Opened opened = Open();
    EXPECT_EQ(opened.Send(Batch("a", 1)).accepted(), 1u);
    revision = opened.Send(Batch("a", 2)).revision();
    EXPECT_TRUE(opened.End().ok());
  }
  ASSERT_NO_FATAL_FAILURE(Start());
  const Opened opened = Open();
  const v1::IngestResponse at = opened.Send(Ask("a"));
  EXPECT_EQ(at.checkpoint().batch(), 2u);
  EXPECT_EQ(at.revision(), revision);
  EXPECT_EQ(opened.Send(Batch("a", 2)).revision(), revision);
  EXPECT_EQ(opened.Send(Batch("a", 3)).revision(), revision + 1);
  EXPECT_TRUE(opened.End().ok());
}

}  // namespace
}  // namespace cordon
