// A caller that makes itself a member, or raises its own clearance; names that nobody defined.
#include <gtest/gtest.h>

#include <optional>

#include "tests/store/proof.h"
#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

class Raise : public testing::Test {
 protected:
  // Whether `caller` may make this change.
  std::string By(const std::string& caller, const std::string& mutation,
                 Clearance clearance = Clearance::Lowest()) {
    const TenantState before = store_.state();
    const auto applied = store_.Try(mutation);
    EXPECT_TRUE(applied.ok()) << applied.status().ToString();
    Grant grant;
    grant.principal = caller;
    grant.clearance = clearance;
    const Status status = CheckNotRaised(before, store_.state(), Authenticator::Prove(grant),
                                         now_.value_or(store_.state().time));
    return status.ok() ? "OK"
                       : std::string(CodeName(status.code())) + ": " + std::string(status.field());
  }
  static std::string Members(const std::string& group, const std::string& members) {
    return "principals { name: '" + group + "' sets_members: true " + members + " } ";
  }
  static std::string Member(const std::string& name, int until = 0, int from = 0) {
    return "members { principal: '" + name + "' " +
           (from > 0 ? "from { seconds: " + std::to_string(from) + " } " : "") +
           (until > 0 ? "until { seconds: " + std::to_string(until) + " }" : "") + " } ";
  }
  static std::string KeyOf(const std::string& id, const std::string& principal,
                           const std::string& clearance, int expires = 0) {
    return "key { id: '" + id + "' record { digest: '" + id + "' grant { principal: '" + principal +
           "' rights: RIGHT_QUERY clearance { " + clearance + " } " +
           (expires > 0 ? "expires { seconds: " + std::to_string(expires) + " } " : "") + "} } }";
  }
  // Whether the admin may replace the members of a group that has `before` by `after`.
  std::string Replacing(const std::string& before, const std::string& after) {
    store_.Do("directory { " + Members("group:hr", before) + " }");
    return By("service:admin", "directory { " + Members("group:hr", after) + " }");
  }

  ScratchStore store_;
  std::optional<Micros> now_;  // of the change; else the store's time, some milliseconds
};

constexpr char kMembers[] = "PERMISSION_DENIED: members";
constexpr char kClearance[] = "PERMISSION_DENIED: clearance";

TEST_F(Raise, IntoAGroupDirectly) {
  const std::string change =
      "directory { " + Members("group:hr", Member("service:admin") + Member("user:ana")) + " }";
  EXPECT_EQ(By("service:admin", change), kMembers);
  EXPECT_EQ(By("service:other", "directory { " + Members("group:x", Member("user:ana")) + " }"),
            "OK");
}

TEST_F(Raise, ThroughAGroupWithinAGroup) {
  store_.Do("directory { " + Members("group:staff", Member("service:admin")) + " }");
  EXPECT_EQ(By("service:admin", "directory { " + Members("group:hr", Member("group:staff")) + " }"),
            kMembers);
}

TEST_F(Raise, ThroughEveryone) {
  EXPECT_EQ(By("user:root", "directory { " + Members("group:hr", Member("everyone")) + " }"),
            kMembers);
  EXPECT_EQ(By("service:admin", "directory { " + Members("group:it", Member("everyone")) + " }"),
            "OK");
}

TEST_F(Raise, ByStayingLonger) {
  store_.Do("directory { " + Members("group:hr", Member("service:admin", 100)) + " }");
  EXPECT_EQ(By("service:admin",
               "directory { " + Members("group:hr", Member("service:admin", 100)) + " }"),
            "OK");
  EXPECT_EQ(
      By("service:admin", "directory { " + Members("group:hr", Member("service:admin", 50)) + " }"),
      "OK");
  EXPECT_EQ(
      By("service:admin", "directory { " + Members("group:hr", Member("service:admin", 51)) + " }"),
      kMembers);
}

TEST_F(Raise, ByComingEarlier) {
  const std::string admin = "service:admin";
  EXPECT_EQ(Replacing("", Member(admin, 0, 100)), kMembers) << "not yet, and yet a raise";
  EXPECT_EQ(Replacing(Member(admin, 0, 100), Member(admin, 0, 100)), "OK");
  EXPECT_EQ(Replacing(Member(admin, 0, 100), Member(admin, 0, 101)), "OK");
  EXPECT_EQ(Replacing(Member(admin, 0, 100), Member(admin, 0, 99)), kMembers);
  EXPECT_EQ(Replacing(Member(admin, 0, 100), Member(admin)), kMembers);
  EXPECT_EQ(Replacing(Member(admin), Member(admin, 200, 100)), "OK");
}

// A caller that fills the gap between two memberships is a member for longer, though neither the
// first start nor the last end moves.
TEST_F(Raise, InTheGapBetweenTwoTimes) {
  const std::string admin = "service:admin";
  const std::string both = Member(admin, 100) + Member(admin, 300, 200);
  EXPECT_EQ(Replacing(both, both), "OK");
  EXPECT_EQ(Replacing(both, Member(admin, 300, 200)), "OK");
  EXPECT_EQ(Replacing(both, Member(admin, 300)), kMembers);
  EXPECT_EQ(Replacing(both, Member(admin, 101) + Member(admin, 300, 200)), kMembers);
  EXPECT_EQ(Replacing(both, Member(admin, 50) + Member(admin, 250, 200)), "OK");
  EXPECT_EQ(Replacing(Member(admin, 200) + Member(admin, 300, 150), Member(admin, 300)), "OK");
}

// Of nested groups both times must hold: to come into the inner one earlier is a raise only where
// the outer one has begun.
TEST_F(Raise, ThroughAGroupThatBeginsLater) {
  store_.Do("directory { " + Members("group:all", Member("group:hr", 0, 100)) +
            Members("group:hr", Member("service:admin", 50)) + " }");
  EXPECT_EQ(
      By("service:admin", "directory { " + Members("group:all", Member("group:hr", 0, 60)) + " }"),
      "OK");
  EXPECT_EQ(
      By("service:admin", "directory { " + Members("group:all", Member("group:hr", 0, 49)) + " }"),
      kMembers);
}

TEST_F(Raise, WhatIsPastRaisesNobody) {
  const std::string admin = "service:admin";
  now_ = 100'000'000;
  EXPECT_EQ(Replacing(Member(admin, 0, 50), Member(admin)), "OK") << "it has begun";
  EXPECT_EQ(Replacing(Member(admin, 0, 100), Member(admin)), "OK") << "it begins now";
  EXPECT_EQ(Replacing(Member(admin, 0, 101), Member(admin)), kMembers);
  EXPECT_EQ(Replacing("", Member(admin, 100)), "OK") << "it has ended";
  EXPECT_EQ(Replacing("", Member(admin, 101)), kMembers);
}

TEST_F(Raise, ByLeaving) {
  store_.Do("directory { " + Members("group:hr", Member("service:admin")) + " }");
  EXPECT_EQ(By("service:admin", "directory { " + Members("group:hr", "") + " }"), "OK");
}

TEST_F(Raise, OnesOwnClearance) {
  const auto set = [](const std::string& who, const std::string& clearance) {
    return "directory { principals { name: '" + who + "' clearance { " + clearance + " } } }";
  };
  EXPECT_EQ(By("service:admin", set("service:admin", "level: 'internal'")), kClearance);
  EXPECT_EQ(By("service:admin", set("service:admin", "level: 'public'")), "OK");
  EXPECT_EQ(By("service:admin", set("service:admin", "symbol: SYMBOL_ALL")), kClearance);
  EXPECT_EQ(By("service:admin", set("user:ana", "symbol: SYMBOL_ALL")), "OK");
}

TEST_F(Raise, ByDroppingTheRecordThatBoundTheKey) {
  store_.Do("directory { principals { name: 'service:admin' clearance { level: 'public' } } }");
  EXPECT_EQ(By("service:admin", "directory { principals { name: 'service:admin' remove: true } }",
               Clearance::All()),
            kClearance);
}

// The key that calls gains nothing itself; whoever holds it holds the other one, too.
TEST_F(Raise, ByDroppingTheRecordThatBoundAnotherKey) {
  const std::string record = "directory { principals { name: 'service:x' ";
  const std::string bind = record + "clearance { level: 'public' } } }";
  const std::string drop = record + "remove: true } }";
  store_.Do(bind);
  EXPECT_EQ(By("service:x", drop), "OK") << "it has no other key";
  store_.Do(bind);
  store_.Do(KeyOf("default.k2", "service:x", "symbol: SYMBOL_ALL"));
  EXPECT_EQ(By("service:x", drop), kClearance);
  store_.Do(bind);
  EXPECT_EQ(By("service:x", record + "clearance { symbol: SYMBOL_LOWEST } } }"), "OK");
  store_.Do(bind);
  EXPECT_EQ(By("service:admin", drop), "OK") << "another's";
}

TEST_F(Raise, ByDroppingTheRecordThatBoundTheKeyOfAnAlias) {
  const std::string alias =
      "directory { principals { name: 'service:old' alias_of: 'service:x' } } ";
  store_.Do("directory { principals { name: 'service:x' clearance { level: 'public' } } }");
  store_.Do(alias);
  store_.Do(KeyOf("default.k2", "service:old", "symbol: SYMBOL_ALL"));
  EXPECT_EQ(By("service:x", "directory { principals { name: 'service:x' remove: true } }"),
            kClearance);
  store_.Do("directory { principals { name: 'service:x' clearance { level: 'public' } } }");
  EXPECT_EQ(By("service:x", "directory { principals { name: 'service:old' remove: true } }"),
            kClearance)
      << "the alias goes, and with it what bound its key";
}

TEST_F(Raise, ByDroppingAnAliasOfAUser) {
  store_.Do("policy { default_clearance { level: 'internal' } }");
  store_.Do("directory { principals { name: 'user:root' clearance { level: 'public' } } }");
  store_.Do("directory { principals { name: 'user:r' alias_of: 'user:root' } }");
  EXPECT_EQ(By("user:root", "directory { principals { name: 'user:r' remove: true } }"),
            kClearance);
}

TEST_F(Raise, AKeyThatHasEndedGainsNothing) {
  now_ = 100'000'000;
  const std::string bind =
      "directory { principals { name: 'service:x' clearance { level: 'public' } } }";
  const std::string drop = "directory { principals { name: 'service:x' remove: true } }";
  store_.Do(KeyOf("default.k2", "service:x", "symbol: SYMBOL_ALL", 100));
  store_.Do(bind);
  EXPECT_EQ(By("service:x", drop), "OK");
  store_.Do(KeyOf("default.k3", "service:x", "symbol: SYMBOL_ALL", 101));
  store_.Do(bind);
  EXPECT_EQ(By("service:x", drop), kClearance);
}

// A record below what one key has: that key loses, and none gains beyond what the caller had.
TEST_F(Raise, LoweringOneKeyLiftsNoneBeyondTheCaller) {
  const std::string change =
      "directory { principals { name: 'service:x' clearance { level: 'internal' } } }";
  store_.Do(KeyOf("default.k1", "service:x", "symbol: SYMBOL_LOWEST"));
  store_.Do(KeyOf("default.k2", "service:x", "symbol: SYMBOL_ALL"));
  EXPECT_EQ(By("service:x", change, Clearance::All()), "OK");
  store_.Do("directory { principals { name: 'service:x' remove: true } }");
  EXPECT_EQ(By("service:x", change, Clearance::Lowest()), kClearance) << "the calling key gains";
}

TEST_F(Raise, ByTheDefaultClearanceOfUsers) {
  const std::string change = "policy { default_clearance { level: 'internal' } }";
  EXPECT_EQ(By("user:root", change), kClearance);
  EXPECT_EQ(By("service:admin", "policy { default_clearance { level: 'confidential' } }"), "OK");
}

TEST_F(Raise, ByANewScheme) {
  store_.Do("directory { principals { name: 'user:root' clearance { level: 'restricted' } } }");
  EXPECT_EQ(By("user:root",
               "policy { levels { names: 'public' names: 'new' names: 'internal' "
               "names: 'confidential' names: 'restricted' names: 'top' } "
               "compartments { names: 'people' } }"),
            "OK");
}

TEST_F(Raise, UndefinedPrincipalsAreMissedOrInvented) {
  store_.Do(kDocs);
  store_.Do(
      "policy { containers { container { name: 'top' acl { allow { principal: 'role:above' "
      "} } } } containers { container { name: 'hr' acl { inherit: 'top' } } } }");
  store_.Do("directory { " + Members("group:known", "") + " }");
  const Applied applied = store_.Do(IngestOf(
      "a",
      "allow { principal: 'group:known' } allow { principal: 'group:a' } deny { principal: "
      "'role:b' } allow { principal: 'user:nobody' } allow { principal: 'everyone' } inherit: 'hr'",
      "level: 'public'", "acl { allow { principal: 'group:chunk' } }"));
  EXPECT_EQ(applied.undefined,
            (std::vector<std::string>{"group:a", "group:chunk", "role:above", "role:b"}));
}

}  // namespace
}  // namespace cordon
