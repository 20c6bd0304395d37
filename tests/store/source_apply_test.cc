// A listing's mutation on a store that has moved on: what another wrote since is not undone, and an
// old description, its end included, leaves nothing behind.
#include <gtest/gtest.h>

#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

class SourceApply : public testing::Test {
 protected:
  void SetUp() override {
    store_.Do(kDocs);
    store_.Do(IngestOf("a", "allow { principal: 'user:ana' }", "level: 'internal'", ""));
  }

  static std::string Redescribed(uint64_t number, const std::string& document) {
    return "source { written { collection: 'docs' } redescribed { number: " +
           std::to_string(number) + " document { " + document + " } } }";
  }
  static std::string Removed(uint64_t number) {
    return "source { written { collection: 'docs' } removed: " + std::to_string(number) + " }";
  }
  size_t DueRows() {
    size_t rows = 0;
    EXPECT_TRUE(store_.database()
                    .Scan(Family::kDue, TenantPrefix(1),
                          [&](auto, auto) {
                            ++rows;
                            return OkStatus();
                          })
                    .ok());
    return rows;
  }

  const std::string other_ =
      "id: 'a' title: 'T' acl { allow { principal: 'user:bo' } } label { level: 'public' } ";
  ScratchStore store_;
};

TEST_F(SourceApply, ADescriptionReplacesTheContent) {
  const auto before = store_.Document("a");
  const auto applied =
      store_.Do(Redescribed(before.number(), other_ + "erase_after { seconds: 99 }"));
  const auto after = store_.Document("a");
  EXPECT_EQ(after.number(), before.number());
  EXPECT_EQ(after.document().title(), "T");
  EXPECT_EQ(after.document().acl().allow(0).principal(), "user:bo");
  EXPECT_EQ(after.chunks_size(), before.chunks_size());
  EXPECT_EQ(store_.state().FindCollection("docs")->chunks, 1u);
  ASSERT_EQ(applied.rows.size(), 1u);
  EXPECT_EQ(applied.rows[0].kind, RowChange::kReclass);
  EXPECT_EQ(DueRows(), 1u);
  store_.Do(Redescribed(before.number(), other_));
  EXPECT_EQ(DueRows(), 0u);
}

TEST_F(SourceApply, WhatWasWrittenAnewIsRedescribedOrRemoved) {
  const uint64_t number = store_.Document("a").number();
  store_.Do(IngestOf("a", "allow { principal: 'user:eve' }", "level: 'internal'", ""));
  const auto redescribed = store_.Do(Redescribed(number, other_));
  EXPECT_TRUE(redescribed.rows.empty());
  EXPECT_EQ(redescribed.documents.size(), 0u);
  EXPECT_EQ(store_.Document("a").document().acl().allow(0).principal(), "user:eve");
  EXPECT_EQ(store_.Do(Removed(number)).parts, 0u);
  EXPECT_EQ(store_.Document("a").document().acl().allow(0).principal(), "user:eve");
  EXPECT_EQ(store_.Do(Removed(store_.Document("a").number())).parts, 1u);
  EXPECT_EQ(store_.state().FindCollection("docs")->documents, 0u);
}

TEST_F(SourceApply, ARestoredStoreIsNotToldWhatIsGone) {
  const uint64_t number = store_.Document("a").number();
  const auto applied = store_.Do(Removed(number));
  ASSERT_EQ(applied.replay.removed_size(), 1);
  EXPECT_EQ(applied.replay.removed(0), number);
  EXPECT_TRUE(applied.replay.sealed_mutation().empty()) << "documents come from their sources";
}

TEST_F(SourceApply, AClassThatIsNotThereIsStored) {
  const uint64_t number = store_.Document("a").number();
  EXPECT_EQ(store_.Refusal(Redescribed(number,
                                       "id: 'a' acl { inherit: 'folder:/none' } label { "
                                       "level: 'public' }")),
            "INVALID_ARGUMENT: redescribed[0].acl.inherit[0]");
  EXPECT_EQ(store_.Document("a").document().acl().allow(0).principal(), "user:ana");
}

}  // namespace
}  // namespace cordon
