// Fears: a document that gets another class is found by its words as before, or no longer; vectors
// in a space that is not searched are searched, or do not follow what becomes of their documents.
#include "engine/view/collection_index.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace cordon {
namespace {

constexpr size_t kClasses = 3;

class NewClass : public testing::TestWithParam<bool> {  // whether texts are read
 protected:
  NewClass() { Apply({Put("a", 0, "salary table"), Put("b", 1, "open table"), Put("c", 0, "")}); }

  RowChange Put(const std::string& id, ClassId class_id, std::string_view text) const {
    return {id, RowChange::kReplace, true, kAlways, kNever, {{3, class_id, vector_, text}}};
  }
  static RowChange Reclass(const std::string& id, ClassId class_id, std::string_view text) {
    RowChange change{id, RowChange::kReclass, true, kAlways, kNever, {{3, class_id, nullptr, {}}}};
    if (!GetParam()) return change;
    change.texts = {std::string(text)};
    change.rows[0].text = change.texts[0];
    return change;
  }
  void Apply(std::vector<RowChange> changes) {
    for (RowChange& change : changes) {  // they may have moved since
      if (!change.texts.empty()) change.rows[0].text = change.texts[0];
    }
    index_ = ApplyRows(index_, changes);
  }

  // The documents with a word that one may see who has this class alone, by their ids.
  std::string Found(ClassId class_id, std::string_view word) const {
    AllowedSet allowed{Bitmap(kClasses), 0};
    allowed.classes.Set(class_id);
    const auto result = index_.lexical.Search(allowed, index_.documents,
                                              ParseTextQuery(Language::kNone, word), 10, {});
    std::string ids;
    for (const auto& hit : result->hits) ids += index_.documents.id(hit.document);
    return ids;
  }

  static v1::CollectionConfig Config() {
    v1::CollectionConfig config;
    config.set_dimension(2);
    config.set_language("none");
    return config;
  }

  const float vector_[2] = {1, 0};
  CollectionIndex index_ = EmptyIndex(Config());
};

TEST_P(NewClass, WordsAreLost) {
  Apply({Reclass("a", 2, "salary table"), Reclass("c", 2, "")});
  EXPECT_EQ(Found(0, "salary"), "");
  EXPECT_EQ(Found(2, "salary"), "a");
  EXPECT_EQ(Found(2, "table"), "a");
  EXPECT_EQ(Found(1, "table"), "b");
  EXPECT_EQ(index_.lexical.rows(), 3u);
  EXPECT_EQ(index_.vectors.rows(), 3u);
}

TEST_P(NewClass, OneAfterTheOtherCounts) {
  Apply({Reclass("a", 2, "salary table"), Reclass("b", 0, "open table"),
         Reclass("a", 1, "salary table")});
  EXPECT_EQ(Found(2, "table"), "");
  EXPECT_EQ(Found(1, "table"), "a");
  EXPECT_EQ(Found(0, "table"), "b");
  Apply({Put("a", 1, "another"), Reclass("a", 2, "another")});
  EXPECT_EQ(Found(1, "table"), "");
  EXPECT_EQ(Found(1, "another"), "");
  EXPECT_EQ(Found(2, "another"), "a");
}

TEST_P(NewClass, WhatWasErasedComesBack) {
  RowChange erase{"a", RowChange::kErase, true, kAlways, kNever, {}};
  Apply({Reclass("a", 2, "salary table"), erase});
  for (ClassId id = 0; id < kClasses; ++id) EXPECT_EQ(Found(id, "salary"), "") << id;
  EXPECT_EQ(index_.lexical.rows(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Texts, NewClass, testing::Bool());

class SecondSpace : public testing::Test {
 protected:
  SecondSpace() {
    collection_.config.set_dimension(2);
    collection_.config.set_language("none");
    Follow();
    Apply({Change(RowChange::kReplace, "a"), Change(RowChange::kReplace, "b")});
    collection_.other = OtherSpace{kOther, {}};
    collection_.other->space.set_dimension(3);
    Follow();
  }

  std::vector<uint32_t> Follow() {
    return FollowSpaces({{"docs", std::make_shared<const Collection>(collection_)}}, &indexes_);
  }
  RowChange Change(RowChange::Kind kind, const std::string& id, ClassId class_id = 0) const {
    RowChange change{id, kind, true, kAlways, kNever, {}};
    if (kind == RowChange::kReplace) change.rows = {{3, class_id, vector_, "word"}};
    if (kind == RowChange::kEmbed) change.rows = {{3, class_id, other_, {}}};
    if (kind == RowChange::kReclass) change.rows = {{3, class_id, nullptr, {}}};
    return change;
  }
  void Apply(const std::vector<RowChange>& changes) {
    ApplyRows(collection_, changes, {}, &indexes_);
  }
  const CollectionIndex& searched() const { return indexes_.at(collection_.space); }
  const CollectionIndex& other() const { return indexes_.at(collection_.other->number); }
  // The documents that one finds by a vector who has this class alone.
  std::string Found(const CollectionIndex& index, ClassId class_id = 0) const {
    AllowedSet allowed{Bitmap(kClasses), 0};
    allowed.classes.Set(class_id);
    SearchOptions options;
    options.k = 10;
    const auto hits = index.vectors.Search(
        allowed, {other_, static_cast<size_t>(index.vectors.dimension())}, options);
    EXPECT_TRUE(hits.ok()) << hits.status().ToString();
    std::string ids;
    for (const auto& hit : *hits) ids += hit.document;
    return ids;
  }

  static constexpr uint32_t kOther = 77;
  const float vector_[2] = {1, 0};
  const float other_[3] = {1, 2, 3};
  Collection collection_{7, {}};
  Indexes indexes_;
};

TEST_F(SecondSpace, ItsVectorsAreSearched) {
  EXPECT_EQ(Found(other()), "");
  Apply({Change(RowChange::kEmbed, "b")});
  EXPECT_EQ(Found(other()), "b");
  EXPECT_EQ(searched().vectors.rows(), 2u);
  EXPECT_EQ(searched().lexical.rows(), 2u);
  EXPECT_EQ(other().lexical.rows(), 0u);
}

TEST_F(SecondSpace, ARevocationLeavesThemInTheirClass) {
  Apply({Change(RowChange::kEmbed, "a"), Change(RowChange::kEmbed, "b")});
  RowChange both = Change(RowChange::kReclass, "a", 2);
  both.in_other = true;
  Apply({both});
  EXPECT_EQ(Found(other(), 0), "b");
  EXPECT_EQ(Found(other(), 2), "a");
}

TEST_F(SecondSpace, ADocumentWithoutThemIsTakenForOneThatHasThem) {
  Apply({Change(RowChange::kReclass, "a", 2)});
  EXPECT_EQ(Found(searched(), 2), "a");
  EXPECT_EQ(Found(other(), 2), "");
}

TEST_F(SecondSpace, WhatIsWrittenAnewDeletedOrErasedStays) {
  for (const RowChange::Kind kind : {RowChange::kReplace, RowChange::kRemove, RowChange::kErase}) {
    Apply({Change(RowChange::kReplace, "a"), Change(RowChange::kReplace, "b")});
    Apply({Change(RowChange::kEmbed, "a"), Change(RowChange::kEmbed, "b")});
    EXPECT_EQ(other().vectors.rows(), 2u);
    Apply({Change(kind, "a")});
    EXPECT_EQ(Found(other()), "b") << kind;
  }
}

TEST_F(SecondSpace, ASwitchLosesWordsOrNumbers) {
  Apply({Change(RowChange::kEmbed, "a"), Change(RowChange::kEmbed, "b")});
  const Collection before = collection_;
  collection_.space = kOther;
  collection_.other->number = before.space;
  collection_.other->space.set_dimension(2);
  collection_.config.set_dimension(3);
  EXPECT_TRUE(Follow().empty());
  SwitchIndexes(before, collection_, &indexes_);
  EXPECT_EQ(searched().vectors.dimension(), 3u);
  EXPECT_EQ(searched().lexical.rows(), 2u);
  EXPECT_EQ(other().lexical.rows(), 0u);
  EXPECT_EQ(Found(searched()).size(), 2u);
  collection_.other.reset();
  EXPECT_EQ(Follow(), std::vector<uint32_t>{7});
  EXPECT_EQ(indexes_.size(), 1u);
}

}  // namespace
}  // namespace cordon
