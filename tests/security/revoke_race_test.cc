// S5: a revocation that was acknowledged and is not in force, or comes undone by a crash.
// Concurrent clients of a real server, over sockets; half of the histories with kill -9 in between.
// How an order is found that explains a history, or none, says race_check.cc.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "cordon/v1/admin.grpc.pb.h"
#include "cordon/v1/directory.grpc.pb.h"
#include "cordon/v1/ingest.grpc.pb.h"
#include "cordon/v1/policy.grpc.pb.h"
#include "cordon/v1/retrieval.grpc.pb.h"
#include "tests/crash/server_process.h"
#include "tests/effort.h"
#include "tests/security/race.h"
#include "tests/security/wire.h"
#include "tests/store/from_text.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

constexpr char kGrant[] =
    "grant { principal: 'service:app' rights: RIGHT_QUERY rights: RIGHT_INGEST rights: RIGHT_GRANT "
    "rights: RIGHT_LABEL rights: RIGHT_ACT_AS as_patterns: '*' clearance { symbol: SYMBOL_ALL } "
    "collections: '*' destinations: 'dev' }";

// A client's connection, with a stream of batches that it keeps open.
struct Line {
  explicit Line(const std::string& address) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // each client has its own
    const auto channel =
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
    retrieval = v1::Retrieval::NewStub(channel);
    ingest = v1::Ingest::NewStub(channel);
    directory = v1::Directory::NewStub(channel);
    policy = v1::Policy::NewStub(channel);
    admin = v1::Admin::NewStub(channel);
  }
  ~Line() { End(); }

  grpc::Status End() {
    if (!stream) return grpc::Status::OK;
    stream->WritesDone();
    v1::IngestResponse none;
    while (stream->Read(&none)) {
    }
    const auto status = stream->Finish();
    stream.reset();
    return status;
  }

  std::unique_ptr<v1::Retrieval::Stub> retrieval;
  std::unique_ptr<v1::Ingest::Stub> ingest;
  std::unique_ptr<v1::Directory::Stub> directory;
  std::unique_ptr<v1::Policy::Stub> policy;
  std::unique_ptr<v1::Admin::Stub> admin;
  std::unique_ptr<grpc::ClientContext> stream_context;  // outlives the stream
  std::unique_ptr<grpc::ClientReaderWriter<v1::IngestRequest, v1::IngestResponse>> stream;
  std::string stream_key;
};

class SocketTarget : public RaceTarget {
 public:
  SocketTarget() : server_(scratch_ / "data", scratch_ / "log") {}

  bool Start() {
    lines_.clear();
    falling_ = false;
    if (!server_.Start()) return false;
    std::ifstream(scratch_ / "data/dev/admin.key") >> admin_;
    for (size_t i = 0; i < Race::kClients; ++i) {
      lines_.push_back(std::make_unique<Line>(server_.address()));
    }
    return true;
  }
  bool MakeCollection() {
    const auto request = MakeRaceCollection();
    v1::CreateCollectionResponse response;
    return lines_[0]->admin->CreateCollection(As("").get(), request, &response).ok();
  }
  void Kill() {
    falling_ = true;
    server_.Kill();
  }
  std::string Log() const { return server_.Log(); }

  bool Send(size_t client, RaceCall* call) override {
    Line& line = *lines_[client];
    while (true) {
      const grpc::Status status =
          std::visit([&](const auto& request) { return Do(line, request, call); }, call->request);
      switch (status.error_code()) {
        case grpc::StatusCode::OK:
          call->end = RaceCall::kAnswered;
          return true;
        case grpc::StatusCode::RESOURCE_EXHAUSTED:
          continue;
        case grpc::StatusCode::UNAUTHENTICATED:
          call->end = RaceCall::kNotKnown;
          return true;
        case grpc::StatusCode::NOT_FOUND:
          call->end = RaceCall::kNotFound;
          return true;
        case grpc::StatusCode::FAILED_PRECONDITION:
          if (call->at_least == 0) break;
          call->end = RaceCall::kNotReached;
          return true;
        default:
          break;
      }
      call->end = RaceCall::kLost;
      if (falling_) return false;
      ADD_FAILURE() << status.error_message() << " to " << call->Text();
      return false;
    }
  }

 private:
  std::unique_ptr<grpc::ClientContext> As(const std::string& key) {
    auto context = std::make_unique<grpc::ClientContext>();
    std::lock_guard lock(mutex_);
    context->AddMetadata("authorization", "Bearer " + (key.empty() ? admin_ : bearers_.at(key)));
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    return context;
  }

  grpc::Status Do(Line& line, const v1::RetrieveRequest& request, RaceCall* call) {
    v1::RetrieveResponse response;
    const auto status = line.retrieval->Retrieve(As(call->key).get(), request, &response);
    call->revision = response.revision();
    for (const auto& passage : response.passages()) call->seen.insert(passage.document());
    return status;
  }
  grpc::Status Do(Line& line, const v1::GetDocumentRequest& request, RaceCall* call) {
    v1::GetDocumentResponse response;
    const auto status = line.retrieval->GetDocument(As(call->key).get(), request, &response);
    call->revision = response.revision();
    if (status.ok()) call->seen.insert(response.document());
    return status;
  }
  grpc::Status Do(Line& line, const v1::CheckAccessRequest& request, RaceCall* call) {
    v1::CheckAccessResponse response;
    const auto status = line.retrieval->CheckAccess(As(call->key).get(), request, &response);
    call->revision = response.revision();
    call->seen.insert(response.permitted().begin(), response.permitted().end());
    return status;
  }
  // A stream lives as long as its key: each of its messages is judged anew.
  grpc::Status Do(Line& line, const v1::IngestRequest& request, RaceCall* call) {
    if (!line.stream) {
      line.stream_context = As(call->key);
      line.stream_context->set_deadline(std::chrono::system_clock::time_point::max());
      line.stream = line.ingest->Ingest(line.stream_context.get());
      line.stream_key = call->key;
    }
    call->key = line.stream_key;
    v1::IngestResponse response;
    if (!line.stream->Write(request) || !line.stream->Read(&response)) return line.End();
    if (response.refused_size() > 0) {
      return {grpc::StatusCode::INTERNAL, response.ShortDebugString()};
    }
    call->revision = response.revision();
    return grpc::Status::OK;
  }
  template <typename Response, typename Stub, typename Request>
  grpc::Status Write(Stub* stub,
                     grpc::Status (Stub::*send)(grpc::ClientContext*, const Request&, Response*),
                     const Request& request, RaceCall* call, Response* response) {
    const auto status = (stub->*send)(As(call->key).get(), request, response);
    call->revision = response->revision();
    return status;
  }
  grpc::Status Do(Line& line, const v1::SetAccessRequest& request, RaceCall* call) {
    v1::SetAccessResponse response;
    return Write(line.ingest.get(), &v1::Ingest::Stub::SetAccess, request, call, &response);
  }
  grpc::Status Do(Line& line, const v1::UpdateMetadataRequest& request, RaceCall* call) {
    v1::UpdateMetadataResponse response;
    return Write(line.ingest.get(), &v1::Ingest::Stub::UpdateMetadata, request, call, &response);
  }
  grpc::Status Do(Line& line, const v1::SetAccessManyRequest& request, RaceCall* call) {
    v1::SetAccessManyResponse response;
    return Write(line.ingest.get(), &v1::Ingest::Stub::SetAccessMany, request, call, &response);
  }
  grpc::Status Do(Line& line, const v1::SetAccessSelectedRequest& request, RaceCall* call) {
    v1::SetAccessSelectedResponse response;
    return Write(line.ingest.get(), &v1::Ingest::Stub::SetAccessSelected, request, call, &response);
  }
  grpc::Status Do(Line& line, const v1::DeleteRequest& request, RaceCall* call) {
    v1::DeleteResponse response;
    return Write(line.ingest.get(), &v1::Ingest::Stub::Delete, request, call, &response);
  }
  grpc::Status Do(Line& line, const v1::ApplyDirectoryRequest& request, RaceCall* call) {
    v1::ApplyDirectoryResponse response;
    return Write(line.directory.get(), &v1::Directory::Stub::ApplyDirectory, request, call,
                 &response);
  }
  grpc::Status Do(Line& line, const v1::ApplyPolicyRequest& request, RaceCall* call) {
    v1::ApplyPolicyResponse response;
    return Write(line.policy.get(), &v1::Policy::Stub::ApplyPolicy, request, call, &response);
  }
  grpc::Status Do(Line& line, const v1::CreateKeyRequest&, RaceCall* call) {
    v1::CreateKeyResponse response;
    const auto status = Write(line.admin.get(), &v1::Admin::Stub::CreateKey,
                              FromText<v1::CreateKeyRequest>(kGrant), call, &response);
    if (!status.ok()) return status;
    call->seen = {response.id()};
    std::lock_guard lock(mutex_);
    bearers_[response.id()] = response.key();
    return status;
  }
  grpc::Status Do(Line& line, const v1::RevokeKeyRequest& request, RaceCall* call) {
    v1::RevokeKeyResponse response;
    return Write(line.admin.get(), &v1::Admin::Stub::RevokeKey, request, call, &response);
  }

  ScratchDirectory scratch_;
  ServerProcess server_;
  std::string admin_;
  std::atomic<bool> falling_{false};
  std::vector<std::unique_ptr<Line>> lines_;  // by client
  std::mutex mutex_;
  std::map<std::string, std::string> bearers_;  // by id of the key; guarded by mutex_
};

// One history of `calls` calls; with `kills`, the server dies that often in between.
void RunHistory(SocketTarget* target, Race* race, size_t calls, size_t kills, Random* random) {
  ASSERT_TRUE(target->Start()) << target->Log();
  ASSERT_TRUE(target->MakeCollection());
  ASSERT_TRUE(race->Begin());
  for (size_t part = 0; part < kills; ++part) {
    // More calls than come in that time: the kill ends it.
    std::thread killer([&, after = 20 + random->Below(400)] {
      std::this_thread::sleep_for(std::chrono::milliseconds(after));
      target->Kill();
    });
    race->Run(1'000'000);
    killer.join();
    ASSERT_TRUE(target->Start()) << target->Log();
  }
  const size_t done = race->history().size();
  race->Run(done < calls ? calls - done : calls / 4);
  target->Kill();
}

TEST(RevokeRace, ARevocationIsAcknowledgedAndNotInForceOrComesUndone) {
  constexpr size_t kCalls = 2000;
  Effort effort("S5", 20);
  Random random(effort.seed());
  size_t calls = 0, lost = 0, refused = 0, seen = 0, kills = 0;
  while (!HasFailure() && effort.More()) {
    SCOPED_TRACE(testing::Message() << "history " << effort.rounds());
    SocketTarget target;
    Race race(&target, /*keys=*/true, random.Next());
    const size_t kill = effort.rounds() % 2 == 0 ? 1 + random.Below(3) : 0;
    ASSERT_NO_FATAL_FAILURE(RunHistory(&target, &race, kCalls, kill, &random));
    for (const auto& problem : CheckHistory(race.history())) ADD_FAILURE() << problem;
    EXPECT_EQ(target.Log().find("defect"), std::string::npos) << target.Log();
    kills += kill;
    calls += race.history().size();
    for (const auto& call : race.history()) {
      lost += call.end == RaceCall::kLost;
      refused += call.end != RaceCall::kLost && call.end != RaceCall::kAnswered;
      seen += call.seen.size();
    }
  }
  effort.Report("linearizable={} calls={} kills={} lost={} refused={} seen={}",
                HasFailure() ? "not all" : "all", calls, kills, lost, refused, seen);
  EXPECT_GT(seen, calls / 2) << "the comparison proves little";
  EXPECT_GT(refused, calls / 100);
  EXPECT_GT(lost, 0u) << "no kill came in mid-work";
}

}  // namespace
}  // namespace cordon
