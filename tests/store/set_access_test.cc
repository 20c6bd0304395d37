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
