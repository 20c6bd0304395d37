// S2: an answer depends on something that its caller cannot see. Twin worlds differ only in that;
// every answer and every refusal must be the same bytes in both.
#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>

#include "engine/export.h"
#include "engine/retrieve/answer_stream.h"
#include "tests/effort.h"
#include "tests/security/defect_log.h"
#include "tests/security/random_changes.h"
#include "tests/security/ranked_question.h"
#include "tests/security/running_reranker.h"
#include "tests/security/twins.h"

namespace cordon {
namespace {

constexpr int kTwinsOfATenant = 10;
constexpr int kTwinsOfAnEngine = 200;
constexpr int kQuestionsOfATick = 12;  // at each tick

// What may differ. The clocks stand alike, so that as_of is compared as well: it must not be the
// time of a hidden document's start or end.
template <typename Response>
void Clear(Response* response) {
  response->clear_revision();
  response->clear_journal_id();
}
void Clear(v1::BatchRetrieveResponse*) {}
void Clear(v1::RetrieveStreamResponse* response) { response->clear_journal_id(); }
void ClearMore(v1::RetrieveResponse* response) {
  const std::string mark = response->nonce().substr(0, 16);
  std::string* block = response->mutable_block();
  for (size_t at = block->find(mark); !mark.empty() && at != block->npos; at = block->find(mark)) {
    block->replace(at, mark.size(), "<mark>");
  }
  response->clear_nonce();
  if (!response->has_explain()) return;
  v1::SearchExplain* const explain = response->mutable_explain();  // counts stay, times go
  explain->clear_prepare_us();
  explain->clear_order_us();
  explain->clear_scan_us();
  explain->clear_finish_us();
}
void ClearMore(v1::BatchRetrieveResponse* response) {
  for (auto& answer : *response->mutable_answers()) {
    if (!answer.has_response()) continue;
    Clear(answer.mutable_response());
    ClearMore(answer.mutable_response());
  }
}
void ClearMore(v1::RetrieveStreamResponse* response) {
  if (!response->has_summary()) return;
  Clear(response->mutable_summary());
  ClearMore(response->mutable_summary());
}
// An auditor is told how much there is; what the user may see of it must not depend on the rest.
void ClearMore(v1::StatsResponse* response) {
  response->clear_documents();
  response->clear_chunks();
  response->clear_undefined_principals();
}
template <typename Response>
void ClearMore(Response*) {}

uint64_t Passages(const v1::RetrieveResponse& response) {
  return static_cast<uint64_t>(response.passages_size());
}
uint64_t Passages(const v1::BatchRetrieveResponse& response) {
  uint64_t passages = 0;
  for (const auto& answer : response.answers()) passages += Passages(answer.response());
  return passages;
}
template <typename Response>
uint64_t Passages(const Response&) {
  return 0;
}

template <typename Response>
std::string Bytes(StatusOr<Response> answer) {
  if (!answer.ok()) {
    return fmt::format("{} field {}", answer.status().ToString(), answer.status().field());
  }
  Clear(&*answer);
  ClearMore(&*answer);
  return answer->SerializeAsString();
}

// With maps in one order.
std::string SameBytes(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    EXPECT_TRUE(message.SerializeToCodedStream(&coded));
  }
  return bytes;
}

// The two worlds and what is asked of them.
class TwinWorlds {
 public:
  explicit TwinWorlds(uint64_t seed) : draw_(seed) {}

  // A new twin, with its questions.
  void Twin() {
    const uint64_t number = twins_++;
    if (number % kTwinsOfAnEngine == 0) NewEngines();
    if (number % kTwinsOfATenant == 0) NewTenants(number);
    draw_.set_now(left_engine_->now());
    Twins twins(&draw_, users_.get(), left_.get(), right_.get(), fmt::format("c{}", number));
    twins.Fill();
    ASSERT_TRUE(twins.Even()) << "the worlds of this test differ in visible documents";
    hidden += twins.hidden();
    const bool reembeds = draw_.Percent(15);
    const int switch_at = static_cast<int>(draw_.Below(Twins::kTicks + 1));
    if (reembeds) twins.BeginSpace();
    if (draw_.Percent(1) && !left_engine_->Reopen()) return;
    for (int tick = 0; tick <= Twins::kTicks && !testing::Test::HasFailure(); ++tick) {
      if (tick > 0) MoveOn();
      if (reembeds && tick == switch_at) {
        twins.SwitchSpace();
        ++switches;
        ASSERT_TRUE(twins.Even()) << "the worlds of this test differ in visible documents";
      }
      for (int i = 0; i < kQuestionsOfATick; ++i) Ask(twins);
    }
    // Last: what leaves raises the model's label, for good.
    if (draw_.Percent(40)) Export(twins);
    MoveOn();
  }

  uint64_t differences = 0;
  uint64_t answers = 0;
  uint64_t refusals = 0;
  uint64_t passages = 0;
  uint64_t by_token = 0;  // answers to users who came with one
  uint64_t hidden = 0;
  uint64_t emergencies = 0;  // answers under a break-glass access
  uint64_t exported = 0;     // documents
  uint64_t streams = 0;      // that ended with an answer, not a refusal
  uint64_t batches = 0;      // of more than one ranking, every question answered
  uint64_t reranked = 0;     // answers in the reranker's order
  uint64_t switches = 0;     // of both to another embedding space

 private:
  void NewEngines() {
    reranker_ = std::make_unique<RunningReranker>();
    left_.reset();
    right_.reset();
    left_engine_.reset();
    right_engine_.reset();
    left_engine_ = std::make_unique<RunningEngine>(Durability::kBuffered);
    right_engine_ = std::make_unique<RunningEngine>(Durability::kBuffered);
  }

  // The same policy and directory for both: two draws with one seed.
  void NewTenants(uint64_t number) {
    const uint64_t seed = draw_.Below(UINT32_MAX);
    const bool dev = draw_.Percent(40);
    const auto make = [&](RunningEngine* engine) {
      auto tenant = std::make_unique<MirroredTenant>(engine, fmt::format("t{}", number));
      tenant->set_dev(dev);
      Draw draw(seed);
      draw.set_now(engine->now());
      RandomChanges(&draw, tenant.get()).Begin();
      return tenant;
    };
    users_.reset();
    left_ = make(left_engine_.get());
    right_ = make(right_engine_.get());
    users_ = std::make_unique<TokenUsers>(&draw_, left_.get());
  }

  void MoveOn() {
    left_engine_->MoveOn(1);
    right_engine_->MoveOn(1);
  }

  void Ask(const Twins& twins) {
    watcher_ = twins.watchers()[draw_.Below(twins.watchers().size())];
    const size_t what = draw_.Below(100);
    if (what < 58) return Retrieve(twins);
    if (what < 73) return GetDocument(twins);
    if (what < 85) return CheckAccess(twins);
    if (what < 90 || !twins.counts()) return AllowedDestinations();
    Stats(twins);
  }

  v1::Scope Scope() {
    v1::Scope scope;
    scope.set_as(watcher_.as);
    scope.set_destination(watcher_.to);
    if (draw_.Percent(70)) scope.set_break_glass(watcher_.glass);
    return scope;
  }

  template <typename Response, typename Call>
  StatusOr<Response> AskOne(MirroredTenant* tenant, Call call) {
    const auto caller = watcher_.Enter(*users_, *tenant);
    if (!caller.ok()) return caller.status();
    return Later<Response>([&](auto done) { call(Reading(tenant, *caller), done); }).get();
  }

  ReadContext Reading(MirroredTenant* tenant, const Authenticated& caller) {
    ReadContext context = tenant->engine()->Read(caller);
    context.endpoints = reranker_->endpoints();
    return context;
  }

  // `call(context, done)` in both worlds.
  template <typename Response, typename Request, typename Call>
  void Same(const Request& request, Call call) {
    const auto left = AskOne<Response>(left_.get(), call);
    const auto right = AskOne<Response>(right_.get(), call);
    ++answers;
    if (!left.ok()) ++refusals;
    if (left.ok()) {
      passages += Passages(*left);
      by_token += watcher_.token.has_value();
      if (UnderGlass(request)) ++emergencies;
      Count(request, *left);
    }
    if (Bytes(left) == Bytes(right)) return;
    ++differences;
    ADD_FAILURE() << "asked by " << watcher_.credential.key.principal << " in " << left_->name()
                  << ", twin " << twins_ << ":\n"
                  << request.ShortDebugString() << "\nleft: " << Text(left)
                  << "\nright: " << Text(right);
  }

  template <typename Request>
  static bool UnderGlass(const Request& request) {
    if constexpr (requires { request.scope(); }) return !request.scope().break_glass().empty();
    return false;
  }

  // What the comparison has met.
  template <typename Request, typename Response>
  void Count(const Request&, const Response&) {}
  void Count(const v1::RetrieveRequest&, const v1::RetrieveResponse& response) {
    reranked += response.rerank() == v1::RERANK_OUTCOME_RERANKED && response.passages_size() > 0;
  }
  void Count(const v1::BatchRetrieveRequest& request, const v1::BatchRetrieveResponse& response) {
    std::set<v1::Rank> ranks;
    for (const auto& query : request.queries()) ranks.insert(query.rank());
    const bool all = std::ranges::all_of(response.answers(),
                                         [](const auto& answer) { return answer.has_response(); });
    batches += ranks.size() > 1 && all;
  }

  template <typename Response>
  static std::string Text(const StatusOr<Response>& answer) {
    return answer.ok() ? answer->ShortDebugString() : answer.status().ToString();
  }

  void Retrieve(const Twins& twins) {
    const v1::RetrieveRequest request = Question(twins);
    const size_t how = draw_.Below(100);
    if (how < 12) return Batch(twins, request);
    if (how < 24) return Stream(request);
    Same<v1::RetrieveResponse>(request, [&](const ReadContext& context, auto done) {
      cordon::Retrieve(context, request, done);
    });
  }

  v1::RetrieveRequest Question(const Twins& twins) {
    constexpr uint32_t kSizes[] = {0, 1, 1, 2, 3, 5, 50, 10'000};
    v1::RetrieveRequest request;
    request.set_collection(draw_.Percent(98) ? twins.collection() : "nowhere");
    *request.mutable_scope() = Scope();
    request.set_k(kSizes[draw_.Below(std::size(kSizes))]);
    request.set_mode(draw_.Percent(50) ? v1::MODE_EXACT : v1::MODE_FAST);
    if (draw_.Percent(20))
      request.set_recall_target(0.5 + static_cast<double>(draw_.Below(5)) / 10);
    request.set_explain(draw_.Percent(20));
    request.set_omit_text(draw_.Percent(30));
    request.set_want_nonce(draw_.Percent(10));
    if (draw_.Percent(10)) request.set_token_budget(static_cast<uint32_t>(1 + draw_.Below(20)));
    const size_t dimension = twins.dimension() + (draw_.Percent(2) ? 1 : 0);
    RankedQuestion::Make(&draw_, dimension).Fill(&request, twins.embeds() != draw_.Percent(2));
    if (draw_.Percent(3)) request.set_vector_model("second");
    if (draw_.Percent(50)) SetContext(&request);
    if (draw_.Percent(6)) SetReranker(&request);
    return request;
  }

  // Its order must depend on nothing but what it is sent, and on how it is asked.
  void SetReranker(v1::RetrieveRequest* request) {
    request->mutable_context()->set_rerank(kDestinations[draw_.Percent(90) ? 0 : 1]);
    if (request->text().empty()) request->set_text("a text to be rated by");
    if (request->k() > limits::kReranked) request->set_k(3);
    if (draw_.Percent(90)) *request->mutable_query_label() = ToWire(Lowest());
  }

  reference::Label Lowest() const { return {left_->model().world.levels.front(), {}, {}}; }

  // What becomes of the passages must depend on nothing but them.
  void SetContext(v1::RetrieveRequest* request) {
    auto* options = request->mutable_context();
    if (draw_.Percent(50)) {
      options->set_duplicates(draw_.Percent(50) ? v1::DUPLICATES_EXACT : v1::DUPLICATES_NEAR);
    }
    if (draw_.Percent(40)) options->set_diversity(static_cast<double>(draw_.Below(11)) / 10);
    if (draw_.Percent(30)) options->set_per_document_max(1 + draw_.Below(2));
    if (draw_.Percent(30)) options->set_per_source_max(1 + draw_.Below(3));
    if (draw_.Percent(30)) options->set_min_trust(draw_.Pick(kTrust));
    if (draw_.Percent(40)) {
      options->set_neighbours(1 + draw_.Below(2));
    } else if (draw_.Percent(30)) {
      options->set_parents(true);
    }
    options->set_want_block(draw_.Percent(20));
    options->set_want_attributes(draw_.Percent(30));
    options->set_strip_hidden_characters(draw_.Percent(20));
    const uint32_t notice = options->want_block() ? 90 : 0;  // most budgets hold it
    if (draw_.Percent(40)) request->set_token_budget(notice + 1 + draw_.Below(200));
    if (options->diversity() != 0 && request->k() > 1000) request->set_k(1000);
  }

  // Alike questions, which are searched together, and others among them.
  void Batch(const Twins& twins, const v1::RetrieveRequest& request) {
    v1::BatchRetrieveRequest batch;
    for (size_t n = 1 + draw_.Below(4); n > 0; --n) {
      v1::RetrieveRequest* const query = batch.add_queries();
      *query = draw_.Percent(40) ? request : Question(twins);
      if (query->k() > 1000) query->set_k(10);  // 10,000 in all
    }
    Same<v1::BatchRetrieveResponse>(batch, [&](const ReadContext& context, auto done) {
      cordon::BatchRetrieve(context, batch, done);
    });
  }

  void Stream(v1::RetrieveRequest request) {
    if (draw_.Percent(95)) request.mutable_context()->clear_want_block();
    const std::string left = StreamAll(left_.get(), request, /*counted=*/true);
    const std::string right = StreamAll(right_.get(), request, /*counted=*/false);
    ++answers;
    if (left == right) return;
    ++differences;
    ADD_FAILURE() << "streamed to " << watcher_.credential.key.principal << " from "
                  << left_->name() << ", twin " << twins_ << ":\n"
                  << request.ShortDebugString() << "\nleft: " << left << "\nright: " << right;
  }

  // All messages, and how it ended.
  std::string StreamAll(MirroredTenant* tenant, const v1::RetrieveRequest& request, bool counted) {
    const auto caller = watcher_.Enter(*users_, *tenant);
    if (!caller.ok()) return caller.status().ToString();
    const auto stream = std::make_shared<AnswerStream>(request);
    std::string all;
    while (!stream->ended()) {
      const auto message = Later<v1::RetrieveStreamResponse>([&](auto done) {
                             stream->Next(Reading(tenant, *caller), done);
                           }).get();
      all += Bytes(message) + "\nthe next message: ";
      if (!message.ok()) {
        refusals += counted;
        return all;
      }
      if (counted) passages += static_cast<uint64_t>(message->passages_size());
    }
    streams += counted;
    return all;
  }

  void GetDocument(const Twins& twins) {
    v1::GetDocumentRequest request;
    request.set_collection(twins.collection());
    request.set_document(draw_.Pick(twins.ids()));
    *request.mutable_scope() = Scope();
    Same<v1::GetDocumentResponse>(request, [&](const ReadContext& context, auto done) {
      cordon::GetDocument(context, request, done);
    });
  }

  void CheckAccess(const Twins& twins) {
    v1::CheckAccessRequest request;
    request.set_collection(twins.collection());
    *request.mutable_scope() = Scope();
    for (const auto& id : twins.ids()) {
      if (draw_.Percent(50)) request.add_documents(id);
    }
    Same<v1::CheckAccessResponse>(request, [&](const ReadContext& context, auto done) {
      cordon::CheckAccess(context, request, done);
    });
  }

  void AllowedDestinations() {
    v1::AllowedDestinationsRequest request;
    *request.mutable_label() = ToWire(draw_.Label(left_->model()));
    *request.mutable_scope() = Scope();
    Same<v1::AllowedDestinationsResponse>(request, [&](const ReadContext& context, auto done) {
      cordon::AllowedDestinations(context, request, done);
    });
  }

  void Stats(const Twins& twins) {
    v1::StatsRequest request;
    request.set_collection(twins.collection());
    request.set_as(watcher_.as);
    if (draw_.Percent(50)) request.set_destination(watcher_.to);
    Same<v1::StatsResponse>(request, [&](const ReadContext& context, auto done) {
      cordon::Stats(context, request, done);
    });
  }

  void Export(const Twins& twins) {
    watcher_ = twins.watchers()[draw_.Below(twins.watchers().size())];
    v1::ExportRequest request;
    request.set_collection(twins.collection());
    *request.mutable_scope() = Scope();
    if (draw_.Percent(90)) request.mutable_scope()->clear_break_glass();  // refused
    request.set_vectors(draw_.Percent(50));
    if (draw_.Percent(30)) {
      request.set_prefix("d1");
    } else if (draw_.Percent(20)) {
      request.add_documents(draw_.Pick(twins.ids()));
    }
    const std::string left = ExportAll(left_.get(), request);
    const std::string right = ExportAll(right_.get(), request);
    ++answers;
    if (left == right) return;
    ++differences;
    ADD_FAILURE() << "exported by " << watcher_.credential.key.principal << " from "
                  << left_->name() << ", twin " << twins_ << ":\n"
                  << request.ShortDebugString() << "\nleft: " << left << "\nright: " << right;
  }

  // All messages, and how it ended.
  std::string ExportAll(MirroredTenant* tenant, const v1::ExportRequest& request) {
    const auto caller = watcher_.Enter(*users_, *tenant);
    if (!caller.ok()) return caller.status().ToString();
    std::string all;
    for (ExportPlace place; !place.ended;) {
      auto message = Later<ExportedMessage>([&](auto done) {
                       ExportNext(tenant->engine()->Read(*caller), tenant->engine()->Write(*caller),
                                  request, place, done);
                     }).get();
      if (!message.ok()) {
        return all + message.status().ToString() + std::string(message.status().field());
      }
      place = message->next;
      if (!message->response) break;
      Clear(&*message->response);
      exported += static_cast<uint64_t>(message->response->documents_size());
      all += SameBytes(*message->response) + "\nthe next message: ";
    }
    return all;
  }

  Draw draw_;
  std::unique_ptr<RunningReranker> reranker_;  // asked by both
  std::unique_ptr<RunningEngine> left_engine_, right_engine_;
  std::unique_ptr<MirroredTenant> left_, right_;
  std::unique_ptr<TokenUsers> users_;  // of both
  Watcher watcher_;                    // who asks
  uint64_t twins_ = 0;
};

TEST(Twins, WhatACallerCannotSeeChangesItsAnswers) {
  Effort effort("S2", 2000);
  const DefectLog log;
  TwinWorlds worlds(effort.seed());
  while (!HasFailure() && effort.More()) {
    worlds.Twin();
    EXPECT_EQ(log.defects(), 0u);
  }
  effort.Report(
      "differences={} defects={} answers={} passages={} refusals={} by_token={} hidden_chunks={} "
      "emergencies={} exported={} streams={} batches={} reranked={} switches={}",
      worlds.differences, log.defects(), worlds.answers, worlds.passages, worlds.refusals,
      worlds.by_token, worlds.hidden, worlds.emergencies, worlds.exported, worlds.streams,
      worlds.batches, worlds.reranked, worlds.switches);
  EXPECT_EQ(worlds.differences, 0u);
  // Otherwise the comparison proves little.
  EXPECT_GT(worlds.passages, worlds.answers / 8);
  EXPECT_GT(worlds.hidden, effort.rounds());
  if (effort.rounds() < 500) return;  // too few to meet all
  EXPECT_GT(worlds.emergencies, effort.rounds() / 10);
  EXPECT_GT(worlds.by_token, effort.rounds());
  EXPECT_GT(worlds.exported, 0u);
  EXPECT_GT(worlds.streams, effort.rounds() / 2);
  EXPECT_GT(worlds.batches, effort.rounds() / 10);
  EXPECT_GT(worlds.reranked, 0u);
  EXPECT_GT(worlds.switches, effort.rounds() / 20);
}

}  // namespace
}  // namespace cordon
