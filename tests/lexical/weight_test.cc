// Fears about long texts: that a segment of them grows without bound, and a write with it, or that
// one is lost where segments are parted.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/lexical/lexical_index.h"

namespace cordon {
namespace {

constexpr size_t kWeightMax = 20;

std::string TextOf(size_t words) {
  std::string text;
  for (size_t i = 0; i < words; ++i) text += "word" + std::to_string(i) + " ";
  return text;
}

uint32_t Weight(const std::string& text) { return WeightOf(CountTerms(Language::kNone, text)); }

TEST(LexicalWeight, ARowCountsAsMoreOrLessThanItsBytes) {
  EXPECT_EQ(Weight(""), 1u);
  EXPECT_EQ(Weight(TextOf(300)), 1u) << "an ordinary one";
  const size_t most = kLexicalRowBytes - sizeof(Posting);
  EXPECT_EQ(Weight(std::string(most, 'x')), 1u);
  EXPECT_EQ(Weight(std::string(most + 1, 'x')), 2u);
  EXPECT_GT(Weight(TextOf(9000)), kWeightMax);
}

class LongTexts : public testing::Test {
 protected:
  void Put(const std::map<uint32_t, size_t>& words_of) {
    std::map<uint32_t, TermCounts> terms;
    std::vector<LexicalChange> changes;
    for (const auto& [document, words] : words_of) {
      while (documents_.bound() <= document) documents_.Add(std::to_string(documents_.bound()));
      terms[document] = CountTerms(Language::kNone, TextOf(words));
      changes.emplace_back().document = document;
      changes.back().rows = {{0, document % 3, &terms[document]}};
      words_[document] = words;
    }
    index_ = index_.Apply(changes);
  }
  void Remove(uint32_t document) {
    LexicalChange change;
    change.document = document;
    change.kind = LexicalChange::Kind::kRemove;
    index_ = index_.Apply({&change, 1});
    words_.erase(document);
  }
  void ReclassAll(uint32_t class_id) {
    std::vector<LexicalChange> changes;
    for (const auto& [document, words] : words_) {
      changes.emplace_back().document = document;
      changes.back().kind = LexicalChange::Kind::kReclass;
      changes.back().rows = {{0, class_id, nullptr}};
    }
    index_ = index_.Apply(changes);
  }

  // That each segment has its weight and no more than it may have, and that the documents with a
  // certain word are those that should have it.
  void Check(const LexicalIndex& index) {
    for (const LexicalSegment& segment : index.segments()) {
      const LexicalRows& rows = segment.rows();
      EXPECT_TRUE(rows.weight() <= kWeightMax || rows.size() == 1) << rows.weight();
      uint64_t all = 0, live = 0;
      for (uint32_t row = 0; row < rows.size(); ++row) {
        all += rows.weight(row);
        if (segment.Dead(row)) continue;
        live += rows.weight(row);
        EXPECT_EQ(rows.weight(row), Weight(TextOf(words_.at(rows.document(row)))));
      }
      EXPECT_EQ(rows.weight(), all);
      EXPECT_EQ(segment.live_weight(), live);
    }
    EXPECT_EQ(index.rows(), words_.size());
    AllowedSet allowed{Bitmap(3), 0};
    for (uint32_t c = 0; c < 3; ++c) allowed.classes.Set(c);
    const auto found =
        index.Search(allowed, documents_, ParseTextQuery(Language::kNone, "word1500"), 1000, {});
    EXPECT_EQ(found->hits.size(), static_cast<size_t>(std::count_if(
                                      words_.begin(), words_.end(),
                                      [](const auto& entry) { return entry.second > 1500; })));
  }

  std::map<uint32_t, size_t> words_;  // of the text of each document
  DocumentNumbers documents_;
  LexicalIndex index_{Language::kNone, {}, kWeightMax};
};

TEST_F(LongTexts, MakeASegmentThatIsTooHeavy) {
  Random random(1);
  for (int write = 0; write < 60 && !HasFailure(); ++write) {
    std::map<uint32_t, size_t> some;
    for (uint64_t n = 1 + random.Below(6); n > 0; --n) {
      const auto document = static_cast<uint32_t>(random.Below(80));
      some[document] = random.OneIn(20) ? 9000 : random.OneIn(2) ? random.Below(3000) : 20;
    }
    Put(some);
    if (random.OneIn(3)) Remove(words_.begin()->first);
    if (random.OneIn(5)) ReclassAll(static_cast<uint32_t>(random.Below(3)));
    Check(index_);
  }
  size_t parted = 0;
  for (const LexicalSegment& segment : index_.segments()) parted += segment.rows().size() > 1;
  EXPECT_GT(parted, 1u) << "the test shows nothing: nothing was merged";
}

TEST_F(LongTexts, MakeASegmentThatIsTooHeavyAtAStart) {
  Random random(2);
  std::map<uint32_t, size_t> some;
  for (uint32_t document = 0; document < 60; ++document) some[document] = random.Below(3000);
  some[60] = 9000;
  Put(some);
  LexicalIndexBuilder builder(LexicalIndex(Language::kNone, {}, kWeightMax));
  for (const auto& [document, words] : words_) {
    builder.Add({document, 0, document % 3, kAlways, kNever, TextOf(words)});
  }
  Check(index_);
  Check(builder.Finish());
}

}  // namespace
}  // namespace cordon
