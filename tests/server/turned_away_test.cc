// Streams that are let in, and find the queue full later. A real server on a real port.
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "cordon/v1/admin.grpc.pb.h"
#include "cordon/v1/directory.grpc.pb.h"
#include "cordon/v1/ingest.grpc.pb.h"
#include "cordon/v1/policy.grpc.pb.h"
#include "cordon/v1/retrieval.grpc.pb.h"
#include "engine/server/server.h"
#include "tests/store/from_text.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

using std::chrono::milliseconds;

// Of one thread and one place to wait; what is listed is a pipe that nobody writes to.
class FullServer : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(scratch_ / "backups/meta");
    ASSERT_EQ(mkfifo(pipe_.c_str(), 0600), 0);
    Config config;
    config.paths.data_dir = scratch_ / "data";
    config.backup_dir = scratch_ / "backups";
    config.listen = "127.0.0.1:0";
    config.dev = true;
    config.threads = 1;
    config.queue = 1;
    auto started = Server::Start(config);
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    server_ = *std::move(started);
    std::ifstream(scratch_ / "data/dev/admin.key") >> key_;
    channel_ = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
    admin_ = v1::Admin::NewStub(channel_);
    v1::CreateCollectionResponse created;
    const auto made = admin_->CreateCollection(
        As().get(),
        FromText<v1::CreateCollectionRequest>(
            "config { name: 'docs' dimension: 8 metric: METRIC_COSINE embedder: EMBEDDER_BUILTIN "
            "default_label { level: 'public' } default_acl { allow { principal: 'everyone' } } }"),
        &created);
    ASSERT_TRUE(made.ok()) << made.error_message();
  }
  void TearDown() override { Free(); }

  std::unique_ptr<grpc::ClientContext> As() const {
    auto context = std::make_unique<grpc::ClientContext>();
    context->AddMetadata("authorization", "Bearer " + key_);
    context->set_deadline(std::chrono::system_clock::now() + milliseconds(30'000));
    return context;
  }
  static v1::IngestRequest Batch(uint64_t number, const std::string& text, int documents) {
    v1::IngestRequest batch;
    batch.set_collection("docs");
    batch.set_batch(number);
    for (int i = 0; i < documents; ++i) {
      auto* document = batch.add_documents();
      document->set_id(std::to_string(number) + "-" + std::to_string(i));
      document->add_chunks()->set_text(text);
    }
    return batch;
  }
  // Far more than a connection takes that nobody reads from, in several messages.
  void Write(int documents) {
    std::string text;
    while (text.size() < 60'000) text += "word ";
    const auto context = As();
    const auto stream = v1::Ingest::NewStub(channel_)->Ingest(context.get());
    v1::IngestResponse taken;
    ASSERT_TRUE(stream->Write(Batch(1, text, documents)) && stream->Read(&taken));
    stream->WritesDone();
    ASSERT_TRUE(stream->Finish().ok());
  }
  // Takes 64 KiB of a stream until somebody reads.
  std::unique_ptr<v1::Retrieval::Stub> Unread() const {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return v1::Retrieval::NewStub(grpc::CreateCustomChannel(
        server_->address(), grpc::InsecureChannelCredentials(), arguments));
  }
  // From now on every further task is turned away, until Free().
  void Fill() {
    std::this_thread::sleep_for(milliseconds(500));  // until the stream waits for its client
    held_.emplace_back([this] {
      v1::ListBackupsResponse response;
      admin_->ListBackups(As().get(), {}, &response);
    });
    for (int i = 0; i < 1000 && writer_ < 0; ++i) {
      std::this_thread::sleep_for(milliseconds(10));
      writer_ = open(pipe_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    }
    ASSERT_GE(writer_, 0) << "nobody reads the pipe";
    held_.emplace_back([this] {
      v1::CapabilitiesResponse response;
      admin_->Capabilities(As().get(), {}, &response);
    });
    std::this_thread::sleep_for(milliseconds(500));
  }
  void Free() {
    std::filesystem::remove(pipe_);
    if (writer_ >= 0) close(writer_);
    writer_ = -1;
    for (auto& thread : held_) thread.join();
    held_.clear();
  }
  // The end of a stream that was turned away, which the journal must know of.
  void ExpectRecord(const grpc::Status& end, const std::string& call) {
    EXPECT_EQ(end.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << end.error_message();
    Free();
    v1::QueryJournalRequest request;
    request.set_limit(200);
    v1::QueryJournalResponse response;
    ASSERT_TRUE(admin_->QueryJournal(As().get(), request, &response).ok());
    int records = 0;
    for (const auto& line : response.lines()) {
      records += line.call() == call && line.outcome() == "RESOURCE_EXHAUSTED";
    }
    EXPECT_EQ(records, 1);
  }

  ScratchDirectory scratch_;
  const std::string pipe_ = scratch_ / "backups/meta/1";
  int writer_ = -1;
  std::unique_ptr<Server> server_;
  std::string key_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Admin::Stub> admin_;
  std::vector<std::thread> held_;
};

TEST_F(FullServer, EndsAnIngestWithoutARecord) {
  const auto context = As();
  const auto stream = v1::Ingest::NewStub(channel_)->Ingest(context.get());
  v1::IngestResponse taken;
  ASSERT_TRUE(stream->Write(Batch(1, "some words", 1)) && stream->Read(&taken));
  Fill();
  stream->Write(Batch(2, "some words", 1));
  EXPECT_FALSE(stream->Read(&taken));
  ExpectRecord(stream->Finish(), "Ingest");
}

TEST_F(FullServer, EndsASnapshotWithoutARecord) {
  const auto context = As();
  v1::SyncDirectoryResponse response;
  const auto stream = v1::Directory::NewStub(channel_)->SyncDirectory(context.get(), &response);
  stream->Write(FromText<v1::SyncDirectoryRequest>(
      "begin { source: 'hris' } principals { name: 'group:a' sets_members: true }"));
  Fill();
  stream->Write(FromText<v1::SyncDirectoryRequest>("commit { principals: 1 }"));
  ExpectRecord(stream->Finish(), "SyncDirectory");
}

TEST_F(FullServer, EndsAnAnswerWithoutARecord) {
  Write(40);
  const auto context = As();
  const auto unread = Unread();
  const auto stream = unread->RetrieveStream(
      context.get(), FromText<v1::RetrieveStreamRequest>(
                         "query { collection: 'docs' text: 'word' k: 40 scope { as: 'user:a' } }"));
  Fill();
  int messages = 0;
  for (v1::RetrieveStreamResponse part; stream->Read(&part);) ++messages;
  EXPECT_GE(messages, 1);
  ExpectRecord(stream->Finish(), "RetrieveStream");
}

TEST_F(FullServer, EndsAnExportWithoutARecord) {
  v1::ApplyPolicyResponse applied;
  ASSERT_TRUE(v1::Policy::NewStub(channel_)
                  ->ApplyPolicy(As().get(),
                                FromText<v1::ApplyPolicyRequest>(
                                    "destinations { destination { name: 'tuned' scope: 4 ceiling "
                                    "{ symbol: SYMBOL_ALL } } }"),
                                &applied)
                  .ok());
  Write(100);
  const auto context = As();
  const auto unread = Unread();
  const auto stream = unread->Export(
      context.get(),
      FromText<v1::ExportRequest>("collection: 'docs' scope { destination: 'tuned' }"));
  Fill();
  int messages = 0;
  for (v1::ExportResponse part; stream->Read(&part);) ++messages;
  EXPECT_GE(messages, 1);
  ExpectRecord(stream->Finish(), "Export");
}

}  // namespace
}  // namespace cordon
