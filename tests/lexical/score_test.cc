// Fears about the score of a text by itself: that it is another than the index finds, or that a
// text has one which the question does not find.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/lexical/lexical_index.h"

namespace cordon {
namespace {

class Scores : public testing::Test {
 protected:
  void SetUp() override {
    std::vector<TermCounts> terms;
    terms.reserve(texts_.size());
    std::vector<LexicalChange> changes;
    for (const std::string& text : texts_) {
      terms.push_back(CountTerms(Language::kEnglish, text));
      changes.emplace_back().document = documents_.Add(std::to_string(changes.size() - 1));
      changes.back().rows = {{0, 0, &terms.back()}};
    }
    index_ = index_.Apply(changes);
  }
  LexicalSearch::Result Find(const std::string& question) const {
    AllowedSet allowed{Bitmap(1), 0};
    allowed.classes.Set(0);
    auto found =
        index_.Search(allowed, documents_, ParseTextQuery(Language::kEnglish, question), 10, {});
    CORDON_CHECK(found.ok());
    return *std::move(found);
  }

  const std::vector<std::string> texts_ = {"an apple a day", "a pear and an apple, apple",
                                           "the plum", "apple wal_level plum", ""};
  DocumentNumbers documents_;
  LexicalIndex index_{Language::kEnglish};
};

TEST_F(Scores, OfATextAndOfItsRowDiffer) {
  for (const char* question : {"apples", "plum apple", "wal_level", "the", "zebra apple apple"}) {
    const auto found = Find(question);
    EXPECT_FALSE(found.hits.empty()) << question;
    std::vector<std::optional<double>> expected(texts_.size());
    for (const LexicalHit& hit : found.hits) expected[hit.document] = hit.score;
    for (size_t i = 0; i < texts_.size(); ++i) {
      EXPECT_EQ(found.scorer.Score(Language::kEnglish, texts_[i]), expected[i]) << question << i;
    }
  }
}

TEST_F(Scores, OfATextWithoutThePhrase) {
  const TextScorer scorer = Find("pear \"apple day\"").scorer;
  EXPECT_EQ(scorer.Score(Language::kEnglish, "a pear"), std::nullopt);
  EXPECT_EQ(scorer.Score(Language::kEnglish, "a pear a day keeps the apple"), std::nullopt);
  EXPECT_NE(scorer.Score(Language::kEnglish, "an apple day"), std::nullopt);
  EXPECT_EQ(scorer.Score(Language::kEnglish, "an apples' day"), std::nullopt);
  EXPECT_EQ(scorer.Score(Language::kEnglish, ""), std::nullopt);
}

}  // namespace
}  // namespace cordon
