// Fears about questions of one batch that share a scan: that one is answered or recorded otherwise
// than alone, that one is found by another's eyes, that what is revoked while others are answered
// is still told, or that nothing is shared.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/index/scan.h"
#include "tests/retrieve/contexts.h"

namespace cordon {
namespace {

constexpr char kFiled[] =
    "create_collection { name: 'docs' dimension: 2 metric: METRIC_INNER_PRODUCT "
    "embedder: EMBEDDER_NONE attributes { name: 'year' type: ATTRIBUTE_TYPE_INT } }";
constexpr int kRows = 1800;  // more than three blocks of a scan

class SharedScansTest : public testing::Test {
 protected:
  // Of every three documents one is everybody's, one ana's, one eve's; many have equal scores.
  void SetUp() override {
    std::string documents;
    for (int i = 0; i < kRows; ++i) {
      const char* const who[] = {"everyone", "user:ana", "user:eve"};
      documents += "documents { id: 'd" + std::to_string(i) + "' acl { allow { principal: '" +
                   who[i % 3] + "' } } label { level: '" + (i % 5 == 0 ? "internal" : "public") +
                   "' } attributes { key: 'year' value { int_value: " + std::to_string(i % 4) +
                   " } } provenance { source: 's" + std::to_string(i % 7) + "' } chunks { text: '" +
                   (i % 2 == 0 ? "apple" : "pear") + " number " + std::to_string(i % 50) +
                   "' embedding: " + std::to_string(Small()) +
                   " embedding: " + std::to_string(Small()) + " } } ";
    }
    scratch_.Do("ingest { collection: 'docs' " + documents + "}");
    scratch_.Do("delete_document { collection: 'docs' document: 'd0' }");
  }

  int Small() { return static_cast<int>(random_.Below(21)) - 10; }

  v1::RetrieveRequest Draw() {
    v1::RetrieveRequest request;
    if (random_.OneIn(3)) {
      const char* const options[] = {
          "filter { condition { attribute: 'year' eq { int_value: 2 } } }",
          "min_score: 40",
          "mode: MODE_EXACT",
          "recall_target: 0.9",
          "explain: true",
          "omit_text: true want_nonce: true",
          "context { duplicates: DUPLICATES_EXACT per_source_max: 3 }",
          "context { diversity: 0.5 neighbours: 1 }",
          "scope { destination: 'low' }",
          "scope { purpose: 'a test' }",
          "scope { at_least_revision: 999999 }",
          "scope { destination: 'nowhere' }",
          "vector: 1"};
      request = FromText<v1::RetrieveRequest>(options[random_.Below(std::size(options))]);
    }
    request.set_collection(random_.OneIn(20) ? "none" : "docs");
    request.mutable_scope()->set_as(random_.OneIn(3) ? "user:ana" : "user:eve");
    request.add_vector(static_cast<float>(Small()));
    request.add_vector(static_cast<float>(Small()));
    request.set_text("apple number " + std::to_string(random_.Below(50)));
    const v1::Rank ranks[] = {v1::RANK_VECTOR, v1::RANK_VECTOR, v1::RANK_HYBRID, v1::RANK_LEXICAL};
    request.set_rank(ranks[random_.Below(std::size(ranks))]);
    request.set_k(static_cast<uint32_t>(1 + random_.Below(random_.OneIn(4) ? 200 : 12)));
    return request;
  }

  v1::RetrieveRequest Exact(float x, float y, const std::string& as = "user:eve") {
    v1::RetrieveRequest request;
    request.set_collection("docs");
    request.mutable_scope()->set_as(as);
    request.add_vector(x);
    request.add_vector(y);
    request.set_mode(v1::MODE_EXACT);
    request.set_k(3);
    return request;
  }

  v1::BatchRetrieveResponse Batch(const std::vector<v1::RetrieveRequest>& questions,
                                  std::function<bool()> stop = {}) {
    v1::BatchRetrieveRequest batch;
    for (const auto& question : questions) *batch.add_queries() = question;
    ReadContext context = scratch_.Read(AllOf());
    context.stop = std::move(stop);
    auto answer =
        Asked<v1::BatchRetrieveResponse>([&](auto done) { BatchRetrieve(context, batch, done); });
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    return *std::move(answer);
  }
  StatusOr<v1::RetrieveResponse> Alone(const v1::RetrieveRequest& question,
                                       std::function<bool()> stop = {}) {
    ReadContext context = scratch_.Read(AllOf());
    context.stop = std::move(stop);
    return Asked<v1::RetrieveResponse>([&](auto done) { Retrieve(context, question, done); });
  }

  void DeleteFromDocs(const std::string& document) {
    scratch_.Do("delete_document { collection: 'docs' document: '" + document + "' }");
  }

  Random random_{17};
  ScratchTenant scratch_{{kFiled, kLibraryPolicy}};
};

// Those that may share a scan are neighbours in its order.
std::string WhatGroupsShare(const v1::RetrieveRequest& question) {
  const bool alone = question.has_filter() || question.rank() == v1::RANK_LEXICAL;
  v1::RetrieveRequest shared;
  shared.set_collection(question.collection());
  shared.set_mode(question.mode());
  shared.set_recall_target(question.recall_target());
  *shared.mutable_scope() = question.scope();
  return (alone ? "alone " : "") + shared.SerializeAsString();
}

// What differs from call to call, whatever they ask.
std::string BytesOf(v1::RetrieveResponse response) {
  response.clear_as_of();
  response.clear_journal_id();
  response.clear_nonce();
  if (response.has_explain()) {
    for (const auto clear :
         {&v1::SearchExplain::clear_prepare_us, &v1::SearchExplain::clear_order_us,
          &v1::SearchExplain::clear_scan_us, &v1::SearchExplain::clear_finish_us}) {
      (response.mutable_explain()->*clear)();
    }
  }
  return response.SerializeAsString();
}

std::string BytesOf(journal::v1::Record record) {
  record.clear_sequence();
  record.clear_time_us();
  record.clear_call();
  record.clear_synced();
  return record.SerializeAsString();
}

TEST_F(SharedScansTest, ABatchIsItsQuestionsOneByOne) {
  size_t recorded = 0;
  for (int round = 0; round < 8; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    // Groups beyond what a scan takes, too.
    std::vector<v1::RetrieveRequest> questions(1 + random_.Below(90));
    for (auto& question : questions) question = Draw();
    if (round % 2 == 1) std::ranges::stable_sort(questions, {}, WhatGroupsShare);
    const auto batch = Batch(questions);
    ASSERT_EQ(static_cast<size_t>(batch.answers_size()), questions.size());
    const auto of_batch = scratch_.Records("BatchRetrieve");
    ASSERT_EQ(of_batch.size(), recorded + questions.size());
    for (size_t i = 0; i < questions.size(); ++i) {
      SCOPED_TRACE(questions[i].ShortDebugString());
      const auto alone = Alone(questions[i]);
      const v1::BatchAnswer& answer = batch.answers(static_cast<int>(i));
      ASSERT_EQ(answer.has_response(), alone.ok()) << answer.refused().message();
      if (alone.ok()) {
        EXPECT_EQ(BytesOf(answer.response()), BytesOf(*alone));
      } else {
        EXPECT_EQ(answer.refused().code() + ": " + answer.refused().field(), Outcome(alone));
        EXPECT_EQ(answer.refused().message(), alone.status().message());
      }
      EXPECT_EQ(BytesOf(of_batch[recorded + i]), BytesOf(scratch_.Records("Retrieve").back()));
    }
    recorded += questions.size();
    if (recorded > 300) break;  // Records() sees the last thousand
  }
}

TEST_F(SharedScansTest, OneScanServesAllWhoSeeAlike) {
  const auto asked = [](size_t* count) { return [count] { return ++*count, false; }; };
  size_t alone = 0, together = 0, apart = 0;
  ASSERT_TRUE(Alone(Exact(1, 2), asked(&alone)).ok());
  std::vector<v1::RetrieveRequest> questions(8, Exact(1, 2));
  Batch(questions, asked(&together));
  constexpr size_t kBlocks = kRows * 2 / 3 / ScanBlock::kRows;  // that eve may see
  EXPECT_LE(together + 7 * kBlocks, 8 * alone) << "each reads the rows by itself";
  // Nobody's purpose, destination or eyes are another's.
  for (size_t i = 0; i < questions.size(); ++i) {
    questions[i].mutable_scope()->set_purpose("purpose " + std::to_string(i));
  }
  Batch(questions, asked(&apart));
  EXPECT_EQ(apart, 8 * alone);
}

// The same vector, and the best for each is what the other may not see.
TEST_F(SharedScansTest, NobodyIsAnsweredByAnothersEyes) {
  for (const std::string who : {"ana", "eve"}) {
    scratch_.Do("ingest { collection: 'docs' documents { id: 'of-" + who +
                "' acl { allow { principal: 'user:" + who +
                "' } } label { level: 'public' } chunks { text: 'secret' embedding: 1000 "
                "embedding: 0 } } }");
  }
  const std::vector<v1::RetrieveRequest> questions = {
      Exact(1, 0, "user:ana"), Exact(1, 0, "user:eve"), Exact(1, 0, "user:ana"),
      Exact(1, 0, "user:eve")};
  const auto batch = Batch(questions);
  for (int i = 0; i < 4; ++i) {
    const v1::RetrieveResponse& answer = batch.answers(i).response();
    ASSERT_EQ(answer.passages_size(), 3);
    EXPECT_EQ(answer.passages(0).document(), i % 2 == 0 ? "of-ana" : "of-eve");
    EXPECT_EQ(BytesOf(answer), BytesOf(*Alone(questions[static_cast<size_t>(i)])));
  }
}

// A document that is taken away while a group is searched: the group is answered as of its View,
// who is asked about later as of a newer one.
TEST_F(SharedScansTest, AGroupIsAnsweredInItsView) {
  const auto before = Alone(Exact(1, 2));
  ASSERT_TRUE(before.ok());
  const std::string best = before->passages(0).document();
  int asked = 0;
  const auto batch = Batch({Exact(1, 2), Exact(1, 2), Exact(1, 2, "user:ana")}, [&] {
    if (++asked == 2) DeleteFromDocs(best);
    return false;
  });
  for (const int i : {0, 1}) {
    const v1::RetrieveResponse& answer = batch.answers(i).response();
    EXPECT_EQ(answer.revision(), before->revision());
    EXPECT_EQ(BytesOf(answer), BytesOf(*before));
  }
  EXPECT_GT(batch.answers(2).response().revision(), before->revision());
  for (const v1::Passage& passage : batch.answers(2).response().passages()) {
    EXPECT_NE(passage.document(), best);
  }
  EXPECT_NE(Alone(Exact(1, 2))->passages(0).document(), best);
}

// What is asked between two that are alike may be answered slowly, whether it asks for another, by
// another way, or is prepared in vain.
TEST_F(SharedScansTest, AViewIsKeptWhileOthersAreAnswered) {
  v1::RetrieveRequest by_words = Exact(1, 2), refused = Exact(1, 2);
  by_words.set_rank(v1::RANK_LEXICAL);
  by_words.set_text("apple");
  refused.add_vector(3);
  for (const auto& between : {Exact(1, 2, "user:ana"), by_words, refused}) {
    SCOPED_TRACE(between.ShortDebugString());
    const std::string best = Alone(Exact(1, 2))->passages(0).document();
    int asked = 0;
    const auto batch = Batch({Exact(1, 2), between, Exact(1, 2)}, [&] {
      if (++asked == 2) DeleteFromDocs(best);
      return false;
    });
    EXPECT_EQ(batch.answers(0).response().passages(0).document(), best);
    EXPECT_GT(batch.answers(2).response().revision(), batch.answers(0).response().revision());
    EXPECT_NE(batch.answers(2).response().passages(0).document(), best);
  }
}

TEST_F(SharedScansTest, EachIsRefusedWhenTheDeadlinePasses) {
  int asked = 0;
  const auto batch = Batch({Exact(1, 2), Exact(2, 1), Exact(3, 1)}, [&] { return ++asked > 2; });
  for (const v1::BatchAnswer& answer : batch.answers()) {
    EXPECT_EQ(answer.refused().code(), "DEADLINE_EXCEEDED");
  }
  const auto records = scratch_.Records("BatchRetrieve");
  ASSERT_EQ(records.size(), 3u);
  for (const auto& record : records) {
    EXPECT_EQ(record.outcome(), "DEADLINE_EXCEEDED");
    EXPECT_EQ(record.passages(), 0u);
    EXPECT_FALSE(record.subject().empty());
  }
}

}  // namespace
}  // namespace cordon
