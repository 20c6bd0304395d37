// An endpoint that receives a question's texts without a word of it in the journal, or for nothing.
#include <gtest/gtest.h>

#include "engine/base/limits.h"
#include "engine/embed/endpoint.h"
#include "engine/retrieve/answer_stream.h"
#include "tests/http/loopback_server.h"
#include "tests/retrieve/library.h"

namespace cordon {
namespace {

constexpr char kEndpointPolicy[] =
    "policy { destinations { destination { name: 'embed' scope: 3 ceiling { level: 'internal' } "
    "region: 'us' } } destinations { destination { name: 'rank' scope: 3 ceiling { level: "
    "'internal' } region: 'us' } } }";

// Questions to collections with endpoints that never answer.
class AskedOfEndpoints : public Library {
 protected:
  AskedOfEndpoints() {
    scratch_.Do(kEndpointPolicy);
    scratch_.Do(
        "create_collection { name: 'sent' dimension: 2 metric: METRIC_COSINE embedder: "
        "EMBEDDER_HTTP embedding_endpoint: 'embed' model: 'm' attributes { name: 'year' type: "
        "ATTRIBUTE_TYPE_INT } }");
  }

  ReadContext Context() {
    ReadContext context = scratch_.Read(AllOf());
    context.endpoints = &endpoints_;
    return context;
  }

  // A question by its text, `more` in text format beside it.
  static v1::RetrieveRequest Of(const std::string& collection, const std::string& more) {
    return FromText<v1::RetrieveRequest>("collection: '" + collection +
                                         "' text: 'a question' scope { as: 'user:eve' } " + more);
  }

  // Whom the text of a question was sent to, which ended as `outcome` says.
  std::string SentTo(const v1::RetrieveRequest& request, const std::string& outcome) {
    EXPECT_EQ(Outcome(Asked<v1::RetrieveResponse>(
                  [&](auto done) { Retrieve(Context(), request, done); })),
              outcome);
    return EndpointsOf(scratch_.Records("Retrieve").back());
  }

  static std::string EndpointsOf(const journal::v1::Record& record) {
    std::string names;
    for (const auto& name : record.endpoints()) names += name + " ";
    return names;
  }

  static EndpointConfig Silent(const std::string& name, EndpointConfig::Kind kind) {
    EndpointConfig config;
    config.name = name;
    config.kind = kind;
    config.target.url = "http://127.0.0.1:1/v1/" + name;  // nobody listens there
    config.model = "m";
    config.dimension = kind == EndpointConfig::Kind::kEmbeddings ? 2 : 0;
    config.deadline_ms = 50;
    return config;
  }

  Endpoints endpoints_{{Silent("embed", EndpointConfig::Kind::kEmbeddings),
                        Silent("rank", EndpointConfig::Kind::kRerank)}};
};

TEST_F(AskedOfEndpoints, ATextIsSentForAQuestionThatIsRefused) {
  const std::string label = "query_label { level: 'public' } ";
  const std::string filter = "filter { condition { attribute: 'year' eq { int_value: 1 } } } ";
  EXPECT_EQ(
      SentTo(Of("sent", label + filter + "context { rerank: 'rank' }"), "UNAVAILABLE: endpoint"),
      "embed ");
  const std::vector<std::pair<std::string, std::string>> refused = {
      {"query_label { level: 'unknown' }", "INVALID_ARGUMENT: query_label.level"},
      {"", "INVALID_ARGUMENT: query_label"},
      {label + "filter { condition { attribute: 'other' eq { int_value: 1 } } }",
       "INVALID_ARGUMENT: filter.attr"},
      {label + "context { rerank: 'nobody' }", "PERMISSION_DENIED: context.rerank"}};
  for (const auto& [more, outcome] : refused) {
    EXPECT_EQ(SentTo(Of("sent", more), outcome), "") << more;
  }
}

TEST_F(AskedOfEndpoints, AStreamHidesWhomItsTextsWereSentTo) {
  v1::RetrieveRequest request = Question(3);
  request.set_text("a question");
  request.mutable_query_label()->set_level("public");
  request.mutable_context()->set_rerank("rank");
  const auto next = [&](const std::shared_ptr<AnswerStream>& of) {
    return Asked<v1::RetrieveStreamResponse>([&](auto done) { of->Next(Context(), done); });
  };
  const auto stream = std::make_shared<AnswerStream>(request);
  EXPECT_EQ(next(stream)->passages_size(), 3);
  EXPECT_EQ(next(stream)->summary().rerank(), v1::RERANK_OUTCOME_UNAVAILABLE);
  const auto records = scratch_.Records("RetrieveStream");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(EndpointsOf(records[0]), "rank ");
  EXPECT_EQ(EndpointsOf(records[1]), "") << "nothing more was sent";
  // A refusal tells of it, too.
  const auto refused =
      std::make_shared<AnswerStream>(Of("sent", "query_label { level: 'public' } k: 3"));
  EXPECT_EQ(Outcome(next(refused)), "UNAVAILABLE: endpoint");
  EXPECT_EQ(EndpointsOf(scratch_.Records("RetrieveStream").back()), "embed ");
}

// Questions with a reranker that answers: of the four best it likes the last one most.
class Reranked : public Library {
 protected:
  Reranked() {
    scratch_.Do(kEndpointPolicy);
    server_.Say("200 OK",
                R"({"results":[{"index":0,"relevance_score":1},{"index":1,"relevance_score":2},)"
                R"({"index":2,"relevance_score":3},{"index":3,"relevance_score":4}]})");
  }
  // open5 is a canary. It is the best, goes to the reranker, and is cut.
  void PlaceCanary() {
    scratch_.Do(Scored("open5", "everyone", 5, "level: 'public'", "canary: true"));
  }

  static v1::RetrieveRequest Best(uint32_t k) {
    v1::RetrieveRequest request = Question(k);
    request.set_text("a question");
    request.mutable_query_label()->set_level("public");
    request.mutable_context()->set_rerank("rank");
    return request;
  }
  StatusOr<v1::RetrieveResponse> AskFor(uint32_t k, const Grant& grant = AllOf(),
                                        std::function<bool()> stop = {}) {
    ReadContext context = scratch_.Read(grant);
    context.endpoints = &endpoints_;
    context.stop = std::move(stop);
    return Asked<v1::RetrieveResponse>([&](auto done) { Retrieve(context, Best(k), done); });
  }
  EndpointConfig Config() const {
    EndpointConfig config;
    config.name = "rank";
    config.kind = EndpointConfig::Kind::kRerank;
    config.target.url = server_.url("/rerank");
    config.model = "m";
    config.deadline_ms = 5000;
    return config;
  }
  uint64_t alerts() const { return scratch_.tenant->canary_alerts->count(); }
  // "passages of the key, of the reranker, of the caller's destination".
  std::string Counted(const Meters& meters) {
    const Micros now = scratch_.clock.Now();
    const auto keys = meters.Keys(now);
    const auto destinations = meters.Destinations(now);
    const auto of = [](const UsageRecords& records, const char* name) {
      const auto found = records.find(name);
      return std::to_string(found == records.end() ? 0 : found->second.passages());
    };
    return of(keys, "default.key") + " " + of(destinations, "rank") + " " +
           of(destinations, "chat");
  }

  LoopbackServer server_;
  Endpoints endpoints_{{Config()}};
};

TEST_F(Reranked, ACanaryThatIsCutAfterwardsLeavesUntold) {
  PlaceCanary();
  const auto answer = AskFor(1);
  EXPECT_EQ(Passages(answer), "open2=2");
  EXPECT_EQ(alerts(), 1u);
  const auto sent = scratch_.Records("SendToEndpoint");
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_TRUE(sent[0].canary());
  EXPECT_EQ(sent[0].destination(), "rank");
  EXPECT_EQ(sent[0].subject(), scratch_.tenant->pseudonyms.Of("principal", "user:eve"));
  EXPECT_EQ(sent[0].context_label().level(), "public");
  ASSERT_EQ(sent[0].documents_size(), 4);
  EXPECT_EQ(sent[0].documents(0), scratch_.tenant->pseudonyms.Of("document", "open5"));
  const auto record = scratch_.Records("Retrieve").back();
  EXPECT_FALSE(record.canary()) << "to the caller it did not leave";
  EXPECT_EQ(record.documents_size(), 1);
  EXPECT_LT(sent[0].sequence(), record.sequence());
}

TEST_F(Reranked, ACanaryThatLeavesForBothIsTwoAlerts) {
  server_.Say("200 OK",
              R"({"results":[{"index":0,"relevance_score":9},{"index":1,"relevance_score":2},)"
              R"({"index":2,"relevance_score":3},{"index":3,"relevance_score":4}]})");
  PlaceCanary();
  EXPECT_EQ(Passages(AskFor(1)), "open5=5");
  EXPECT_EQ(alerts(), 1u);
  EXPECT_TRUE(scratch_.Records("SendToEndpoint").back().canary());
  const auto record = scratch_.Records("Retrieve").back();
  EXPECT_TRUE(record.canary() && record.canary_told()) << "the record is marked nevertheless";
}

TEST_F(Reranked, APassageThatLeavesForBothCountsTwice) {
  ASSERT_EQ(Passages(AskFor(1)), "open2=2");
  EXPECT_EQ(Counted(scratch_.tenant->meters), "4 4 1");
  EXPECT_EQ(scratch_.tenant->meters.totals().left.passages, 4u);
  const auto record = scratch_.Records("Retrieve").back();
  EXPECT_EQ(record.passages(), 1u);
  EXPECT_EQ(record.counted_passages(), 1u);
  EXPECT_EQ(record.counted_tokens(), record.tokens());
  // A restart counts what the journal has, and comes to the same.
  Meters again;
  const auto records = scratch_.tenant->journal->Tail(1000);
  ASSERT_TRUE(records.ok());
  for (const auto& each : *records) again.Replay(each);
  EXPECT_EQ(Counted(again), "4 4 1");
}

TEST_F(Reranked, BeyondTheQuotaItIsSentPassages) {
  PlaceCanary();
  Grant grant = AllOf();
  grant.quota.passages_per_day = 3;
  EXPECT_EQ(Outcome(AskFor(1, grant)), "RESOURCE_EXHAUSTED: quota.passages_per_day");
  EXPECT_EQ(server_.asked(), 0);
  EXPECT_EQ(alerts(), 0u);
  EXPECT_TRUE(scratch_.Records("SendToEndpoint").empty());
  EXPECT_EQ(scratch_.Records("Retrieve").back().endpoints_size(), 0);
  grant.quota.passages_per_day = 4;
  EXPECT_EQ(Passages(AskFor(1, grant)), "open2=2") << "the one that is answered is one of them";
}

TEST_F(Reranked, WithoutARecordItIsSentPassages) {
  scratch_.disk.fail = true;
  EXPECT_EQ(AskFor(1).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(server_.asked(), 0);
}

TEST_F(Reranked, ACallThatFailsAfterwardsForgetsWhatItSent) {
  PlaceCanary();
  EXPECT_EQ(Outcome(AskFor(1, AllOf(), [&] { return server_.asked() > 0; })),
            "DEADLINE_EXCEEDED: ");
  EXPECT_EQ(alerts(), 1u);
  EXPECT_EQ(scratch_.Records("SendToEndpoint").size(), 1u);
  EXPECT_EQ(Counted(scratch_.tenant->meters), "4 4 0");
  const auto record = scratch_.Records("Retrieve").back();
  ASSERT_EQ(record.endpoints_size(), 1);
  EXPECT_EQ(record.endpoints(0), "rank");
}

// Nothing goes through an open circuit, and nothing is counted.
TEST_F(Reranked, WhatIsNotSentIsCounted) {
  server_.Say("503 Broken\r\nRetry-After: 86400", "");  // one try each
  for (int i = 0; i < limits::kEndpointFailures; ++i) {
    EXPECT_EQ(AskFor(1)->rerank(), v1::RERANK_OUTCOME_UNAVAILABLE);
  }
  const auto before = scratch_.Records("SendToEndpoint").size();
  const int asked = server_.asked();
  EXPECT_EQ(Passages(AskFor(1)), "open5=5");
  EXPECT_EQ(server_.asked(), asked);
  EXPECT_EQ(scratch_.Records("SendToEndpoint").size(), before);
  EXPECT_EQ(scratch_.Records("Retrieve").back().endpoints_size(), 0);
}

// What the caller does not want to read the reranker does not read either.
TEST_F(Reranked, HiddenCharactersLeaveForTheReranker) {
  scratch_.Do(
      "ingest { collection: 'docs' documents { id: 'open5' acl { allow { principal: 'everyone' } } "
      "label { level: 'public' } chunks { text: 'se\\342\\200\\213en' embedding: 5 embedding: 0 } "
      "} }");
  for (const bool block : {false, true}) {
    v1::RetrieveRequest request = Best(1);
    request.mutable_context()->set_want_block(block);
    request.mutable_context()->set_strip_hidden_characters(!block);
    ReadContext context = scratch_.Read(AllOf());
    context.endpoints = &endpoints_;
    ASSERT_TRUE(
        Asked<v1::RetrieveResponse>([&](auto done) { Retrieve(context, request, done); }).ok());
    EXPECT_NE(server_.last_request().find("\"seen\""), std::string::npos) << block;
  }
  ASSERT_TRUE(AskFor(1).ok());
  EXPECT_EQ(server_.last_request().find("\"seen\""), std::string::npos) << "nobody asked for it";
}

TEST_F(Reranked, AStreamTellsItsCanaryTwice) {
  PlaceCanary();
  v1::RetrieveRequest request = Best(1);
  const auto stream = std::make_shared<AnswerStream>(std::move(request));
  ReadContext context = scratch_.Read(AllOf());
  context.endpoints = &endpoints_;
  const auto part =
      Asked<v1::RetrieveStreamResponse>([&](auto done) { stream->Next(context, done); });
  ASSERT_TRUE(part.ok()) << part.status().ToString();
  EXPECT_EQ(alerts(), 1u);
  EXPECT_EQ(Counted(scratch_.tenant->meters), "4 4 1");
}

}  // namespace
}  // namespace cordon
