// SetAccess that forgets a half, widens a chunk, or tells what exists.
#include <gtest/gtest.h>

#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

class SetAccess : public testing::Test {
 protected:
  void SetUp() override {
    store_.Do(kDocs);
    store_.Do(
        "policy { compartments { names: 'people' } containers { container { "
        "name: 'folder:/hr' acl { allow { principal: 'group:hr' } } } } }");
    store_.Do(IngestOf("a", "allow { principal: 'user:ana' }", "level: 'internal'",
                       "label { level: 'confidential' compartments: 'people' } "
                       "acl { allow { principal: 'user:bob' } }"));
  }

  std::string Change(const std::string& document, const std::string& change) {
    return store_.Refusal("set_access { collection: 'docs' document: '" + document + "' " + change +
                          " }");
  }

  ScratchStore store_;
};

TEST_F(SetAccess, ANewListForgetsTheLabel) {
  EXPECT_EQ(Change("a", "acl { allow { principal: 'user:eve' } }"), "OK");
  const auto record = store_.Document("a");
  EXPECT_EQ(record.document().label().level(), "internal");
  EXPECT_EQ(record.document().acl().allow(0).principal(), "user:eve");
  EXPECT_EQ(ToText(store_.EffectiveLabel("a", 0)), "confidential {people}");
}

TEST_F(SetAccess, ANewLabelForgetsTheList) {
  EXPECT_EQ(Change("a", "label { level: 'restricted' }"), "OK");
  EXPECT_EQ(store_.Document("a").document().acl().allow(0).principal(), "user:ana");
  EXPECT_EQ(ToText(store_.EffectiveLabel("a", 0)), "restricted {people}");
}

TEST_F(SetAccess, ALowerLabelIsRefusedOrLowersTheChunk) {
  EXPECT_EQ(Change("a", "label { level: 'public' }"), "OK");
  EXPECT_EQ(store_.Document("a").document().label().level(), "public");
  EXPECT_EQ(ToText(store_.EffectiveLabel("a", 0)), "confidential {people}");
  EXPECT_EQ(Change("a", "label { level: 'restricted' }"), "OK");
  EXPECT_EQ(Change("a", "label { level: 'public' }"), "OK");
  EXPECT_EQ(ToText(store_.EffectiveLabel("a", 0)), "confidential {people}");
}

TEST_F(SetAccess, TheChunksOwnListIsLost) {
  EXPECT_EQ(Change("a", "acl { inherit: 'folder:/hr' }"), "OK");
  const auto& table = store_.state().policy.classes;
  EXPECT_EQ(table.classes[store_.Document("a").chunks(0).class_id()].clauses.size(), 2u);
  EXPECT_EQ(store_.Document("a").chunks(0).acl().allow(0).principal(), "user:bob");
}

TEST_F(SetAccess, AbsentAndPresentDocumentsAreAnsweredDifferently) {
  for (const char* change :
       {"acl { allow { principal: 'user:x' } }", "label { level: 'public' }",
        "acl { inherit: 'folder:/none' }", "label { level: 'nowhere' }",
        "acl { inherit: 'folder:/hr' } label { level: 'public' compartments: 'none' }"}) {
    const uint64_t before = store_.state().revision;
    const std::string present = Change("a", change);
    const uint64_t after = store_.state().revision;
    EXPECT_EQ(Change("absent", change), present) << change;
    EXPECT_EQ(store_.state().revision - after, after - before) << change;
  }
}

TEST_F(SetAccess, ManyAreHalfChanged) {
  store_.Do(IngestOf("b", "allow { principal: 'user:ana' }", "level: 'public'"));
  const auto before = store_.Records();
  EXPECT_EQ(store_.Refusal("set_access_many { collection: 'docs' "
                           "changes { document: 'a' label { level: 'public' } } "
                           "changes { document: 'b' label { level: 'nowhere' } } }"),
            "INVALID_ARGUMENT: changes[1].label.level");
  EXPECT_EQ(store_.Records(), before);
  const uint64_t revision = store_.state().revision;
  const Applied applied = store_.Do(
      "set_access_many { collection: 'docs' "
      "changes { document: 'b' acl { allow { principal: 'user:bob' } } } "
      "changes { document: 'absent' acl { allow { principal: 'user:bob' } } } "
      "changes { document: 'a' label { level: 'restricted' } } }");
  EXPECT_EQ(store_.state().revision, revision + 1);
  EXPECT_EQ(applied.existed_each, (std::vector<bool>{true, false, true}));
  EXPECT_EQ(applied.rows.size(), 2u);
  EXPECT_EQ(store_.Document("b").document().acl().allow(0).principal(), "user:bob");
  EXPECT_EQ(store_.Document("b").document().label().level(), "public");
  EXPECT_EQ(store_.Document("a").document().acl().allow(0).principal(), "user:ana");
  EXPECT_EQ(ToText(store_.EffectiveLabel("a", 0)), "restricted {people}");
}

// More than are read at once, some of them absent at every place of a group.
TEST_F(SetAccess, ManyAreMixedUp) {
  std::string all;
  for (int i = 0; i < 700; ++i) {
    const std::string id = "m" + std::to_string(i);
    if (i % 3 != 0) store_.Do(IngestOf(id, "allow { principal: 'user:ana' }", "level: 'public'"));
    all += "changes { document: '" + id + "' acl { allow { principal: 'user:" + id + "' } } } ";
  }
  const Applied applied = store_.Do("set_access_many { collection: 'docs' " + all + "}");
  for (int i = 0; i < 700; ++i) {
    ASSERT_EQ(applied.existed_each[static_cast<size_t>(i)], i % 3 != 0) << i;
    const std::string id = "m" + std::to_string(i);
    if (i % 3 == 0) continue;
    EXPECT_EQ(store_.Document(id).document().acl().allow(0).principal(), "user:" + id);
  }
}

// Which costs the one writer as much as the rest of the change.
TEST_F(SetAccess, TextsAreReadThoughTheIndexFindsTheWordsFaster) {
  const std::string list = " acl { allow { principal: 'user:bob' } } ";
  const std::string one = "set_access { collection: 'docs' document: 'a'" + list + "}";
  EXPECT_TRUE(store_.Do(one).rows[0].texts.empty());
  for (int i = 0; i < 300; ++i) {
    store_.Do(
        IngestOf("m" + std::to_string(i), "allow { principal: 'user:ana' }", "level: 'public'"));
  }
  const Applied few = store_.Do(one);
  ASSERT_EQ(few.rows[0].texts.size(), 1u);
  EXPECT_EQ(few.rows[0].rows[0].text, few.rows[0].texts[0]);
  EXPECT_FALSE(few.rows[0].texts[0].empty());
  const Applied many = store_.Do("set_access_many { collection: 'docs' changes { document: 'a'" +
                                 list + "} changes { document: 'm7'" + list + "} }");
  ASSERT_EQ(many.rows.size(), 2u);
  for (const RowChange& change : many.rows) {
    EXPECT_TRUE(change.texts.empty());
    EXPECT_EQ(change.rows.size(), 1u);
  }
}

// Selected while it was the source's, and somebody else's by the time its page is applied.
TEST_F(SetAccess, ADocumentOfAnotherSourceIsChanged) {
  const Applied applied = store_.Do(
      "set_access_selected { collection: 'docs' documents: 'a' documents: 'absent' "
      "acl { allow { principal: 'user:eve' } } only_source: 'hris' }");
  EXPECT_EQ(applied.existed_each, (std::vector<bool>{false, false}));
  EXPECT_EQ(store_.Document("a").document().acl().allow(0).principal(), "user:ana");
}

// A name that only the stored halves of a join use is a name in use: otherwise the next SetAccess
// would be refused for a document that exists and accepted for one that does not.
TEST_F(SetAccess, AStoredLabelLosesItsName) {
  EXPECT_EQ(Change("a", "label { level: 'restricted' }"), "OK");
  EXPECT_EQ(store_.Refusal("policy { levels { names: 'public' names: 'internal' "
                           "names: 'restricted' } }"),
            "FAILED_PRECONDITION: level");
  EXPECT_EQ(Change("a", "acl { allow { principal: 'user:x' } }"), "OK");
}

// The stored join was made in the old order; in the new one it would lie below one of its halves.
TEST_F(SetAccess, LevelsInAnotherOrderLowerAStoredJoin) {
  EXPECT_EQ(store_.Refusal("policy { levels { names: 'public' names: 'confidential' "
                           "names: 'internal' names: 'restricted' } }"),
            "FAILED_PRECONDITION: levels");
  EXPECT_EQ(store_.Refusal("policy { levels { names: 'top' names: 'public' names: 'middle' "
                           "names: 'internal' names: 'confidential' names: 'restricted' } }"),
            "OK");
}

}  // namespace
}  // namespace cordon
