// Several answers at once, or one in several messages, that hold or leave more than one would.
#include <gtest/gtest.h>

#include "engine/base/limits.h"
#include "engine/retrieve/answer_stream.h"
#include "tests/retrieve/contexts.h"

namespace cordon {
namespace {

TEST_F(Contexts, ABatchOrAStreamLeavesUncounted) {
  for (int i = 0; i < 15; ++i) scratch_.Do(Scored("more" + std::to_string(i), "everyone", 10 + i));
  Grant grant = AllOf();
  grant.quota.passages_per_day = 5;
  v1::BatchRetrieveRequest batch;
  for (int i = 0; i < 2; ++i) *batch.add_queries() = Question(3);
  const auto answer = Asked<v1::BatchRetrieveResponse>(
      [&](auto done) { BatchRetrieve(scratch_.Read(grant), batch, done); });
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->answers(0).response().passages_size(), 3);
  EXPECT_EQ(answer->answers(1).refused().field(), "quota.passages_per_day");
  const auto records = scratch_.Records("BatchRetrieve");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].passages(), 3u);
  EXPECT_EQ(records[1].passages(), 0u);

  grant.quota.passages_per_day = 22;  // the first message's 16 fit, the other 4 do not
  const auto stream = std::make_shared<AnswerStream>(Question(20));
  const auto next = [&] {
    return Asked<v1::RetrieveStreamResponse>(
        [&](auto done) { stream->Next(scratch_.Read(grant), done); });
  };
  EXPECT_EQ(next()->passages_size(), 16);
  EXPECT_EQ(Outcome(next()), "RESOURCE_EXHAUSTED: quota.passages_per_day");
  EXPECT_EQ(scratch_.Records("RetrieveStream").front().passages(), 16u);
  EXPECT_EQ(scratch_.Records("RetrieveStream").back().passages(), 0u);
}

// Only the record of the part that holds it is marked, and the alert is raised once.
TEST_F(Contexts, ACanaryLeavesUntoldInABatchOrAStream) {
  for (int i = 0; i < 20; ++i) scratch_.Do(Scored("more" + std::to_string(i), "everyone", 50 - i));
  scratch_.Do(Scored("bird", "everyone", 33, "level: 'public'", "canary: true"));  // the 18th or so
  const auto& alerts = scratch_.tenant->canary_alerts;
  v1::BatchRetrieveRequest batch;
  *batch.add_queries() = Question(3);
  *batch.add_queries() = Question(20);
  const auto answer = Asked<v1::BatchRetrieveResponse>(
      [&](auto done) { BatchRetrieve(scratch_.Read(AllOf()), batch, done); });
  ASSERT_TRUE(answer.ok());
  const auto records = scratch_.Records("BatchRetrieve");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_FALSE(records[0].canary());
  EXPECT_TRUE(records[1].canary());
  EXPECT_EQ(alerts->count(), 1u);

  const auto stream = std::make_shared<AnswerStream>(Question(20));
  const auto next = [&] {
    return Asked<v1::RetrieveStreamResponse>(
        [&](auto done) { stream->Next(scratch_.Read(AllOf()), done); });
  };
  EXPECT_EQ(next()->passages_size(), 16);
  EXPECT_EQ(alerts->count(), 1u) << "it has not left yet";
  EXPECT_EQ(next()->passages_size(), 4);
  EXPECT_EQ(alerts->count(), 2u);
  EXPECT_TRUE(next()->has_summary());
  EXPECT_EQ(alerts->count(), 2u) << "the last message holds none";
  const auto parts = scratch_.Records("RetrieveStream");
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_FALSE(parts[0].canary() || parts[2].canary());
  EXPECT_TRUE(parts[1].canary());

  // What a quota keeps back has not left.
  Grant grant = AllOf();
  grant.quota.passages_per_day = 1;
  batch.mutable_queries()->DeleteSubrange(0, 1);
  ASSERT_TRUE(Asked<v1::BatchRetrieveResponse>([&](auto done) {
                BatchRetrieve(scratch_.Read(grant), batch, done);
              }).ok());
  EXPECT_EQ(alerts->count(), 2u);
  EXPECT_FALSE(scratch_.Records("BatchRetrieve").back().canary());
}

TEST_F(Contexts, ABatchHoldsMoreThanAnAnswerMay) {
  std::string documents;
  for (int i = 0; i < 100; ++i) {
    documents += "documents { id: 'large" + std::to_string(i) +
                 "' acl { allow { principal: 'everyone' } } label { level: 'public' } chunks { "
                 "text: '" +
                 std::string(64'000, '.') + "' embedding: 9 embedding: 0 } } ";
  }
  scratch_.Do("ingest { collection: 'docs' " + documents + "}");
  Grant grant = AllOf();
  grant.quota.passages_per_day = 10 * 100 + 1;
  v1::BatchRetrieveRequest batch;
  for (int i = 0; i < 11; ++i) *batch.add_queries() = Question(100);
  *batch.add_queries() = Question(1);
  const auto answer = Asked<v1::BatchRetrieveResponse>(
      [&](auto done) { BatchRetrieve(scratch_.Read(grant), batch, done); });
  ASSERT_TRUE(answer.ok());
  EXPECT_LE(answer->ByteSizeLong(), limits::kAnswerBytes);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(answer->answers(i).response().passages_size(), 100);
  EXPECT_EQ(answer->answers(10).refused().code(), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(answer->answers(10).refused().field(), "queries");
  EXPECT_EQ(answer->answers(11).response().passages_size(), 1) << "what did not leave was charged";
  const auto records = scratch_.Records("BatchRetrieve");
  ASSERT_EQ(records.size(), 12u);
  EXPECT_EQ(records[10].outcome(), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(records[10].passages(), 0u);
  EXPECT_EQ(records[10].documents_size(), 0);
}

// What a batch counts is never less than what leaves.
TEST_F(Contexts, AnAnswerIsLargerThanItIsCounted) {
  scratch_.Do(From("a", std::string(200, 's'), "internal", "a text", 90));
  scratch_.Do(Pages("book", 80, {"", "", ""}));
  for (const char* options : {"", "want_block: true", "want_attributes: true neighbours: 1",
                              "want_block: true parents: true"}) {
    for (const uint32_t k : {1, 7}) {
      v1::RetrieveRequest request = With(k, options);
      request.set_explain(true);
      request.set_want_nonce(true);
      request.set_rank(v1::RANK_HYBRID);
      request.set_text("text page");
      journal::v1::Record record;
      const auto found = FindAnswer(scratch_.Read(AllOf()), request, &record);
      const auto answer = Ask(request);
      ASSERT_TRUE(found.ok() && answer.ok()) << Outcome(found) << Outcome(answer);
      EXPECT_GE(BytesMax(*found), answer->ByteSizeLong()) << options;
    }
  }
}

// A stream that is open when access is taken away, or a document is gone or another.
TEST_F(Contexts, AStreamGoesOnAsItBegan) {
  for (int i = 0; i < 40; ++i) {
    scratch_.Do(Scored("more" + std::to_string(i), "everyone", 100 - i));
  }
  const auto open = [&] { return std::make_shared<AnswerStream>(Question(40, "user:eve")); };
  const auto next = [&](const auto& of, const Grant& grant) {
    return Asked<v1::RetrieveStreamResponse>(
        [&](auto done) { of->Next(scratch_.Read(grant), done); });
  };
  const auto whole = open();
  EXPECT_EQ(next(whole, AllOf())->passages_size(), 16);
  EXPECT_EQ(next(whole, AllOf())->passages_size(), 16);
  EXPECT_EQ(next(whole, AllOf())->passages_size(), 8);
  const auto last = next(whole, AllOf());
  EXPECT_TRUE(whole->ended());
  EXPECT_EQ(last->passages_size(), 0);
  EXPECT_EQ(last->summary().context_label().level(), "public");
  EXPECT_GT(last->summary().revision(), 0u);

  const auto changed = open();
  EXPECT_EQ(next(changed, AllOf())->passages_size(), 16);
  scratch_.Do(
      "set_access { collection: 'docs' document: 'more16' acl { allow { principal: "
      "'user:ana' } } }");
  scratch_.Do("delete_document { collection: 'docs' document: 'more17' }");
  scratch_.Do(Scored("more18", "everyone", 82));  // the same id, another document
  scratch_.Do("set_access { collection: 'docs' document: 'more19' label { level: 'internal' } }");
  const auto second = next(changed, AllOf());
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_EQ(second->passages_size(), 13);
  EXPECT_EQ(second->passages(0).document(), "more19");
  EXPECT_EQ(second->passages(0).label().level(), "internal");
  EXPECT_EQ(second->context_label().level(), "internal");
  Grant without = AllOf();
  without.rights = {};
  EXPECT_EQ(Outcome(next(changed, without)), "PERMISSION_DENIED: rights");
}

// A client may take its time; what nobody else reads any more is not kept for it.
TEST_F(Contexts, AStreamHoldsAnOldView) {
  for (int i = 0; i < 30; ++i) scratch_.Do(Scored("more" + std::to_string(i), "everyone", 10 + i));
  const auto stream = std::make_shared<AnswerStream>(Question(35));
  std::weak_ptr<const View> before = scratch_.tenant->publisher.Pin(&scratch_.clock).view;
  for (const int size : {16, 16}) {
    const auto part = Asked<v1::RetrieveStreamResponse>(
        [&](auto done) { stream->Next(scratch_.Read(AllOf()), done); });
    ASSERT_TRUE(part.ok()) << part.status().ToString();
    EXPECT_EQ(part->passages_size(), size);
    scratch_.Do(Scored("later" + std::to_string(size), "user:ana", 1));
    EXPECT_TRUE(before.expired());
    before = scratch_.tenant->publisher.Pin(&scratch_.clock).view;
  }
}

}  // namespace
}  // namespace cordon
