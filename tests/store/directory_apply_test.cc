// The directory as several sources write it: in order, each its own, and no alias of an alias.
#include <gtest/gtest.h>

#include "engine/base/limits.h"
#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

class Sources : public testing::Test {
 protected:
  static std::string Group(const std::string& name, const std::string& members,
                           const std::string& by = "") {
    std::string text = "directory { principals { name: '" + name + "' sets_members: true " + by;
    if (!members.empty()) text += " members { principal: '" + members + "' }";
    return text + " } }";
  }
  static std::string By(const std::string& source, uint64_t sequence) {
    return "source: '" + source + "' sequence: " + std::to_string(sequence);
  }
  static std::string Removed(const std::string& name, const std::string& by = "") {
    return "directory { principals { name: '" + name + "' remove: true " + by + " } }";
  }
  static std::string Alias(const std::string& name, const std::string& of) {
    return "directory { principals { name: '" + name + "' alias_of: '" + of + "' } }";
  }

  bool Belongs(const std::string& name, const std::string& group) {
    const PolicyState& policy = store_.state().policy;
    const auto set = policy.directory->Expand({policy.principals->Intern(name)}, 0);
    EXPECT_TRUE(set.ok()) << set.status().ToString();
    return set->Contains(policy.principals->Intern(group));
  }

  ScratchStore store_;
};

TEST_F(Sources, WhatComesLateReplacesWhatIsLater) {
  store_.Do(Group("group:a", "user:new", By("hris", 7)));
  for (const uint64_t late : {1, 6, 7}) {
    const auto refused = store_.Try(Group("group:a", "user:old", By("hris", late)));
    ASSERT_FALSE(refused.ok()) << late;
    EXPECT_EQ(refused.status().code(), StatusCode::kAborted);
    EXPECT_EQ(refused.status().field(), "principals[0].sequence");
    EXPECT_NE(refused.status().message().find("group:a"), std::string::npos);
  }
  EXPECT_TRUE(Belongs("user:new", "group:a"));
  EXPECT_FALSE(Belongs("user:old", "group:a"));
  store_.Reopen();
  EXPECT_EQ(store_.Refusal(Group("group:a", "", By("hris", 7))), "ABORTED: principals[0].sequence");
  store_.Do(Group("group:a", "", By("hris", 8)));
  EXPECT_FALSE(Belongs("user:new", "group:a"));
}

TEST_F(Sources, OneLateRecordAppliesTheOthers) {
  store_.Do(Group("group:a", "user:a", By("hris", 7)));
  const auto before = store_.Records();
  EXPECT_EQ(store_.Refusal("directory { principals { name: 'group:b' sets_members: true } "
                           "principals { name: 'group:a' sets_members: true " +
                           By("hris", 7) + " } }"),
            "ABORTED: principals[1].sequence");
  EXPECT_EQ(store_.Records(), before);
}

TEST_F(Sources, ARemovedMembershipComesBackByALateMessage) {
  store_.Do(Group("group:a", "user:gone", By("hris", 1)));
  store_.Do(Removed("group:a", By("hris", 3)));
  EXPECT_FALSE(Belongs("user:gone", "group:a"));
  EXPECT_EQ(
      store_.state().policy.directory->Find(store_.state().policy.principals->Intern("group:a")),
      nullptr);
  store_.Reopen();
  EXPECT_EQ(store_.Refusal(Group("group:a", "user:gone", By("hris", 2))),
            "ABORTED: principals[0].sequence");
  EXPECT_EQ(store_.Refusal(Group("group:a", "user:gone")),
            "FAILED_PRECONDITION: principals[0].source");
  EXPECT_FALSE(Belongs("user:gone", "group:a"));
  store_.Do(Group("group:a", "user:gone", By("hris", 4)));
}

TEST_F(Sources, OneSourceChangesAnothersRecord) {
  store_.Do(Group("group:a", "user:a", By("hris", 1)));
  for (const std::string& by : {std::string(), By("ldap", 9)}) {
    EXPECT_EQ(store_.Refusal(Group("group:a", "user:b", by)),
              "FAILED_PRECONDITION: principals[0].source");
    EXPECT_EQ(store_.Refusal(Removed("group:a", by)), "FAILED_PRECONDITION: principals[0].source");
  }
  // One that is nobody's is taken over.
  store_.Do(Group("group:b", "user:a"));
  store_.Do(Group("group:b", "user:b", By("ldap", 1)));
  EXPECT_EQ(store_.Refusal(Group("group:b", "")), "FAILED_PRECONDITION: principals[0].source");
}

TEST_F(Sources, ASourceWithoutASequenceOrTheReverse) {
  EXPECT_EQ(store_.Refusal(Group("group:a", "", "source: 'hris'")),
            "INVALID_ARGUMENT: principals[0].sequence");
  EXPECT_EQ(store_.Refusal(Group("group:a", "", "sequence: 3")),
            "INVALID_ARGUMENT: principals[0].sequence");
  EXPECT_EQ(store_.Refusal(Group("group:a", "", By("HR is", 3))),
            "INVALID_ARGUMENT: principals[0].source");
}

TEST_F(Sources, AnAliasIsAnotherPrincipal) {
  store_.Do(Group("group:a", "user:ana@example.com"));
  EXPECT_FALSE(Belongs("user:ana", "group:a"));
  store_.Do(Alias("user:ana@example.com", "user:ana"));
  EXPECT_TRUE(Belongs("user:ana", "group:a"));
  store_.Reopen();
  EXPECT_TRUE(Belongs("user:ana", "group:a"));
  EXPECT_TRUE(Belongs("user:ana@example.com", "user:ana"));
  store_.Do(Alias("user:ana@example.com", "user:bo"));
  EXPECT_FALSE(Belongs("user:ana", "group:a"));
  EXPECT_TRUE(Belongs("user:bo", "group:a"));
  store_.Do(Removed("user:ana@example.com"));
  EXPECT_FALSE(Belongs("user:bo", "group:a"));
}

TEST_F(Sources, ChainsCirclesAndOtherKinds) {
  store_.Do(Alias("user:b", "user:a"));
  EXPECT_EQ(store_.Refusal(Alias("user:c", "user:b")), "INVALID_ARGUMENT: principals[0].alias_of");
  EXPECT_EQ(store_.Refusal(Alias("user:a", "user:b")), "INVALID_ARGUMENT: principals[0].alias_of");
  EXPECT_EQ(store_.Refusal(Alias("user:a", "user:z")), "INVALID_ARGUMENT: principals[0].alias_of");
  EXPECT_EQ(store_.Refusal(Alias("user:x", "user:x")), "INVALID_ARGUMENT: principals[0].alias_of");
  EXPECT_EQ(store_.Refusal(Alias("user:x", "group:x")), "INVALID_ARGUMENT: principals[0].alias_of");
  EXPECT_EQ(store_.Refusal(Alias("user:x", "everyone")),
            "INVALID_ARGUMENT: principals[0].alias_of");
  EXPECT_EQ(store_.Refusal(Alias("everyone", "user:x")),
            "INVALID_ARGUMENT: principals[0].principal");
  EXPECT_EQ(store_.Refusal("directory { principals { name: 'user:x' alias_of: 'user:y' "
                           "clearance { level: 'public' } } }"),
            "INVALID_ARGUMENT: principals[0].principal");
  // Whatever the order of the records: the outcome counts.
  store_.Do(
      "directory { principals { name: 'user:c' alias_of: 'user:b' } principals { name: "
      "'user:b' remove: true } }");
  EXPECT_EQ(store_.Refusal("directory { principals { name: 'user:p' alias_of: 'user:q' } "
                           "principals { name: 'user:q' alias_of: 'user:p' } }"),
            "INVALID_ARGUMENT: principals[0].alias_of");
}

}  // namespace
}  // namespace cordon
