// Rankings by text and by both, and filters: that an index which is wrong is believed, or that
// something hidden shows in a score.
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "tests/retrieve/library.h"

namespace cordon {
namespace {

constexpr char kShelf[] =
    "create_collection { name: 'docs' dimension: 2 metric: METRIC_INNER_PRODUCT "
    "embedder: EMBEDDER_NONE attributes { name: 'year' type: ATTRIBUTE_TYPE_INT } "
    "attributes { name: 'case' type: ATTRIBUTE_TYPE_INT label { level: 'restricted' } } }";

std::string Written(const std::string& id, const std::string& who, int score,
                    const std::string& text, int year) {
  return "ingest { collection: 'docs' documents { id: '" + id + "' acl { allow { principal: '" +
         who + "' } } label { level: 'public' } attributes { key: 'year' value { int_value: " +
         std::to_string(year) + " } } chunks { text: '" + text +
         "' embedding: " + std::to_string(score) + " embedding: 0 } } }";
}

class Shelf : public testing::Test {
 protected:
  void SetUp() override {
    scratch_.Do(Written("apple", "everyone", 3, "an apple a day", 2020));
    scratch_.Do(Written("pear", "everyone", 2, "a pear and an apple, apple", 2021));
    scratch_.Do(Written("plum", "everyone", 1, "the plum has no other fruit beside it", 2022));
    scratch_.Do(Written("secret", "user:ana", 9, "apple apple apple plum zebra", 2023));
  }

  static v1::RetrieveRequest Question(const std::string& text, v1::Rank rank,
                                      const std::string& more = "") {
    auto request = FromText<v1::RetrieveRequest>(more);
    request.set_collection("docs");
    if (request.scope().as().empty()) request.mutable_scope()->set_as("user:eve");
    request.set_rank(rank);
    request.set_text(text);
    if (rank != v1::RANK_LEXICAL) {
      request.add_vector(1);
      request.add_vector(0);
    }
    return request;
  }
  StatusOr<v1::RetrieveResponse> Ask(const v1::RetrieveRequest& request) {
    return Asked<v1::RetrieveResponse>(
        [&](auto done) { Retrieve(scratch_.Read(AllOf()), request, done); });
  }
  static std::string Names(const StatusOr<v1::RetrieveResponse>& answer) {
    if (!answer.ok()) return Outcome(answer);
    std::string text;
    for (const auto& passage : answer->passages()) text += " " + passage.document();
    return text.substr(text.empty() ? 0 : 1);
  }
  std::string Lexical(const std::string& text, const std::string& more = "") {
    return Names(Ask(Question(text, v1::RANK_LEXICAL, more)));
  }
  std::string Hybrid(const std::string& text, const std::string& more = "") {
    return Names(Ask(Question(text, v1::RANK_HYBRID, more)));
  }

  // Publishes an index in which the document has this text, in the class of another.
  void Plant(const std::string& document, const std::string& text, const std::string& like) {
    CollectionIndex& index = scratch_.indexes.at(1);
    const TermCounts terms = CountTerms(Language::kEnglish, text);
    LexicalChange change;
    change.document = index.documents.Add(document);
    change.rows.push_back({0, scratch_.store.Document(like).chunks(0).class_id(), &terms});
    index.lexical = index.lexical.Apply({&change, 1});
    scratch_.Publish();
  }

  ScratchTenant scratch_{{kShelf, kLibraryPolicy}};
};

TEST_F(Shelf, IsFoundByMoreThanItsWords) {
  EXPECT_EQ(Lexical("apples"), "pear apple");
  EXPECT_EQ(Lexical("plum apple"), "plum pear apple");
  EXPECT_EQ(Lexical("zebra"), "");
  EXPECT_EQ(Lexical("zebra", "scope { as: 'user:ana' }"), "secret");
  EXPECT_EQ(Lexical("\"an apple\""), "pear apple");
  EXPECT_EQ(Lexical("\"apple, apple!\""), "pear");
  EXPECT_EQ(Lexical("\"apple zebra\"", "scope { as: 'user:ana' }"), "");
  EXPECT_EQ(Lexical("apple", "k: 1"), "pear");
  EXPECT_EQ(Lexical("…"), "");
  EXPECT_EQ(Lexical("the"), "plum");  // nothing but a stop word
}

// At kQueryTerms and beyond.
TEST_F(Shelf, AQuestionOfTooManyWordsIsCut) {
  std::string text = "apple ";
  for (size_t i = 1; i < limits::kQueryTerms; ++i) text += "w" + std::to_string(i) + " ";
  EXPECT_EQ(Lexical(text), "pear apple");
  text += "plum";
  EXPECT_EQ(Lexical(text), "INVALID_ARGUMENT: text");
  EXPECT_EQ(Hybrid(text), "INVALID_ARGUMENT: text");
  EXPECT_EQ(Names(Ask(Question(text, v1::RANK_VECTOR))), "apple pear plum");
}

TEST_F(Shelf, ScoresDependOnWhatIsHidden) {
  const auto before = Ask(Question("plum apple zebra", v1::RANK_HYBRID));
  for (int i = 0; i < 20; ++i) {
    scratch_.Do(Written("x" + std::to_string(i), "user:ana", 5, "apple zebra zebra", 2000));
  }
  const auto after = Ask(Question("plum apple zebra", v1::RANK_HYBRID));
  ASSERT_EQ(before->passages_size(), 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(before->passages(i).SerializeAsString(), after->passages(i).SerializeAsString());
  }
}

constexpr char kByRanks[] = "fusion { method: FUSION_METHOD_RECIPROCAL_RANK } ";

TEST_F(Shelf, HybridTellsWhatItIsNotMadeOf) {
  const auto answer = Ask(Question("plum", v1::RANK_HYBRID, kByRanks));
  ASSERT_EQ(Names(answer), "plum apple pear");
  const auto& plum = answer->passages(0);
  EXPECT_EQ(plum.vector_rank(), 3u);
  EXPECT_EQ(plum.lexical_rank(), 1u);
  EXPECT_EQ(plum.vector_score(), 1);
  EXPECT_GT(plum.lexical_score(), 0);
  EXPECT_EQ(plum.score(), 1 / 63.0 + 1 / 61.0);
  EXPECT_FALSE(answer->passages(1).has_lexical_rank());
  EXPECT_EQ(answer->passages(1).lexical_score(), 0);
  const auto lexical = Ask(Question("plum", v1::RANK_LEXICAL));
  EXPECT_EQ(lexical->passages(0).score(), plum.lexical_score());
  EXPECT_FALSE(lexical->passages(0).has_vector_score());
}

TEST_F(Shelf, WeightsAndDepthCountForNothing) {
  EXPECT_EQ(Hybrid("plum", "fusion { lexical_weight: 0 }"), "apple pear plum");
  EXPECT_EQ(Hybrid("plum", "fusion { vector_weight: 0 }"), "plum apple pear");
  const std::string weighted = "fusion { method: FUSION_METHOD_WEIGHTED_SCORE ";
  EXPECT_EQ(Hybrid("plum", weighted + "}"), "apple plum pear");  // 1 each: by id
  EXPECT_EQ(Hybrid("plum", weighted + "lexical_weight: 2 }"), "plum apple pear");
  EXPECT_EQ(Hybrid("plum", "k: 1 fusion { depth: 1 }"), "apple");
  EXPECT_EQ(Hybrid("plum", kByRanks + std::string("min_score: 0.02")), "plum");
  EXPECT_EQ(Hybrid("\"no other\"", kByRanks + std::string("min_score: 0.02")), "plum");
}

// Who is among the best by both may be behind the best k of one.
TEST_F(Shelf, AFusedAnswerLooksNoDeeperThanItIsLong) {
  for (int i = 0; i < 70; ++i) {
    scratch_.Do(Written("v" + std::to_string(i), "everyone", 1000 - i, "of another thing", 2000));
  }
  const auto ranked = [&](uint32_t k) {
    auto request = Question("plum", v1::RANK_HYBRID, kByRanks);
    request.set_k(k);
    const auto answer = Ask(request);
    for (const auto& passage : answer->passages()) {
      if (passage.document() == "plum") return passage.vector_rank();
    }
    return UINT32_MAX;
  };
  EXPECT_EQ(ranked(10), 0u);  // 50 of each
  EXPECT_EQ(ranked(36), 0u);  // 72
  EXPECT_EQ(ranked(37), 73u);
}

// Of each ranking the parts of its best, whatever is not asked for.
TEST_F(Shelf, APoorRankingDrownsAGoodOne) {
  const auto scores = [&](const std::string& more) {
    const auto answer = Ask(Question("plum", v1::RANK_HYBRID, more));
    std::map<std::string, double> found;
    for (const auto& passage : answer->passages()) found[passage.document()] = passage.score();
    return found;
  };
  // Inner products 3, 2 and 1, of which 1 is the least; of the words only plum has any.
  const std::map<std::string, double> both = {{"apple", 1}, {"pear", 0.5}, {"plum", 1}};
  EXPECT_EQ(scores(""), both);
  EXPECT_EQ(scores("fusion { method: FUSION_METHOD_RELATIVE_SCORE }"), both);
  // Where a ranking goes on, what is beyond it counts as its last.
  EXPECT_EQ(scores("k: 1 fusion { depth: 1 }"), (std::map<std::string, double>{{"apple", 2}}));
  EXPECT_EQ(Hybrid("plum", "fusion { lexical_weight: 3 }"), "plum apple pear");
}

TEST_F(Shelf, FiltersWorkAfterwardsOrWiden) {
  const std::string of_2021 = "filter { condition { attribute: 'year' eq { int_value: 2021 } } } ";
  const std::string of_2023 =
      "filter { condition { attribute: 'year' range { gte { int_value: 2023 } } } } ";
  EXPECT_EQ(Lexical("apple", of_2021), "pear");
  EXPECT_EQ(Hybrid("apple", of_2021), "pear");
  EXPECT_EQ(Names(Ask(Question("", v1::RANK_VECTOR, of_2021 + "k: 1"))), "pear");
  EXPECT_EQ(Lexical("apple", of_2023), "");
  EXPECT_EQ(Lexical("apple", of_2023 + "scope { as: 'user:ana' }"), "secret");
  const std::string hidden = "filter { condition { attribute: 'case' exists: false } }";
  const std::string absent = "filter { condition { attribute: 'cage' exists: false } }";
  EXPECT_EQ(Ask(Question("apple", v1::RANK_LEXICAL, hidden)).status().ToString(),
            Ask(Question("apple", v1::RANK_LEXICAL, absent)).status().ToString());
  EXPECT_EQ(Lexical("apple", hidden), "INVALID_ARGUMENT: filter.attr");
}

TEST_F(Shelf, ASecretRowInAnOpenClassLeavesByItsText) {
  Plant("secret", "apple apple zebra", "apple");
  EXPECT_EQ(Lexical("zebra"), "");
  EXPECT_EQ(Lexical("apple", "k: 2"), "pear apple");
  EXPECT_EQ(Hybrid("zebra"), "apple pear plum");
}

TEST_F(Shelf, AWrongPostingIsBelieved) {
  Plant("plum", "zebra zebra", "plum");
  EXPECT_EQ(Lexical("zebra"), "");
  EXPECT_EQ(Hybrid("zebra"), "apple pear");  // what an index tells wrong does not leave by another
  Plant("ghost", "zebra", "plum");
  EXPECT_EQ(Lexical("zebra"), "");
  EXPECT_EQ(Lexical("apple"), "pear apple");
}

TEST_F(Shelf, AWrongColumnIsBelieved) {
  CollectionIndex& index = scratch_.indexes.at(1);
  v1::Document document;
  (*document.mutable_attributes())["year"].set_int_value(2021);
  index.columns.Set(*index.documents.Find("apple"), document.attributes());
  scratch_.Publish();
  EXPECT_EQ(Lexical("apple", "filter { condition { attribute: 'year' eq { int_value: 2021 } } }"),
            "pear");
}

TEST_F(Shelf, AWrongQuestionIsAnswered) {
  EXPECT_EQ(Lexical(""), "INVALID_ARGUMENT: text");
  EXPECT_EQ(Hybrid(""), "INVALID_ARGUMENT: text");
  auto no_vector = Question("apple", v1::RANK_HYBRID);
  no_vector.clear_vector();
  EXPECT_EQ(Names(Ask(no_vector)), "INVALID_ARGUMENT: vector");
  EXPECT_EQ(Lexical("apple", "vector: 1"), "INVALID_ARGUMENT: vector");
  EXPECT_EQ(Lexical("apple", "fusion {}"), "INVALID_ARGUMENT: fusion");
  EXPECT_EQ(Lexical("apple", "min_score: nan"), "INVALID_ARGUMENT: min_score");
  EXPECT_EQ(Lexical("apple", "filter {}"), "INVALID_ARGUMENT: filter");
  EXPECT_EQ(Hybrid("apple", "fusion { method: 7 }"), "INVALID_ARGUMENT: fusion.method");
  EXPECT_EQ(Hybrid("apple", "fusion { depth: 9 }"), "INVALID_ARGUMENT: fusion.depth");
  EXPECT_EQ(Hybrid("apple", "fusion { depth: 10001 }"), "INVALID_ARGUMENT: fusion.depth");
  EXPECT_EQ(Hybrid("apple", "fusion { vector_weight: -1 }"),
            "INVALID_ARGUMENT: fusion.weights.vector");
  EXPECT_EQ(Hybrid("apple", "fusion { vector_weight: 0 lexical_weight: 0 }"),
            "INVALID_ARGUMENT: fusion.weights");
}

}  // namespace
}  // namespace cordon
