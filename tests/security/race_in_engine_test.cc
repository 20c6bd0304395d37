// S5 within one process, for the builds without gRPC: an answer of a concurrent history that no
// order of its calls explains. revoke_race_test.cc does the same over a socket, with keys and
// kills.
#include <gtest/gtest.h>

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

  bool Send(size_t, RaceCall* call) override {
    std::visit([&](const auto& request) { Do(request, call); }, call->request);
    return !testing::Test::HasFailure();
  }

 private:
  static Credential App() {
    Credential app;
    app.key = {"service:app", true, {"*"}, {"dev"}, {"all"}};
    return app;
  }

  template <typename Response>
  static const Response* Answered(const StatusOr<Response>& answer, RaceCall* call) {
    if (answer.ok()) {
      call->end = RaceCall::kAnswered;
      return &*answer;
    }
    const auto code = answer.status().code();
    if (code == StatusCode::kNotFound && !call->write()) {
      call->end = RaceCall::kNotFound;
    } else if (code == StatusCode::kFailedPrecondition && call->at_least > 0) {
      call->end = RaceCall::kNotReached;
    } else {
      ADD_FAILURE() << answer.status().ToString() << " to " << call->Text();
    }
    return nullptr;
  }
  template <typename Response, typename Make>
  void Read(Make make, RaceCall* call) {
    const auto answer = Later<Response>([&](auto done) { make(engine_.Read(app_), done); }).get();
    if (const Response* response = Answered(answer, call)) {
      call->revision = response->revision();
      Note(*response, call);
    }
  }
  template <typename Response, typename Make>
  void Write(Make make, RaceCall* call) {
    const auto answer = Later<Response>([&](auto done) { make(engine_.Write(root_), done); }).get();
    if (const Response* response = Answered(answer, call)) call->revision = response->revision();
  }

  static void Note(const v1::RetrieveResponse& response, RaceCall* call) {
    for (const auto& passage : response.passages()) call->seen.insert(passage.document());
  }
  static void Note(const v1::GetDocumentResponse& response, RaceCall* call) {
    call->seen.insert(response.document());
  }
  static void Note(const v1::CheckAccessResponse& response, RaceCall* call) {
    call->seen.insert(response.permitted().begin(), response.permitted().end());
  }

  void Do(const v1::RetrieveRequest& request, RaceCall* call) {
    Read<v1::RetrieveResponse>(
        [&](const auto& context, auto done) { Retrieve(context, request, done); }, call);
  }
  void Do(const v1::GetDocumentRequest& request, RaceCall* call) {
    Read<v1::GetDocumentResponse>(
        [&](const auto& context, auto done) { GetDocument(context, request, done); }, call);
  }
  void Do(const v1::CheckAccessRequest& request, RaceCall* call) {
    Read<v1::CheckAccessResponse>(
        [&](const auto& context, auto done) { CheckAccess(context, request, done); }, call);
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
  void Do(const v1::CreateKeyRequest&, RaceCall*) { FAIL() << "a race without keys"; }
  void Do(const v1::RevokeKeyRequest&, RaceCall*) { FAIL() << "a race without keys"; }

  RunningEngine& engine_;
  const Authenticated root_;
  const Authenticated app_;
};

TEST(RaceInEngine, AnAnswerThatNoOrderExplains) {
  constexpr size_t kCalls = 2000;
  Effort effort("S5-engine", 10);
  Random random(effort.seed());
  const DefectLog log;
  RunningEngine engine(Durability::kBuffered);
  uint64_t calls = 0, seen = 0;
  while (!HasFailure() && effort.More()) {
    const std::string tenant = fmt::format("r{}", effort.rounds());
    engine.MakeTenant(tenant);
    EngineTarget target(&engine, tenant);
    Race race(&target, /*keys=*/false, random.Next());
    ASSERT_TRUE(race.Begin());
    race.Run(kCalls);
    for (const auto& problem : CheckHistory(race.history())) ADD_FAILURE() << problem;
    calls += race.history().size();
    for (const auto& call : race.history()) seen += call.seen.size();
    EXPECT_EQ(log.defects(), 0u);
  }
  effort.Report("calls={} seen={} defects={}", calls, seen, log.defects());
  EXPECT_GT(seen, calls / 2) << "the comparison proves little";
}

}  // namespace
}  // namespace cordon
