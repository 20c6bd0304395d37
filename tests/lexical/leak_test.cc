// The published leak: whoever may read one document learns from its scores which words stand in
// documents that he may not read, because a rarer word weighs more (Büttcher and Clarke, "A
// Security Model for Full-Text File System Search in Multi-User Environments", FAST 2005). Here it
// works against a BM25 that counts all rows, as search engines do, and not against ours.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/random.h"
#include "engine/lexical/lexical_index.h"
#include "tests/security/reference_bm25.h"

namespace cordon {
namespace {

constexpr uint32_t kOpen = 0, kSecret = 1;  // classes
constexpr size_t kGuesses = 50;

// One word of a list of guesses stands in secret documents; which one is the secret. The attacker's
// own document holds all guesses, once each.
struct Target {
  std::vector<std::string> open, secret;
  size_t word;
};

Target MakeTarget(Random* random) {
  Target target;
  target.word = random->Below(kGuesses);
  std::string own;
  for (size_t i = 0; i < kGuesses; ++i) own += "guess" + std::to_string(i) + " ";
  target.open = {own, "an open text", "another one"};
  for (int i = 0; i < 5; ++i) {
    target.secret.push_back("we merge with guess" + std::to_string(target.word) + " soon");
  }
  return target;
}

// What a user who may see the open documents is told of his own one.
class Searcher {
 public:
  virtual ~Searcher() = default;
  virtual double ScoreOfOwn(const std::string& question) const = 0;
};

// Filters what comes out, and counts everything.
class Naive : public Searcher {
 public:
  explicit Naive(const Target& target) : texts_(target.open) {
    texts_.insert(texts_.end(), target.secret.begin(), target.secret.end());
  }
  double ScoreOfOwn(const std::string& question) const override {
    return reference::Bm25(texts_, question)[0].value_or(0);
  }

 private:
  std::vector<std::string> texts_;
};

class Entitled : public Searcher {
 public:
  explicit Entitled(const Target& target) {
    std::deque<TermCounts> terms;
    std::vector<LexicalChange> changes;
    const auto add = [&](const std::string& text, uint32_t class_id) {
      terms.push_back(CountTerms(Language::kEnglish, text));
      const uint32_t number = documents_.Add("d" + std::to_string(changes.size()));
      changes.emplace_back().document = number;
      changes.back().rows.push_back({0, class_id, &terms.back()});
    };
    for (const auto& text : target.open) add(text, kOpen);
    for (const auto& text : target.secret) add(text, kSecret);
    index_ = index_.Apply(changes);
  }
  // All that he is told: documents and scores, best first.
  std::vector<std::pair<std::string, double>> Answer(const std::string& question) const {
    AllowedSet allowed{Bitmap(2), 0};
    allowed.classes.Set(kOpen);
    const auto result =
        index_.Search(allowed, documents_, ParseTextQuery(Language::kEnglish, question), 10, {});
    std::vector<std::pair<std::string, double>> told;
    for (const auto& hit : result->hits) told.emplace_back(documents_.id(hit.document), hit.score);
    return told;
  }
  double ScoreOfOwn(const std::string& question) const override {
    for (const auto& [document, score] : Answer(question)) {
      if (document == "d0") return score;
    }
    return 0;
  }

 private:
  DocumentNumbers documents_;
  LexicalIndex index_{Language::kEnglish};
};

// An index that has never held a secret.
Entitled Innocent(Target target) {
  target.secret.clear();
  return Entitled(target);
}

// The guess with the lowest score is the one that stands elsewhere too; none if all score alike.
std::optional<size_t> Attack(const Searcher& searcher) {
  std::optional<size_t> lowest;
  double least = 0, greatest = 0;
  for (size_t i = 0; i < kGuesses; ++i) {
    const double score = searcher.ScoreOfOwn("guess" + std::to_string(i));
    if (!lowest || score < least) {
      lowest = i;
      least = score;
    }
    greatest = std::max(greatest, score);
  }
  return least < greatest ? lowest : std::nullopt;
}

TEST(DocumentFrequency, ToldByScores) {
  Random random(7);
  for (int i = 0; i < 50; ++i) {
    const Target target = MakeTarget(&random);
    EXPECT_EQ(Attack(Naive(target)), target.word) << "the attack itself does not work";
    const Entitled entitled(target), innocent = Innocent(target);
    EXPECT_EQ(Attack(entitled), std::nullopt);
    for (size_t guess = 0; guess < kGuesses; ++guess) {
      const std::string question = "guess" + std::to_string(guess) + " open merge";
      ASSERT_EQ(entitled.Answer(question), innocent.Answer(question));
    }
  }
}

TEST(MeanLength, ToldByScores) {
  Random random(8);
  Target target = MakeTarget(&random);
  const double naive = Naive(target).ScoreOfOwn("guess1");
  const double entitled = Entitled(target).ScoreOfOwn("guess1");
  for (auto& text : target.secret) text += std::string(1000, 'x') + " and many more words of it";
  EXPECT_NE(Naive(target).ScoreOfOwn("guess1"), naive) << "the attack itself does not work";
  EXPECT_EQ(Entitled(target).ScoreOfOwn("guess1"), entitled);
  EXPECT_EQ(Entitled(target).Answer("guess1 text"), Innocent(target).Answer("guess1 text"));
}

}  // namespace
}  // namespace cordon
