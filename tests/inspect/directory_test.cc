// What the directory and the policy say of themselves: all of it, to admins, and true.
#include <gtest/gtest.h>

#include "engine/inspect/inspect.h"
#include "tests/view/asked.h"
#include "tests/view/scratch_tenant.h"

namespace cordon {
namespace {

class Told : public testing::Test {
 protected:
  static Grant Only(Right right) {
    Grant grant = AllOf();
    grant.rights = Rights();
    grant.rights.Add(right);
    return grant;
  }
  StatusOr<v1::GetPrincipalResponse> Principal(const std::string& request,
                                               Grant grant = Only(Right::kAdmin)) {
    return Asked<v1::GetPrincipalResponse>([&](auto done) {
      GetPrincipal(scratch_.Read(std::move(grant)), FromText<v1::GetPrincipalRequest>(request),
                   done);
    });
  }
  StatusOr<v1::GetPolicyResponse> Policy(Grant grant = Only(Right::kAdmin)) {
    return Asked<v1::GetPolicyResponse>(
        [&](auto done) { GetPolicy(scratch_.Read(std::move(grant)), done); });
  }
  StatusOr<v1::PolicyHistoryResponse> History(const std::string& request,
                                              Grant grant = Only(Right::kAudit)) {
    return Asked<v1::PolicyHistoryResponse>([&](auto done) {
      PolicyHistory(scratch_.Read(std::move(grant)), FromText<v1::PolicyHistoryRequest>(request),
                    done);
    });
  }

  ScratchTenant scratch_{{kDocs}};
};

TEST_F(Told, AGroupIsLeftOut) {
  scratch_.Do(
      "directory { principals { name: 'user:ana' clearance { level: 'internal' } source: 'hris' "
      "sequence: 4 } principals { name: 'group:in' sets_members: true members { principal: "
      "'user:ana' until { seconds: 100 } } members { principal: 'user:bo' } } principals { name: "
      "'group:out' sets_members: true members { principal: 'group:in' } } principals { name: "
      "'group:ended' sets_members: true members { principal: 'user:ana' until { seconds: 0 } } } "
      "principals { name: 'user:a@x' alias_of: 'user:ana' } }");
  for (const std::string name : {"user:ana", "user:a@x"}) {
    const auto told = Principal("principal: '" + name + "'");
    ASSERT_TRUE(told.ok()) << told.status().ToString();
    EXPECT_EQ(told->principal(), "user:ana");
    ASSERT_EQ(told->aliases_size(), 1);
    EXPECT_EQ(told->aliases(0), "user:a@x");
    EXPECT_EQ(told->record().source(), "hris");
    EXPECT_EQ(told->record().sequence(), 4u);
    EXPECT_EQ(told->clearance().level(), "internal");
    ASSERT_EQ(told->groups_size(), 2);
    EXPECT_EQ(told->groups(0).ShortDebugString(),
              "group: \"group:in\" path: \"user:ana\" path: \"group:in\" until { seconds: 100 }");
    EXPECT_EQ(told->groups(1).ShortDebugString(),
              "group: \"group:out\" path: \"user:ana\" path: \"group:in\" path: \"group:out\"");
  }
}

TEST_F(Told, MembersAreCutOffUnsaid) {
  std::string group = "directory { principals { name: 'group:all' sets_members: true ";
  for (const char* name : {"d", "a", "c", "e", "b"}) {
    group += std::string("members { principal: 'user:") + name + "' } ";
  }
  scratch_.Do(group + "} }");
  std::string after, seen;
  for (int page = 0; page < 3; ++page) {
    const auto told =
        Principal("principal: 'group:all' members_limit: 2 members_after: '" + after + "'");
    ASSERT_TRUE(told.ok());
    EXPECT_EQ(told->members(), 5u);
    EXPECT_EQ(told->more(), page < 2);
    for (const auto& member : told->record().members()) seen += member.principal().back();
    after = told->record().members().rbegin()->principal();
  }
  EXPECT_EQ(seen, "abcde");
  EXPECT_EQ(Outcome(Principal("principal: 'group:all' members_limit: 10000")), "OK");
  EXPECT_EQ(Outcome(Principal("principal: 'group:all' members_limit: 10001")),
            "INVALID_ARGUMENT: members_limit");
}

// A time of one who stands there twice would be left out between two pages.
TEST_F(Told, OneNamedTwiceIsTornApart) {
  scratch_.Do(
      "directory { principals { name: 'group:all' sets_members: true members { principal: 'user:a' "
      "} members { principal: 'user:b' from { seconds: 50 } until { seconds: 60 } } members { "
      "principal: 'user:b' until { seconds: 9 } } members { principal: 'user:c' } } }");
  const auto first = Principal("principal: 'group:all' members_limit: 2");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->members(), 4u);
  EXPECT_TRUE(first->more());
  ASSERT_EQ(first->record().members_size(), 3);
  EXPECT_EQ(first->record().members(1).ShortDebugString(),
            "principal: \"user:b\" until { seconds: 9 }");
  EXPECT_EQ(first->record().members(2).ShortDebugString(),
            "principal: \"user:b\" until { seconds: 60 } from { seconds: 50 }");
  const auto second = Principal("principal: 'group:all' members_limit: 2 members_after: 'user:b'");
  ASSERT_TRUE(second.ok());
  EXPECT_FALSE(second->more());
  ASSERT_EQ(second->record().members_size(), 1);
  EXPECT_EQ(second->record().members(0).principal(), "user:c");
}

TEST_F(Told, AMembershipIsToldBeforeItBeginsOrWithoutItsTimes) {
  scratch_.Do(
      "directory { principals { name: 'group:later' sets_members: true members { principal: "
      "'user:ana' from { seconds: 1000000 } } } principals { name: 'group:now' sets_members: true "
      "members { principal: 'user:ana' until { seconds: 50 } } members { principal: 'user:ana' "
      "from { seconds: 50 } until { seconds: 70 } } members { principal: 'user:ana' from { "
      "seconds: 90 } } } }");
  const auto told = Principal("principal: 'user:ana'");
  ASSERT_TRUE(told.ok());
  ASSERT_EQ(told->groups_size(), 1);
  EXPECT_EQ(told->groups(0).ShortDebugString(),
            "group: \"group:now\" path: \"user:ana\" path: \"group:now\" until { seconds: 70 }");
}

TEST_F(Told, WhomNobodyKnowsIsAnError) {
  const auto told = Principal("principal: 'user:nobody'");
  ASSERT_TRUE(told.ok());
  EXPECT_FALSE(told->has_record());
  EXPECT_EQ(told->groups_size(), 0);
  EXPECT_EQ(Outcome(Principal("principal: 'everyone'")), "INVALID_ARGUMENT: principal");
  EXPECT_EQ(Outcome(Principal("principal: 'nobody'")), "INVALID_ARGUMENT: principal");
}

TEST_F(Told, ToWhomItShouldNot) {
  for (const Right right : kAllRights) {
    const bool admin = right == Right::kAdmin, audit = right == Right::kAudit;
    EXPECT_EQ(Principal("principal: 'user:a'", Only(right)).ok(), admin);
    EXPECT_EQ(Policy(Only(right)).ok(), admin);
    EXPECT_EQ(History("", Only(right)).ok(), audit);
  }
}

TEST_F(Told, ThePolicyInForceIsNotWhatWasApplied) {
  ASSERT_TRUE(Policy().ok());
  EXPECT_EQ(Policy()->policy().levels().names_size(), 4) << "a fresh tenant's";
  scratch_.Do(
      "policy { compartments { names: 'people' } tags { names: 'pii' } default_clearance { symbol: "
      "SYMBOL_ALL } scopes { rules { scope: 3 ceiling { level: 'internal' } forbidden_tags: 'pii' "
      "} } containers { container { name: 'f' acl { allow { principal: 'group:b' } allow { "
      "principal: 'group:a' from { seconds: 5 } until { seconds: 9 } } deny { principal: 'user:e' "
      "} } } } containers { "
      "container { name: 'g' acl { inherit: 'f' } } } destinations { destination { name: 'chat' "
      "scope: 4 ceiling { level: 'public' } region: 'eu' model_label { level: 'public' } } } "
      "denied_certificates { certificates { issuer: 'CN=Old' } } trust { names: 'wild' names: "
      "'own' "
      "} sources { source: 'wiki' quarantined: true } }");
  const auto told = Policy();
  ASSERT_TRUE(told.ok());
  ScratchTenant other;
  const auto applied = [&] {
    store::v1::Mutation mutation;
    *mutation.mutable_policy() = told->policy();
    return other.store.Try(mutation);
  }();
  ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  other.Publish();
  const auto again = Asked<v1::GetPolicyResponse>(
      [&](auto done) { GetPolicy(other.Read(Only(Right::kAdmin)), done); });
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->policy().DebugString(), told->policy().DebugString());
  EXPECT_EQ(told->policy().containers_size(), 2);
  EXPECT_EQ(told->policy().trust().names_size(), 2);
  EXPECT_EQ(told->policy().sources_size(), 1);
  EXPECT_EQ(told->policy().destinations(0).destination().region(), "eu");
}

TEST_F(Told, AChangeIsNotInTheHistory) {
  const uint64_t first = scratch_.store.state().revision;
  scratch_.Do("key_id: 'k' reason: 'CHG-1' actor: 'service:a' policy { tags { names: 't' } }");
  scratch_.Do(IngestOf("open", "allow { principal: 'everyone' }", "level: 'public'"));
  scratch_.Do("reason: 'CHG-2' directory { principals { name: 'group:a' sets_members: true } }");
  const auto all = History("");
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->changes_size(), 3) << "with the collection";
  const auto& policy = all->changes(1);
  EXPECT_EQ(policy.call(), "ApplyPolicy");
  EXPECT_EQ(policy.reason(), "CHG-1");
  EXPECT_EQ(policy.key_id(), "k");
  EXPECT_EQ(policy.revision(), first + 1);
  EXPECT_EQ(all->changes(2).reason(), "CHG-2");
  EXPECT_EQ(all->changes(2).revision(), first + 3);
  EXPECT_FALSE(all->more());
  const auto page = History("limit: 1 before: " + std::to_string(first + 3));
  ASSERT_EQ(page->changes_size(), 1);
  EXPECT_EQ(page->changes(0).reason(), "CHG-1");
  EXPECT_TRUE(page->more());
  EXPECT_EQ(Outcome(History("limit: 1000")), "OK");
  EXPECT_EQ(Outcome(History("limit: 1001")), "INVALID_ARGUMENT: limit");
}

}  // namespace
}  // namespace cordon
