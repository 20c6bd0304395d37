// Fears about an erasure: that words of the document stay in a segment, among dead rows.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/lexical/lexical_index.h"

namespace cordon {
namespace {

class LexicalErasure : public testing::Test {
 protected:
  // One segment: nine documents, and the tenth, which has a word of its own.
  void PutTen() {
    std::vector<TermCounts> terms;
    for (int i = 0; i < 9; ++i) terms.push_back(CountTerms(Language::kNone, "common"));
    terms.push_back(CountTerms(Language::kNone, "salary"));
    std::vector<LexicalChange> changes(terms.size());
    for (uint32_t i = 0; i < changes.size(); ++i) {
      changes[i].document = i;
      changes[i].rows = {{0, 0, &terms[i]}};
    }
    index_ = index_.Apply(changes);
    ASSERT_TRUE(Holds("salary"));
  }
  void Go(uint32_t document, LexicalChange::Kind kind, bool renumbered = false) {
    LexicalChange change;
    change.document = document;
    change.kind = kind;
    change.renumbered = renumbered;
    if (kind == LexicalChange::Kind::kReclass) change.rows = {{0, 1, nullptr}};
    index_ = index_.Apply({&change, 1});
  }
  bool Holds(std::string_view word) const {
    bool found = false;
    for (const LexicalSegment& segment : index_.segments()) {
      segment.rows().ForEachTerm(
          [&](std::string_view text, uint32_t, auto) { found = found || text == word; });
    }
    return found;
  }

  LexicalIndex index_{Language::kNone};
};

TEST_F(LexicalErasure, AWordOfAnErasedDocumentStaysInMemory) {
  PutTen();
  const LexicalIndex before = index_;
  Go(9, LexicalChange::Kind::kRemove);
  EXPECT_TRUE(Holds("salary")) << "the test shows nothing: the dead row is gone already";
  index_ = before;
  Go(9, LexicalChange::Kind::kErase);
  EXPECT_FALSE(Holds("salary"));
  EXPECT_TRUE(Holds("common"));
  EXPECT_EQ(index_.rows(), 9u);
}

TEST_F(LexicalErasure, AWordStaysInTheSegmentThatItsDocumentHasLeft) {
  PutTen();
  Go(9, LexicalChange::Kind::kReclass);
  ASSERT_EQ(index_.segments().size(), 2u) << "the test shows nothing: it did not leave";
  EXPECT_EQ(index_.rows(), 10u);
  Go(9, LexicalChange::Kind::kErase);
  EXPECT_FALSE(Holds("salary"));
  EXPECT_EQ(index_.rows(), 9u);
}

TEST_F(LexicalErasure, AWordOfAVersionUnderAnotherNumberStays) {
  PutTen();
  Go(9, LexicalChange::Kind::kRemove);
  ASSERT_TRUE(Holds("salary")) << "the test shows nothing: the dead row is gone already";
  Go(10, LexicalChange::Kind::kErase);
  ASSERT_TRUE(Holds("salary")) << "so does this part of it";
  Go(10, LexicalChange::Kind::kErase, /*renumbered=*/true);
  EXPECT_FALSE(Holds("salary"));
  EXPECT_EQ(index_.rows(), 9u);
}

TEST_F(LexicalErasure, AWordOfAVersionOfNoKnownDocumentStays) {
  PutTen();
  Go(9, LexicalChange::Kind::kRemove);
  ASSERT_TRUE(Holds("salary")) << "the test shows nothing: the dead row is gone already";
  Go(0, LexicalChange::Kind::kSweep);
  EXPECT_FALSE(Holds("salary"));
  EXPECT_EQ(index_.rows(), 9u) << "document 0 went with it";
}

TEST_F(LexicalErasure, AWordThatDiesInTheBatchOfASweepStays) {
  PutTen();
  std::vector<LexicalChange> changes(2);
  changes[0].document = 9;
  changes[0].kind = LexicalChange::Kind::kRemove;
  changes[1].kind = LexicalChange::Kind::kSweep;
  index_ = index_.Apply(changes);
  EXPECT_FALSE(Holds("salary"));
  EXPECT_EQ(index_.rows(), 9u) << "document 0 went with it";
}

}  // namespace
}  // namespace cordon
