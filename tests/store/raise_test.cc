// A caller that makes itself a member, or raises its own clearance; names that nobody defined.
#include <gtest/gtest.h>

#include "tests/store/proof.h"
#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

class Raise : public testing::Test {
 protected:
  // Whether `caller` may make this change.
  std::string By(const std::string& caller, const std::string& mutation,
                 Clearance clearance = Clearance::Lowest()) {
    const PolicyState before = store_.state().policy;
    const auto applied = store_.Try(mutation);
    EXPECT_TRUE(applied.ok()) << applied.status().ToString();
    Grant grant;
    grant.principal = caller;
    grant.clearance = clearance;
    const Status status =
        CheckNotRaised(before, store_.state().policy, Authenticator::Prove(grant));
    return status.ok() ? "OK"
                       : std::string(CodeName(status.code())) + ": " + std::string(status.field());
  }
  static std::string Members(const std::string& group, const std::string& members) {
    return "principals { name: '" + group + "' sets_members: true " + members + " } ";
  }
  static std::string Member(const std::string& name, int until = 0) {
    return "members { principal: '" + name + "' " +
           (until > 0 ? "until { seconds: " + std::to_string(until) + " }" : "") + " } ";
  }

  ScratchStore store_;
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
