// Fears: a document that gets another class is found by its words as before, or no longer.
#include "engine/view/collection_index.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace cordon
