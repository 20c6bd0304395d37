// S5: a revocation that was acknowledged and is not in force, or comes undone by a crash.
// Concurrent clients of a real server, over sockets; half of the histories with kill -9 in between,
// and half over TLS, where clients are known by certificates, too, which the policy denies and lets
// in again while their connections stay. What is drawn says race.h; how an order is found that
// explains a history, or none, race_check.cc.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
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
#include "tests/security/race_certificates.h"
#include "tests/security/wire.h"
#include "tests/store/from_text.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

// A KeyGrant with `more` in it.
v1::CreateKeyRequest KeyRequest(const std::string& more = "") {
  return FromText<v1::CreateKeyRequest>(
      "grant { principal: 'service:app' rights: RIGHT_QUERY rights: RIGHT_INGEST rights: "
      "RIGHT_GRANT rights: RIGHT_LABEL rights: RIGHT_ACT_AS as_patterns: '*' clearance { symbol: "
      "SYMBOL_ALL } collections: '*' destinations: 'dev' destinations: 'chat' " +
      more + " }");
}

// A connection.
struct Stubs {
  Stubs(const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // each client has its own
    arguments.SetSslTargetNameOverride("localhost");
    const auto channel = grpc::CreateCustomChannel(address, credentials, arguments);
    retrieval = v1::Retrieval::NewStub(channel);
    ingest = v1::Ingest::NewStub(channel);
    directory = v1::Directory::NewStub(channel);
    policy = v1::Policy::NewStub(channel);
    admin = v1::Admin::NewStub(channel);
  }

  std::unique_ptr<v1::Retrieval::Stub> retrieval;
  std::unique_ptr<v1::Ingest::Stub> ingest;
  std::unique_ptr<v1::Directory::Stub> directory;
  std::unique_ptr<v1::Policy::Stub> policy;
  std::unique_ptr<v1::Admin::Stub> admin;
};

// A client: its connections, with a stream of batches that it keeps open on one of them.
struct Line {
  Line(const std::string& address, const RaceCertificates* tls, size_t client)
      : plain(address, tls == nullptr ? grpc::InsecureChannelCredentials() : tls->Nobody()) {
    if (tls == nullptr) return;
    certificate = tls->NameOf(client);
    certified = std::make_unique<Stubs>(address, tls->By(client));
  }
  ~Line() { End(); }

  // The connection on which that key counts.
  Stubs& With(const std::string& key) {
    return certified && key == certificate ? *certified : plain;
  }

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

  Stubs plain;
  std::string certificate;                              // that stands for a key
  std::unique_ptr<Stubs> certified;                     // null without TLS
  std::unique_ptr<grpc::ClientContext> stream_context;  // outlives the stream
  std::unique_ptr<grpc::ClientReaderWriter<v1::IngestRequest, v1::IngestResponse>> stream;
  std::string stream_key;
};

class SocketTarget : public RaceTarget {
 public:
  // Over TLS, unless `tls` is null.
  explicit SocketTarget(const RaceCertificates* tls)
      : tls_(tls),
        server_(scratch_ / "data", scratch_ / "log",
                tls == nullptr ? std::vector<std::string>() : tls->ServerFlags()) {}

  bool Start() {
    lines_.clear();
    falling_ = false;
    if (!server_.Start()) return false;
    std::ifstream(scratch_ / "data/dev/admin.key") >> admin_;
    for (size_t i = 0; i < Race::kClients; ++i) {
      lines_.push_back(std::make_unique<Line>(server_.address(), tls_, i));
    }
    return true;
  }
  // What no call of a race makes: the collection, and the keys for which certificates stand.
  bool Prepare() {
    v1::Admin::Stub& admin = *lines_[0]->plain.admin;
    v1::CreateCollectionResponse collection;
    if (!admin.CreateCollection(As("").get(), MakeRaceCollection(), &collection).ok()) return false;
    if (tls_ == nullptr) return true;
    for (const auto& name : tls_->names()) {
      v1::CreateKeyResponse made;
      const auto request = KeyRequest("certificate: '" + name + "'");
      if (!admin.CreateKey(As("").get(), request, &made).ok()) return false;
    }
    return true;
  }
  void Kill() {
    falling_ = true;
    server_.Kill();
  }
  std::string Log() const { return server_.Log(); }

  bool Send(size_t client, RaceCall* call) override {
    Line& line = *lines_[client];
    while (true) {
      call->seen.clear();
      call->parts.clear();
      const grpc::Status status =
          std::visit([&](const auto& request) { return Do(line, request, call); }, call->request);
      if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) continue;
      call->end = RaceCall::kAnswered;
      if (status.ok()) return true;
      const auto refused = call->RefusedBy(static_cast<StatusCode>(status.error_code()));
      call->end = refused.value_or(RaceCall::kLost);
      if (refused) return true;
      if (falling_) return false;
      ADD_FAILURE() << status.error_message() << " to " << call->Text();
      return false;
    }
  }

 private:
  std::unique_ptr<grpc::ClientContext> As(const std::string& key) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    if (tls_ != nullptr && tls_->Has(key)) return context;  // the connection says who calls
    std::lock_guard lock(mutex_);
    context->AddMetadata("authorization", "Bearer " + (key.empty() ? admin_ : bearers_.at(key)));
    return context;
  }

  template <typename Response, typename Request>
  grpc::Status Read(Line& line,
                    grpc::Status (v1::Retrieval::Stub::*send)(grpc::ClientContext*, const Request&,
                                                              Response*),
                    const Request& request, RaceCall* call) {
    Response response;
    const auto status =
        (*line.With(call->key).retrieval.*send)(As(call->key).get(), request, &response);
    if (status.ok()) Note(response, call);
    return status;
  }
  grpc::Status Do(Line& line, const v1::RetrieveRequest& request, RaceCall* call) {
    return Read(line, &v1::Retrieval::Stub::Retrieve, request, call);
  }
  grpc::Status Do(Line& line, const v1::BatchRetrieveRequest& request, RaceCall* call) {
    return Read(line, &v1::Retrieval::Stub::BatchRetrieve, request, call);
  }
  grpc::Status Do(Line& line, const v1::GetDocumentRequest& request, RaceCall* call) {
    return Read(line, &v1::Retrieval::Stub::GetDocument, request, call);
  }
  grpc::Status Do(Line& line, const v1::CheckAccessRequest& request, RaceCall* call) {
    return Read(line, &v1::Retrieval::Stub::CheckAccess, request, call);
  }
  // The server makes a message whether or not the one before is read: all that can be said of each
  // is that it is of a time during the call.
  grpc::Status Do(Line& line, const v1::RetrieveStreamRequest& request, RaceCall* call) {
    const auto context = As(call->key);
    const auto reader = line.With(call->key).retrieval->RetrieveStream(context.get(), request);
    v1::RetrieveStreamResponse message;
    while (reader->Read(&message)) Note(message, call->AddPart(request));
    return reader->Finish();
  }
  grpc::Status Do(Line& line, const v1::ExportRequest& request, RaceCall* call) {
    const auto context = As(call->key);
    const auto reader = line.With(call->key).retrieval->Export(context.get(), request);
    v1::ExportResponse message;
    int messages = 0;
    for (; reader->Read(&message); ++messages) Note(message, call);
    const auto status = reader->Finish();
    EXPECT_LE(messages, 1) << "one message holds all";
    if (status.ok() && messages == 0) return {grpc::StatusCode::NOT_FOUND, "nothing to export"};
    return status;
  }
  // A stream lives as long as its key: each of its messages is judged anew.
  grpc::Status Do(Line& line, const v1::IngestRequest& request, RaceCall* call) {
    if (!line.stream) {
      line.stream_context = As(call->key);
      line.stream_context->set_deadline(std::chrono::system_clock::time_point::max());
      line.stream = line.With(call->key).ingest->Ingest(line.stream_context.get());
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
    return Write(line.plain.ingest.get(), &v1::Ingest::Stub::SetAccess, request, call, &response);
  }
  grpc::Status Do(Line& line, const v1::UpdateMetadataRequest& request, RaceCall* call) {
    v1::UpdateMetadataResponse response;
    return Write(line.plain.ingest.get(), &v1::Ingest::Stub::UpdateMetadata, request, call,
                 &response);
  }
  grpc::Status Do(Line& line, const v1::SetAccessManyRequest& request, RaceCall* call) {
    v1::SetAccessManyResponse response;
    return Write(line.plain.ingest.get(), &v1::Ingest::Stub::SetAccessMany, request, call,
                 &response);
  }
  grpc::Status Do(Line& line, const v1::SetAccessSelectedRequest& request, RaceCall* call) {
    v1::SetAccessSelectedResponse response;
    return Write(line.plain.ingest.get(), &v1::Ingest::Stub::SetAccessSelected, request, call,
                 &response);
  }
  grpc::Status Do(Line& line, const v1::DeleteRequest& request, RaceCall* call) {
    v1::DeleteResponse response;
    return Write(line.plain.ingest.get(), &v1::Ingest::Stub::Delete, request, call, &response);
  }
  grpc::Status Do(Line& line, const v1::ApplyDirectoryRequest& request, RaceCall* call) {
    v1::ApplyDirectoryResponse response;
    return Write(line.plain.directory.get(), &v1::Directory::Stub::ApplyDirectory, request, call,
                 &response);
  }
  grpc::Status Do(Line& line, const v1::ApplyPolicyRequest& request, RaceCall* call) {
    v1::ApplyPolicyResponse response;
    return Write(line.plain.policy.get(), &v1::Policy::Stub::ApplyPolicy, request, call, &response);
  }
  grpc::Status Do(Line& line, const v1::CreateKeyRequest&, RaceCall* call) {
    v1::CreateKeyResponse response;
    const auto status =
        Write(line.plain.admin.get(), &v1::Admin::Stub::CreateKey, KeyRequest(), call, &response);
    if (!status.ok()) return status;
    call->seen = {response.id()};
    std::lock_guard lock(mutex_);
    bearers_[response.id()] = response.key();
    return status;
  }
  grpc::Status Do(Line& line, const v1::RevokeKeyRequest& request, RaceCall* call) {
    v1::RevokeKeyResponse response;
    return Write(line.plain.admin.get(), &v1::Admin::Stub::RevokeKey, request, call, &response);
  }
  grpc::Status Do(Line& line, v1::OpenBreakGlassRequest request, RaceCall* call) {
    constexpr int64_t kHour_s = 3600;
    request.mutable_until()->set_seconds(std::time(nullptr) + kHour_s);
    v1::OpenBreakGlassResponse response;
    const auto status =
        Write(line.plain.policy.get(), &v1::Policy::Stub::OpenBreakGlass, request, call, &response);
    if (status.ok()) call->seen = {response.id()};
    return status;
  }
  grpc::Status Do(Line& line, const v1::CloseBreakGlassRequest& request, RaceCall* call) {
    v1::CloseBreakGlassResponse response;
    return Write(line.plain.policy.get(), &v1::Policy::Stub::CloseBreakGlass, request, call,
                 &response);
  }

  const RaceCertificates* const tls_;
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
  ASSERT_TRUE(target->Prepare());
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
  RaceTally tally;
  size_t kills = 0, denied = 0;
  while (!HasFailure() && effort.More()) {
    SCOPED_TRACE(testing::Message() << "history " << effort.rounds());
    std::optional<RaceCertificates> tls;
    if (effort.rounds() / 2 % 2 == 0) tls.emplace();
    SocketTarget target(tls ? &*tls : nullptr);
    Race race(&target, tls ? tls->Credentials() : RaceCredentials{.keys = true}, random.Next());
    const size_t kill = effort.rounds() % 2 == 0 ? 1 + random.Below(3) : 0;
    ASSERT_NO_FATAL_FAILURE(RunHistory(&target, &race, kCalls, kill, &random));
    for (const auto& problem : CheckHistory(race.history())) ADD_FAILURE() << problem;
    EXPECT_EQ(target.Log().find("defect"), std::string::npos) << target.Log();
    kills += kill;
    tally.Add(race.history());
    for (const auto& call : race.history()) {
      denied += tls && tls->Has(call.key) && call.end == RaceCall::kNotKnown;
    }
  }
  effort.Report("linearizable={} kills={} {} certificates_denied={}",
                HasFailure() ? "not all" : "all", kills, tally.Text(), denied);
  EXPECT_GT(tally.seen, tally.calls / 2) << "the comparison proves little";
  EXPECT_GT(tally.refused, tally.calls / 100);
  EXPECT_GT(tally.denied, tally.calls / 500);
  EXPECT_GT(tally.glass, tally.calls / 500);
  EXPECT_GT(tally.later, tally.calls / 500);
  EXPECT_GT(tally.exported, 0u);
  EXPECT_GT(tally.lost, 0u) << "no kill came in mid-work";
  EXPECT_GT(denied, 0u);
}

}  // namespace
}  // namespace cordon
