// Answers that tell what is hidden, leave unrecorded, or go where they may not.
#include "engine/retrieve/retrieve.h"

#include <gtest/gtest.h>

#include "engine/text/tokens.h"
#include "tests/retrieve/library.h"

namespace cordon {
namespace {

class Answers : public Library {};

TEST_F(Answers, AHiddenCollectionDiffersFromAnAbsentOne) {
  Grant other = AllOf();
  other.collections = {"other", "absent"};
  v1::RetrieveRequest hidden = Question(1), absent = Question(1);
  absent.set_collection("absent");
  EXPECT_EQ(Outcome(Ask(hidden, other)), "NOT_FOUND: collection");
  EXPECT_EQ(Ask(hidden, other).status().ToString(), Ask(absent, other).status().ToString());
  EXPECT_EQ(Ask(absent, AllOf()).status().ToString(), Ask(absent, other).status().ToString());
  EXPECT_EQ(Get("open1", "user:eve", other).status().ToString(),
            Get("open1", "user:eve", other, "absent").status().ToString());
  EXPECT_EQ(Check({"open1"}, "user:eve", other).status().ToString(),
            Check({"open1"}, "user:eve", other, "absent").status().ToString());
  // Not even by a vector that only the hidden collection would refuse.
  hidden.add_vector(3);
  EXPECT_EQ(Ask(hidden, other).status().ToString(), Ask(absent, other).status().ToString());
}

TEST_F(Answers, AHiddenDocumentDiffersFromAnAbsentOne) {
  scratch_.Do(Scored("future", "everyone", 9, "level: 'public'", "valid_from { seconds: 99 }"));
  scratch_.Do(Scored("past", "everyone", 9, "level: 'public'", "valid_until { seconds: 1 }"));
  scratch_.Do(Scored("above", "everyone", 9, "level: 'restricted'"));
  scratch_.Do(Scored("abroad", "everyone", 9, "level: 'public' tags: 'region:eu'"));
  const Status absent = Get("absent").status();
  EXPECT_EQ(absent.code(), StatusCode::kNotFound);
  for (const char* hidden : {"secret", "future", "past", "above", "abroad"}) {
    EXPECT_EQ(Get(hidden).status().ToString(), absent.ToString()) << hidden;
  }
  const auto checked =
      Check({"secret", "open2", "absent", "future", "past", "above", "abroad", "open1"});
  ASSERT_TRUE(checked.ok());
  ASSERT_EQ(checked->permitted_size(), 2);
  EXPECT_EQ(checked->permitted(0), "open2");
  EXPECT_EQ(checked->permitted(1), "open1");
  EXPECT_EQ(Passages(Ask(Question(1))), "open5=5");
}

TEST_F(Answers, ADestinationThatIsNotTheKeysDiffersFromAnAbsentOne) {
  Grant grant = AllOf();
  grant.destinations = {"chat", "absent"};
  v1::RetrieveRequest other = Question(1), absent = Question(1);
  other.mutable_scope()->set_destination("eu");
  absent.mutable_scope()->set_destination("absent");
  EXPECT_EQ(Outcome(Ask(other, grant)), "PERMISSION_DENIED: destination");
  EXPECT_EQ(Ask(other, grant).status().ToString(), Ask(absent, grant).status().ToString());
}

TEST_F(Answers, HiddenRowsMoveTheAnswer) {
  const auto before = Ask(Question(3));
  for (int i = 0; i < 50; ++i) scratch_.Do(Scored("x" + std::to_string(i), "user:ana", 200 + i));
  const auto after = Ask(Question(3));
  EXPECT_EQ(Passages(before), Passages(after));
  EXPECT_EQ(before->context_label().SerializeAsString(),
            after->context_label().SerializeAsString());
  EXPECT_EQ(after->limited(), before->limited());
}

TEST_F(Answers, ACallerWithoutTheRightIsAnswered) {
  Grant grant = AllOf();
  grant.rights = Rights();
  grant.rights.Add(Right::kAdmin);
  EXPECT_EQ(Ask(Question(1), grant).status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(Get("open1", "user:eve", grant).status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(Check({"open1"}, "user:eve", grant).status().code(), StatusCode::kPermissionDenied);
  grant = AllOf();
  grant.as_patterns = {"user:ana"};
  EXPECT_EQ(Outcome(Ask(Question(1), grant)), "PERMISSION_DENIED: as");
  grant.as_patterns = {"*"};
  grant.destinations = {};
  EXPECT_EQ(Outcome(Ask(Question(1), grant)), "PERMISSION_DENIED: destination");
}

TEST_F(Answers, TheApplicationsClearanceIsNoCeiling) {
  scratch_.Do(Scored("inner", "everyone", 9, "level: 'internal'"));
  EXPECT_EQ(Passages(Ask(Question(1))), "inner=9");
  Grant low = AllOf();
  low.clearance = Clearance::Lowest();
  EXPECT_EQ(Passages(Ask(Question(1), low)), "open5=5");
  EXPECT_EQ(Outcome(Get("inner", "user:eve", low)), "NOT_FOUND: document");
}

TEST_F(Answers, TheBudgetCutsAPassageInTwo) {
  const size_t each = ApproximateTokens("text of open1");
  ASSERT_GT(each, 0u);
  for (size_t budget = 1; budget <= 6 * each; ++budget) {
    v1::RetrieveRequest request = Question(5);
    request.set_token_budget(static_cast<uint32_t>(budget));
    const auto answer = Ask(request);
    ASSERT_TRUE(answer.ok());
    const size_t fit = std::min<size_t>(5, budget / each);
    ASSERT_EQ(static_cast<size_t>(answer->passages_size()), fit) << budget;
    EXPECT_EQ(answer->limited(), fit < 5) << budget;
    for (const auto& passage : answer->passages()) {
      EXPECT_EQ(passage.text(), "text of " + passage.document());
    }
    EXPECT_EQ(answer->has_context_label(), fit > 0);
  }
}

TEST_F(Answers, TheContextIsLabelledByItsFirstPassage) {
  scratch_.Do(
      "policy { compartments { names: 'people' names: 'merger' } "
      "default_clearance { level: 'confidential' compartments: 'people' "
      "compartments: 'merger' } }");
  scratch_.Do(Scored("a", "everyone", 9, "level: 'internal' compartments: 'people'"));
  scratch_.Do(Scored("b", "everyone", 8, "level: 'confidential' compartments: 'merger'"));
  const auto answer = Ask(Question(3));
  ASSERT_EQ(Passages(answer), "a=9 b=8 open5=5");
  EXPECT_EQ(answer->context_label().level(), "confidential");
  EXPECT_EQ(answer->context_label().compartments_size(), 2);
  const auto destinations = answer->destinations();
  EXPECT_EQ(std::count(destinations.begin(), destinations.end(), "low"), 0);
  EXPECT_EQ(std::count(destinations.begin(), destinations.end(), "chat"), 1);
  EXPECT_EQ(answer->passages(2).label().level(), "public");
}

TEST_F(Answers, TwoRegionsAdmitEither) {
  scratch_.Do(Scored("a", "everyone", 9, "level: 'public' tags: 'region:eu' tags: 'region:us'"));
  scratch_.Do(Scored("b", "everyone", 8, "level: 'public' tags: 'region:de' tags: 'region:us'"));
  const auto one = Ask(Question(1));
  EXPECT_EQ(one->destinations_size(), 3);  // chat, eu and low
  const auto both = Ask(Question(2));
  ASSERT_EQ(Passages(both), "a=9 b=8");
  ASSERT_EQ(both->destinations_size(), 2);
  EXPECT_EQ(both->destinations(0), "chat");
  EXPECT_EQ(both->destinations(1), "low");
  EXPECT_EQ(both->context_label().tags_size(), 3);  // the label says what is in it: tags unite
}

TEST_F(Answers, ReceiversTheKeyMayNotName) {
  Grant grant = AllOf();
  grant.destinations = {"chat"};
  const auto answer = Ask(Question(1), grant);
  ASSERT_EQ(answer->destinations_size(), 1);
  EXPECT_EQ(answer->destinations(0), "chat");
  const auto document = Get("open1", "user:eve", grant);
  ASSERT_EQ(document->destinations_size(), 1);
  EXPECT_EQ(document->destinations(0), "chat");
}

// Of a whole document as of passages: each of its labels counts.
TEST_F(Answers, ADocumentIsSaidToGoWhereAPartOfItMayNot) {
  scratch_.Do(
      "ingest { collection: 'docs' documents { id: 'two' acl { allow { principal: 'everyone' } } "
      "label { level: 'public' } chunks { text: 'a' embedding: 1 embedding: 0 } chunks { ordinal: "
      "1 text: 'b' embedding: 1 embedding: 0 label { level: 'internal' } } } }");
  const auto receives = [&](const std::string& id) {
    const auto document = Get(id);
    EXPECT_TRUE(document.ok()) << document.status().ToString();
    const auto& names = document->destinations();
    return std::count(names.begin(), names.end(), "low") == 1;
  };
  EXPECT_TRUE(receives("open1"));
  EXPECT_FALSE(receives("two"));
}

TEST_F(Answers, ADeniedChunkLeavesWithItsDocument) {
  scratch_.Do(
      "ingest { collection: 'docs' documents { id: 'mixed' acl { allow { principal: "
      "'everyone' } } label { level: 'public' } chunks { text: 'low' embedding: 9 "
      "embedding: 0 } chunks { ordinal: 1 text: 'high' embedding: 10 embedding: 0 label { level: "
      "'restricted' } } chunks { ordinal: 2 text: 'ana' embedding: 11 embedding: 0 acl { allow { "
      "principal: 'user:ana' } } } } }");
  const auto document = Get("mixed");
  ASSERT_TRUE(document.ok());
  ASSERT_EQ(document->chunks_size(), 1);
  EXPECT_EQ(document->chunks(0).text(), "low");
  EXPECT_EQ(document->context_label().level(), "public");
  EXPECT_EQ(Passages(Ask(Question(2))), "mixed=9 open5=5");
}

TEST_F(Answers, WithoutARecord) {
  ASSERT_TRUE(Ask(Question(1)).ok());
  scratch_.disk.fail = true;
  EXPECT_EQ(Ask(Question(1)).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Get("open1").status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Check({"open1"}).status().code(), StatusCode::kUnavailable);
  // Refusals too: their answer would be the only trace of the call.
  EXPECT_EQ(Get("absent").status().code(), StatusCode::kUnavailable);
  scratch_.disk.fail = false;
  EXPECT_EQ(Ask(Question(1)).status().code(), StatusCode::kUnavailable) << "broken for good";
}

TEST_F(Answers, TheRecordHoldsContentOrMissesWhoAsked) {
  v1::RetrieveRequest request = Question(2);
  request.set_text("the text of the question");
  request.mutable_scope()->set_purpose("audit me");
  ASSERT_TRUE(Ask(request).ok());
  ASSERT_EQ(Get("secret").status().code(), StatusCode::kNotFound);
  const auto records = scratch_.Records("Retrieve");
  ASSERT_EQ(records.size(), 1u);
  const auto& record = records[0];
  const Pseudonyms& names = scratch_.tenant->pseudonyms;
  EXPECT_EQ(record.outcome(), "OK");
  EXPECT_EQ(record.purpose(), "audit me");
  EXPECT_EQ(record.destination(), "chat");
  EXPECT_EQ(record.actor(), names.Of("principal", "service:app"));
  EXPECT_EQ(record.subject(), names.Of("principal", "user:eve"));
  ASSERT_EQ(record.documents_size(), 2);
  EXPECT_EQ(record.documents(0), names.Of("document", "open5"));
  EXPECT_EQ(record.context_label().level(), "public");
  const std::string bytes = record.SerializeAsString();
  for (const char* secret : {"question", "user:eve", "open5", "service:app"}) {
    EXPECT_EQ(bytes.find(secret), bytes.npos) << secret;
  }
  const auto refused = scratch_.Records("GetDocument");
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].outcome(), "NOT_FOUND");
  EXPECT_EQ(refused[0].documents_size(), 0);
}

TEST_F(Answers, APartialAnswerAtTheDeadline) {
  ReadContext context = scratch_.Read(AllOf());
  context.stop = [] { return true; };
  const auto answer =
      Asked<v1::RetrieveResponse>([&](auto done) { Retrieve(context, Question(3), done); });
  EXPECT_EQ(answer.status().code(), StatusCode::kDeadlineExceeded);
}

TEST_F(Answers, AnIdNamedManyTimesIsReadAsOften) {
  for (const char* id : {"open1", "secret", "absent"}) {
    v1::CheckAccessRequest request;
    request.set_collection("docs");
    request.mutable_scope()->set_as("user:eve");
    for (int i = 0; i < 1000; ++i) request.add_documents(id);
    ReadContext context = scratch_.Read(AllOf());
    int asked = 0;  // once before each document that is read
    context.stop = [&asked] { return ++asked > 1; };
    const auto answer =
        Asked<v1::CheckAccessResponse>([&](auto done) { CheckAccess(context, request, done); });
    ASSERT_TRUE(answer.ok()) << id << answer.status().ToString();
    EXPECT_EQ(answer->permitted_size(), id == std::string("open1") ? 1000 : 0) << id;
    EXPECT_EQ(asked, 1) << id;
    // Whoever is gone is not answered further, and the record names nothing as told.
    request.add_documents("open2");
    request.mutable_documents()->DeleteSubrange(1, 999);
    asked = 0;
    const auto stopped =
        Asked<v1::CheckAccessResponse>([&](auto done) { CheckAccess(context, request, done); });
    EXPECT_EQ(stopped.status().code(), StatusCode::kDeadlineExceeded) << id;
    EXPECT_EQ(scratch_.Records("CheckAccess").back().documents_size(), 0) << id;
  }
}

TEST_F(Answers, AWrongQuestionIsAnswered) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"k: 10001", "INVALID_ARGUMENT: k"},
      {"mode: 9", "INVALID_ARGUMENT: mode"},
      {"rank: 9", "INVALID_ARGUMENT: rank"},
      {"rank: RANK_LEXICAL", "INVALID_ARGUMENT: text"},
      {"rank: RANK_HYBRID", "INVALID_ARGUMENT: text"},
      {"vector: 1", "INVALID_ARGUMENT: vector"},
      {"scope { as: 'eve' }", "INVALID_ARGUMENT: as"},
      {"scope { as: 'group:hr' }", "INVALID_ARGUMENT: as"},
      {"scope { purpose: '" + std::string(1025, 'x') + "' }", "INVALID_ARGUMENT: purpose"},
      {"text: '" + std::string((64 << 10) + 1, 'x') + "'", "INVALID_ARGUMENT: text"},
      {"scope { destination: 'none' }", "PERMISSION_DENIED: destination"}};
  for (const auto& [change, expected] : table) {
    v1::RetrieveRequest request = Question(1);
    request.MergeFrom(FromText<v1::RetrieveRequest>(change));
    EXPECT_EQ(Outcome(Ask(request)), expected) << change.substr(0, 60);
  }
  v1::RetrieveRequest bare = Question(1);
  bare.clear_vector();
  EXPECT_EQ(Outcome(Ask(bare)), "INVALID_ARGUMENT: vector");
  bare.set_text("no embedder");
  EXPECT_EQ(Outcome(Ask(bare)), "INVALID_ARGUMENT: vector");
  v1::RetrieveRequest nan = Question(1);
  nan.set_vector(0, std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(Outcome(Ask(nan)), "INVALID_ARGUMENT: vector");
  EXPECT_EQ(Outcome(Get("")), "INVALID_ARGUMENT: document");
  EXPECT_EQ(Outcome(Get(std::string(513, 'x'))), "INVALID_ARGUMENT: document");
  EXPECT_EQ(Outcome(Check(std::vector<std::string>(1001, "a"))), "INVALID_ARGUMENT: documents");
  EXPECT_EQ(Outcome(Check({"a", ""})), "INVALID_ARGUMENT: documents[1]");
}

TEST_F(Answers, TwoNoncesAreOne) {
  v1::RetrieveRequest request = Question(1);
  EXPECT_EQ(Ask(request)->nonce(), "");
  request.set_want_nonce(true);
  const auto one = Ask(request), two = Ask(request);
  EXPECT_EQ(one->nonce().size(), 32u);
  EXPECT_NE(one->nonce(), two->nonce());
}

}  // namespace
}  // namespace cordon
