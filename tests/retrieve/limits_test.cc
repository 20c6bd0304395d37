// Limits of questions: at them they are answered, and one beyond is refused.
#include "engine/base/limits.h"

#include <fmt/format.h>

#include "engine/retrieve/block.h"
#include "tests/retrieve/library.h"
#include "tests/store/from_text.h"

namespace cordon {
namespace {

class QuestionLimits : public Library {
 protected:
  // How a question for one passage ends, with `more` of it.
  std::string With(const std::string& more) {
    v1::RetrieveRequest request = Question(1);
    request.MergeFrom(FromText<v1::RetrieveRequest>(more));
    return Outcome(Ask(request));
  }
  std::string With(const std::string& field, size_t value) {
    return With(fmt::format("{}: {}", field, value));
  }
  static std::string Text(const std::string& field, size_t bytes) {
    return field + ": '" + std::string(bytes, 'x') + "' ";
  }
};

TEST_F(QuestionLimits, OfWhatIsAsked) {
  EXPECT_EQ(With("k", limits::kTopK), "OK");
  EXPECT_EQ(With("k", limits::kTopK + 1), "INVALID_ARGUMENT: k");
  EXPECT_EQ(With(Text("text", limits::kQueryTextBytes)), "OK");
  EXPECT_EQ(With(Text("text", limits::kQueryTextBytes + 1)), "INVALID_ARGUMENT: text");
  EXPECT_EQ(With("scope { " + Text("purpose", limits::kPurposeBytes) + "}"), "OK");
  EXPECT_EQ(With("scope { " + Text("purpose", limits::kPurposeBytes + 1) + "}"),
            "INVALID_ARGUMENT: purpose");
  for (const double recall : {limits::kRecallMin, limits::kRecallMax}) {
    EXPECT_EQ(With(fmt::format("recall_target: {}", recall)), "OK");
  }
  for (const double recall : {limits::kRecallMin - 1e-9, limits::kRecallMax + 1e-9}) {
    EXPECT_EQ(With(fmt::format("recall_target: {}", recall)), "INVALID_ARGUMENT: recall_target");
  }
  const auto fused = [&](const std::string& fusion) {
    return With("text: 'text' rank: RANK_HYBRID fusion { " + fusion + " }");
  };
  EXPECT_EQ(fused(fmt::format("depth: {}", limits::kFusionDepth)), "OK");
  EXPECT_EQ(fused(fmt::format("depth: {}", limits::kFusionDepth + 1)),
            "INVALID_ARGUMENT: fusion.depth");
  EXPECT_EQ(fused(fmt::format("vector_weight: {}", limits::kFusionWeightMax)), "OK");
  EXPECT_EQ(fused(fmt::format("vector_weight: {}", limits::kFusionWeightMax + 1)),
            "INVALID_ARGUMENT: fusion.weights.vector");
}

TEST_F(QuestionLimits, OfAContext) {
  EXPECT_EQ(With(fmt::format("context {{ neighbours: {} }}", limits::kNeighbours)), "OK");
  EXPECT_EQ(With(fmt::format("context {{ neighbours: {} }}", limits::kNeighbours + 1)),
            "INVALID_ARGUMENT: context.neighbours");
  EXPECT_EQ(With("token_budget", limits::kTokenBudget), "OK");
  EXPECT_EQ(With("token_budget", limits::kTokenBudget + 1), "INVALID_ARGUMENT: token_budget");
  const std::string diverse = "context { diversity: 0.5 } ";
  EXPECT_EQ(With(diverse + fmt::format("k: {}", limits::kCandidates)), "OK");
  EXPECT_EQ(With(diverse + fmt::format("k: {}", limits::kCandidates + 1)), "INVALID_ARGUMENT: k");
  // There is no such reranker; but first of all, none orders so many.
  const std::string reranked = "context { rerank: 'none' } ";
  EXPECT_NE(With(reranked + fmt::format("k: {}", limits::kReranked)), "INVALID_ARGUMENT: k");
  EXPECT_EQ(With(reranked + fmt::format("k: {}", limits::kReranked + 1)), "INVALID_ARGUMENT: k");
}

// The notice before the first passage is of the budget, too.
TEST_F(QuestionLimits, OfABlockWithoutPassages) {
  const size_t notice = BlockTokensAround(ApproximateCounter());
  const std::string block = "context { want_block: true token_reserve: 7 } ";
  EXPECT_EQ(With(block + fmt::format("token_budget: {}", notice + 6)),
            "INVALID_ARGUMENT: token_budget");
  EXPECT_EQ(With(block + fmt::format("token_budget: {}", notice + 7)), "OK");
  EXPECT_EQ(With("token_budget", 1), "OK") << "it is cut, and says so";
}

TEST_F(QuestionLimits, OfManyQuestions) {
  const auto batch = [&](int count, uint32_t k) {
    v1::BatchRetrieveRequest request;
    for (int i = 0; i < count; ++i) *request.add_queries() = Question(k);
    return Outcome(Asked<v1::BatchRetrieveResponse>(
        [&](auto done) { BatchRetrieve(scratch_.Read(AllOf()), request, done); }));
  };
  EXPECT_EQ(batch(limits::kBatchQueries, 1), "OK");
  EXPECT_EQ(batch(limits::kBatchQueries + 1, 1), "INVALID_ARGUMENT: queries");
  EXPECT_EQ(batch(2, limits::kTopK / 2), "OK");
  EXPECT_NE(batch(2, limits::kTopK / 2 + 1), "OK") << "more passages than one answer has";
  EXPECT_EQ(Outcome(Check(std::vector<std::string>(limits::kCheckAccessDocuments, "open1"))), "OK");
  EXPECT_EQ(Outcome(Check(std::vector<std::string>(limits::kCheckAccessDocuments + 1, "open1"))),
            "INVALID_ARGUMENT: documents");
}

}  // namespace
}  // namespace cordon
