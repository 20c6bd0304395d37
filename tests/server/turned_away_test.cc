// Streams that are let in, and find the queue full later. A real server on a real port.
#include <thread>
#include <vector>

#include "cordon/v1/directory.grpc.pb.h"
#include "cordon/v1/ingest.grpc.pb.h"
#include "cordon/v1/policy.grpc.pb.h"
#include "cordon/v1/retrieval.grpc.pb.h"
#include "tests/server/piped_backups.h"
#include "tests/store/from_text.h"

namespace cordon {
namespace {

using std::chrono::milliseconds;

// Of one thread and one place to wait; what is listed is a pipe that nobody writes to.
class FullServer : public PipedBackups {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(Start(/*queue=*/1));
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
    held_ = std::thread([this] {
      v1::ListBackupsResponse response;
      admin_->ListBackups(As().get(), {}, &response);
    });
    writer_ = Reach();
    ASSERT_GE(writer_, 0) << "nobody reads the pipe";
    // One that gets the place to wait stays there, though its caller has left.
    bool full = false;
    for (int i = 0; i < 100 && !full; ++i) {
      std::this_thread::sleep_for(milliseconds(10));
      full = AskCapabilities(200) == grpc::StatusCode::RESOURCE_EXHAUSTED;
    }
    ASSERT_TRUE(full);
  }
  void Free() {
    if (!held_.joinable()) return;
    Release(writer_);
    held_.join();
    bool free = false;
    for (int i = 0; i < 100 && !free; ++i) {
      std::this_thread::sleep_for(milliseconds(10));
      free = AskCapabilities(10'000) == grpc::StatusCode::OK;
    }
    EXPECT_TRUE(free);
  }
  // The end of a stream that was turned away, which the journal must know of.
  void ExpectRecord(const grpc::Status& end, const std::string& call) {
    EXPECT_EQ(end.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << end.error_message();
    Free();
    EXPECT_EQ(Records(call, "RESOURCE_EXHAUSTED"), 1);
  }

  int writer_ = -1;
  std::thread held_;
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

TEST_F(FullServer, EndsAListingWithoutARecord) {
  const auto context = As();
  v1::SyncSourceResponse response;
  const auto stream = v1::Ingest::NewStub(channel_)->SyncSource(context.get(), &response);
  stream->Write(FromText<v1::SyncSourceRequest>(
      "begin { collection: 'docs' source: 'wiki' } documents { id: 'a' text: 'some words' }"));
  Fill();
  stream->Write(FromText<v1::SyncSourceRequest>("commit { documents: 1 }"));
  ExpectRecord(stream->Finish(), "SyncSource");
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
      context.get(), FromText<v1::ExportRequest>(
                         "collection: 'docs' scope { as: 'user:a' destination: 'tuned' }"));
  Fill();
  int messages = 0;
  for (v1::ExportResponse part; stream->Read(&part);) ++messages;
  EXPECT_GE(messages, 1);
  ExpectRecord(stream->Finish(), "Export");
}

}  // namespace
}  // namespace cordon
