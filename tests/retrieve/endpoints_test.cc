// An endpoint that receives a question's texts without a word of it in the journal, or for nothing.
#include <gtest/gtest.h>

#include "engine/embed/endpoint.h"
#include "engine/retrieve/answer_stream.h"
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

}  // namespace
}  // namespace cordon
