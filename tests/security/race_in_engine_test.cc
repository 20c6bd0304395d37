// S5 within one process, for the builds without gRPC: an answer of a concurrent history that no
// order of its calls explains. revoke_race_test.cc does the same over a socket, with keys,
// certificates and kills.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>

#include "engine/export.h"
#include "engine/retrieve/answer_stream.h"
#include "engine/store/codec.h"
#include "tests/effort.h"
#include "tests/security/defect_log.h"
#include "tests/security/race.h"
#include "tests/security/running_engine.h"
#include "tests/security/wire.h"

namespace cordon {
namespace {

// Calls an engine as the server's handlers do.
class EngineTarget : public RaceTarget {
 public:
  EngineTarget(RunningEngine* engine, std::string tenant)
      : engine_(*engine), root_(Root(tenant)), app_(ToCaller(App(), tenant, /*dev=*/true)) {
    const auto request = MakeRaceCollection();
    CORDON_CHECK(Later<v1::CreateCollectionResponse>(
                     [&](auto done) { CreateCollection(engine_.Write(root_), request, done); })
                     .get()
                     .ok());
  }

  bool Send(size_t client, RaceCall* call) override {
    std::visit(
        [&](auto& request) {
          if constexpr (requires { request.query(); }) {
            GoOn(&streams_[client], &request, call);
          } else {
            Do(request, call);
          }
        },
        call->request);
    return !testing::Test::HasFailure();
  }

 private:
  // A client's stream of passages, of which each call is the next message.
  struct OpenStream {
    std::shared_ptr<AnswerStream> answer;
    v1::RetrieveStreamRequest request;
  };

  static Credential App() {
    Credential app;
    app.key = {"service:app", true, {"*"}, {"*"}, {"all"}};
    app.break_glass = true;
    app.exports = true;
    return app;
  }

  template <typename Response>
  static const Response* Answered(const StatusOr<Response>& answer, RaceCall* call) {
    const auto refused = answer.ok() ? std::nullopt : call->RefusedBy(answer.status().code());
    call->end = answer.ok() ? RaceCall::kAnswered : refused.value_or(RaceCall::kLost);
    if (answer.ok()) return &*answer;
    if (!refused) ADD_FAILURE() << answer.status().ToString() << " to " << call->Text();
    return nullptr;
  }
  template <typename Response, typename Make>
  void Read(Make make, RaceCall* call) {
    const auto answer = Later<Response>([&](auto done) { make(engine_.Read(app_), done); }).get();
    if (const Response* response = Answered(answer, call)) Note(*response, call);
  }
  template <typename Response, typename Make>
  void Write(Make make, RaceCall* call) {
    const auto answer = Later<Response>([&](auto done) { make(engine_.Write(root_), done); }).get();
    if (const Response* response = Answered(answer, call)) call->revision = response->revision();
  }

  void Do(const v1::RetrieveRequest& request, RaceCall* call) {
    Read<v1::RetrieveResponse>(
        [&](const auto& context, auto done) { Retrieve(context, request, done); }, call);
  }
  void Do(const v1::BatchRetrieveRequest& request, RaceCall* call) {
    Read<v1::BatchRetrieveResponse>(
        [&](const auto& context, auto done) { BatchRetrieve(context, request, done); }, call);
  }
  void Do(const v1::GetDocumentRequest& request, RaceCall* call) {
    Read<v1::GetDocumentResponse>(
        [&](const auto& context, auto done) { GetDocument(context, request, done); }, call);
  }
  void Do(const v1::CheckAccessRequest& request, RaceCall* call) {
    Read<v1::CheckAccessResponse>(
        [&](const auto& context, auto done) { CheckAccess(context, request, done); }, call);
  }
  // A message that was asked for before a revocation and comes after it is no leak; one that is
  // asked for afterwards is, however old its stream. So they are asked for one by one.
  void GoOn(OpenStream* open, v1::RetrieveStreamRequest* request, RaceCall* call) {
    if (open->answer == nullptr) {
      *open = {std::make_shared<AnswerStream>(request->query()), *request};
    }
    *request = open->request;
    const auto message = Later<v1::RetrieveStreamResponse>([&](auto done) {
                           open->answer->Next(engine_.Read(app_), done);
                         }).get();
    if (const auto* told = Answered(message, call)) Note(*told, call);
    if (!message.ok() || open->answer->ended()) open->answer.reset();
  }
  void Do(const v1::ExportRequest& request, RaceCall* call) {
    const auto message =
        Later<ExportedMessage>([&](auto done) {
          ExportNext(engine_.Read(app_), engine_.Write(app_), request, ExportPlace(), done);
        }).get();
    const auto* exported = Answered(message, call);
    if (exported == nullptr) return;
    EXPECT_TRUE(exported->next.ended) << "one message holds all";
    if (exported->response) {
      Note(*exported->response, call);
    } else {
      call->end = RaceCall::kNotFound;
    }
  }
  void Do(const v1::IngestRequest& request, RaceCall* call) {
    const auto answer = Later<IngestedBatch>([&](auto done) {
                          IngestDocuments(engine_.Write(root_), request, done);
                        }).get();
    if (const auto* batch = Answered(answer, call)) {
      EXPECT_EQ(batch->response.accepted(), 1u) << batch->response.ShortDebugString();
      call->revision = batch->response.revision();
    }
  }
  void Do(const v1::SetAccessRequest& request, RaceCall* call) {
    Write<v1::SetAccessResponse>(
        [&](const auto& context, auto done) { SetAccess(context, request, done); }, call);
  }
  void Do(const v1::UpdateMetadataRequest& request, RaceCall* call) {
    Write<v1::UpdateMetadataResponse>(
        [&](const auto& context, auto done) { UpdateMetadata(context, request, done); }, call);
  }
  void Do(const v1::SetAccessManyRequest& request, RaceCall* call) {
    Write<v1::SetAccessManyResponse>(
        [&](const auto& context, auto done) { SetAccessMany(context, request, done); }, call);
  }
  void Do(const v1::SetAccessSelectedRequest& request, RaceCall* call) {
    Write<v1::SetAccessSelectedResponse>(
        [&](const auto& context, auto done) { SetAccessSelected(context, request, {}, done); },
        call);
  }
  void Do(const v1::DeleteRequest& request, RaceCall* call) {
    Write<v1::DeleteResponse>(
        [&](const auto& context, auto done) { Delete(context, request, done); }, call);
  }
  void Do(const v1::ApplyDirectoryRequest& request, RaceCall* call) {
    Write<v1::ApplyDirectoryResponse>(
        [&](const auto& context, auto done) { ApplyDirectory(context, request, done); }, call);
  }
  void Do(const v1::ApplyPolicyRequest& request, RaceCall* call) {
    Write<v1::ApplyPolicyResponse>(
        [&](const auto& context, auto done) { ApplyPolicy(context, request, done); }, call);
  }
  void Do(v1::OpenBreakGlassRequest request, RaceCall* call) {
    constexpr Micros kHour_us = 3'600'000'000;
    *request.mutable_until() = ToProtoTime(engine_.now() + kHour_us);
    const std::string id = fmt::format("g{}", ++accesses_);
    const auto opened = Later<v1::OpenBreakGlassResponse>([&](auto done) {
                          OpenBreakGlass(engine_.Write(app_), request, id, done);
                        }).get();
    if (const auto* response = Answered(opened, call)) {
      call->revision = response->revision();
      call->seen = {id};
    }
  }
  void Do(const v1::CloseBreakGlassRequest& request, RaceCall* call) {
    Write<v1::CloseBreakGlassResponse>(
        [&](const auto& context, auto done) { CloseBreakGlass(context, request, done); }, call);
  }
  void Do(const v1::CreateKeyRequest&, RaceCall*) { FAIL() << "a race without keys"; }
  void Do(const v1::RevokeKeyRequest&, RaceCall*) { FAIL() << "a race without keys"; }

  RunningEngine& engine_;
  const Authenticated root_;
  const Authenticated app_;
  std::array<OpenStream, Race::kClients> streams_;  // by client
  std::atomic<uint64_t> accesses_{0};
};

TEST(RaceInEngine, AnAnswerThatNoOrderExplains) {
  constexpr size_t kCalls = 2000;
  Effort effort("S5-engine", 10);
  Random random(effort.seed());
  const DefectLog log;
  RunningEngine engine(Durability::kBuffered);
  RaceTally tally;
  while (!HasFailure() && effort.More()) {
    const std::string tenant = fmt::format("r{}", effort.rounds());
    engine.MakeTenant(tenant);
    EngineTarget target(&engine, tenant);
    Race race(&target, {}, random.Next());
    ASSERT_TRUE(race.Begin());
    race.Run(kCalls);
    for (const auto& problem : CheckHistory(race.history())) ADD_FAILURE() << problem;
    tally.Add(race.history());
    EXPECT_EQ(log.defects(), 0u);
  }
  effort.Report("{} defects={}", tally.Text(), log.defects());
  EXPECT_GT(tally.seen, tally.calls / 2) << "the comparison proves little";
  EXPECT_GT(tally.denied, tally.calls / 500);
  EXPECT_GT(tally.glass, tally.calls / 500);
  EXPECT_GT(tally.later, tally.calls / 500);
  EXPECT_GT(tally.exported, 0u);
}

}  // namespace
}  // namespace cordon
