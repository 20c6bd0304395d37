// A policy that takes away a name that something stored still uses, or half of which is applied.
#include <gtest/gtest.h>

#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

constexpr char kFewLevels[] = "policy { levels { names: 'public' names: 'restricted' } }";
constexpr char kInUse[] = "FAILED_PRECONDITION: level";

class PolicyFile : public testing::Test {
 protected:
  void SetUp() override { store_.Do(kDocs); }

  void Everyone(const std::string& label) {
    store_.Do(IngestOf("a", "allow { principal: 'everyone' }", label));
  }

  ScratchStore store_;
};

TEST_F(PolicyFile, NamesThatNothingUsesCannotBeDropped) {
  EXPECT_EQ(store_.Refusal(kFewLevels), "OK");
  EXPECT_EQ(store_.state().policy.rules->scheme.levels.size(), 2u);
}

TEST_F(PolicyFile, TheLevelOfAStoredLabel) {
  Everyone("level: 'internal'");
  EXPECT_EQ(store_.Refusal(kFewLevels), kInUse);
  store_.Do("delete_document { collection: 'docs' document: 'a' }");
  EXPECT_EQ(store_.Refusal(kFewLevels), "OK");
}

TEST_F(PolicyFile, TheCompartmentOrTagOfAStoredLabel) {
  store_.Do("policy { compartments { names: 'people' } tags { names: 'pii' } }");
  Everyone("level: 'public' compartments: 'people' tags: 'pii'");
  EXPECT_EQ(store_.Refusal("policy { compartments { } }"), "FAILED_PRECONDITION: compartments");
  EXPECT_EQ(store_.Refusal("policy { tags { } }"), "FAILED_PRECONDITION: tags");
}

TEST_F(PolicyFile, TheLevelOfAClearance) {
  store_.Do("directory { principals { name: 'user:a' clearance { level: 'internal' } } }");
  EXPECT_EQ(store_.Refusal(kFewLevels), kInUse);
  store_.Do("directory { principals { name: 'user:a' remove: true } }");
  EXPECT_EQ(store_.Refusal(kFewLevels), "OK");
}

TEST_F(PolicyFile, TheLevelOfAKey) {
  store_.Do(
      "key { id: 'default.k' record { digest: 'd' grant { principal: 'service:x' rights: "
      "RIGHT_QUERY clearance { level: 'internal' } } } }");
  EXPECT_EQ(store_.Refusal(kFewLevels), kInUse);
  store_.Do("key { id: 'default.k' }");
  EXPECT_EQ(store_.Refusal(kFewLevels), "OK");
}

TEST_F(PolicyFile, TheLevelOfADefaultLabelOrAnAttribute) {
  store_.Do(
      "create_collection { name: 'more' dimension: 2 metric: METRIC_L2 embedder: "
      "EMBEDDER_NONE default_label { level: 'internal' } }");
  EXPECT_EQ(store_.Refusal(kFewLevels), kInUse);
  store_.Do("delete_collection { name: 'more' }");
  store_.Do(
      "create_collection { name: 'more' dimension: 2 metric: METRIC_L2 embedder: "
      "EMBEDDER_NONE attributes { name: 'salary' type: ATTRIBUTE_TYPE_INT "
      "label { level: 'internal' } } }");
  EXPECT_EQ(store_.Refusal(kFewLevels), kInUse);
}

TEST_F(PolicyFile, TheLevelOfACeilingOrScopeRule) {
  store_.Do(
      "policy { destinations { destination { name: 'chat' scope: 3 "
      "ceiling { level: 'internal' } } } }");
  EXPECT_NE(store_.Refusal(kFewLevels), "OK");
  store_.Do(
      "policy { destinations { remove: true destination { name: 'chat' } } "
      "scopes { rules { scope: 2 ceiling { level: 'internal' } } } }");
  EXPECT_NE(store_.Refusal(kFewLevels), "OK");
  // Judged on the result of the whole file.
  EXPECT_EQ(store_.Refusal("policy { scopes { } levels { names: 'public' names: 'restricted' } }"),
            "OK");
}

TEST_F(PolicyFile, TheLevelOfAModelLabelOrDefaultClearance) {
  store_.Do(
      "policy { destinations { destination { name: 'own' scope: 4 ceiling { symbol: "
      "SYMBOL_ALL } model_label { level: 'internal' } } } }");
  EXPECT_NE(store_.Refusal(kFewLevels), "OK");
  store_.Do(
      "policy { destinations { remove: true destination { name: 'own' } retrained: 'gone' } "
      "default_clearance { level: 'internal' } }");
  EXPECT_NE(store_.Refusal(kFewLevels), "OK");
}

constexpr char kFolders[] =
    "policy { containers { container { name: 'top' acl { allow { principal: 'group:all' } } } } "
    "containers { container { name: 'hr' acl { inherit: 'top' } } } }";

TEST_F(PolicyFile, AContainerThatDocumentsInherit) {
  store_.Do(kFolders);
  store_.Do(IngestOf("a", "inherit: 'hr'", "level: 'public'"));
  EXPECT_EQ(store_.Refusal("policy { containers { remove: true container { name: 'hr' } } }"),
            "FAILED_PRECONDITION: containers");
  EXPECT_NE(store_.Refusal("policy { containers { remove: true container { name: 'top' } } }"),
            "OK");
  store_.Do(IngestOf("a", "inherit: 'top'", "level: 'public'"));
  EXPECT_EQ(store_.Refusal("policy { containers { remove: true container { name: 'hr' } } }"),
            "OK");
}

TEST_F(PolicyFile, AContainerOfOneChunkOnly) {
  store_.Do(kFolders);
  store_.Do(
      IngestOf("a", "allow { principal: 'everyone' }", "level: 'public'", "acl { inherit: 'hr' }"));
  EXPECT_EQ(store_.Refusal("policy { containers { remove: true container { name: 'hr' } } }"),
            "FAILED_PRECONDITION: containers");
}

TEST_F(PolicyFile, AContainerOfACollectionsDefault) {
  store_.Do(kFolders);
  store_.Do(
      "create_collection { name: 'more' dimension: 2 metric: METRIC_L2 embedder: "
      "EMBEDDER_NONE default_acl { inherit: 'hr' } }");
  EXPECT_EQ(store_.Refusal("policy { containers { remove: true container { name: 'hr' } } }")
                .substr(0, 19),
            "FAILED_PRECONDITION");
}

TEST_F(PolicyFile, HalfOfARefusedFileIsApplied) {
  store_.Do(kFolders);
  const auto before = store_.Records();
  for (const char* bad :
       {"levels { names: 'low' names: 'high' } default_clearance { level: 'public' }",
        "tags { names: 'x' } containers { container { name: 'new' acl { allow { principal: "
        "'user:a' } } } } destinations { destination { name: 'to' scope: 1 } }",
        "containers { container { name: 'new' acl { inherit: 'none' } } }",
        "containers { container { name: 'x' acl { inherit: 'y' } } } "
        "containers { container { name: 'y' acl { inherit: 'x' } } }",
        "containers { container { name: 'hr' acl { inherit: 'top' } } } "
        "containers { remove: true container { name: 'hr' } }",
        "scopes { rules { scope: 6 ceiling { level: 'public' } } }",
        "tags { names: 'x' names: 'x' }", "levels { }",
        "destinations { remove: true destination { name: 'none' } } tags { names: 'x' }"}) {
    EXPECT_NE(store_.Refusal("policy { " + std::string(bad) + " }"), "OK") << bad;
    EXPECT_EQ(store_.Records(), before) << bad;
  }
  store_.Reopen();
  EXPECT_EQ(store_.state().policy.rules->scheme.levels.size(), 4u);
}

TEST_F(PolicyFile, HalfOfARefusedDirectoryIsApplied) {
  const auto before = store_.Records();
  EXPECT_EQ(store_.Refusal("directory { principals { name: 'group:a' sets_members: true } "
                           "principals { name: 'group:b' clearance { level: 'public' } } }"),
            "INVALID_ARGUMENT: principals[1].clearance");
  EXPECT_EQ(store_.Records(), before);
  EXPECT_EQ(store_.state().policy.directory->size(), 0u);
}

}  // namespace
}  // namespace cordon
