// Keys: what one may do, and that no key can make a wider one.

#include "engine/policy/grant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/policy/engine_world.h"

namespace cordon {
namespace {

using testing::HasSubstr;

Grant WithPattern(std::string pattern) {
  Grant grant;
  grant.rights.Add(Right::kActAs);
  grant.as_patterns = {std::move(pattern)};
  return grant;
}

TEST(GrantTest, APatternIsAnExactNameOrAPrefixWithAStar) {
  EXPECT_TRUE(WithPattern("user:ana").MayActAs("user:ana"));
  EXPECT_FALSE(WithPattern("user:ana").MayActAs("user:anna"));
  EXPECT_FALSE(WithPattern("user:ana").MayActAs("user:ana2"));
  EXPECT_FALSE(WithPattern("user:ana").MayActAs("user:an"));
  EXPECT_TRUE(WithPattern("user:a*").MayActAs("user:ana"));
  EXPECT_TRUE(WithPattern("user:a*").MayActAs("user:a"));
  EXPECT_FALSE(WithPattern("user:a*").MayActAs("user:bo"));
  EXPECT_FALSE(WithPattern("user:a*").MayActAs("user:"));
  EXPECT_FALSE(WithPattern("user:*").MayActAs("service:app"));
  EXPECT_TRUE(WithPattern("*").MayActAs("service:app"));
  EXPECT_FALSE(WithPattern("").MayActAs("user:ana"));
  EXPECT_FALSE(WithPattern("user:").MayActAs("user:ana"));
  EXPECT_FALSE(WithPattern("*:ana").MayActAs("user:ana")) << "a star is only special at the end";
}

TEST(GrantTest, APatternWithoutTheRightPermitsNothing) {
  Grant grant = WithPattern("*");
  grant.rights = Rights();
  EXPECT_FALSE(grant.MayActAs("user:ana"));
  grant.rights.Add(Right::kAdmin);
  grant.rights.Add(Right::kAudit);
  EXPECT_FALSE(grant.MayActAs("user:ana"));
}

TEST(GrantTest, ListsAreEmptyUnlessGivenAndAStarIsAll) {
  Grant grant;
  EXPECT_FALSE(grant.MayUseCollection("docs"));
  EXPECT_FALSE(grant.MayNameDestination("chat"));
  EXPECT_TRUE(grant.MayWriteId("any"));
  EXPECT_EQ(grant.clearance, Clearance::Lowest());
  grant.collections = {"docs"};
  grant.destinations = {"chat", "*"};
  grant.id_prefix = "hr/";
  EXPECT_TRUE(grant.MayUseCollection("docs"));
  EXPECT_FALSE(grant.MayUseCollection("doc"));
  EXPECT_FALSE(grant.MayUseCollection("docs2"));
  EXPECT_FALSE(grant.MayUseCollection("*"));
  EXPECT_TRUE(grant.MayNameDestination("other"));
  EXPECT_TRUE(grant.MayWriteId("hr/42"));
  EXPECT_FALSE(grant.MayWriteId("hr"));
  EXPECT_FALSE(grant.MayWriteId("HR/42"));
}

TEST(GrantTest, EachRightIsItsOwn) {
  for (const Right held : kAllRights) {
    Grant grant;
    grant.rights.Add(held);
    const auto caller = Authenticator::Prove(grant);
    for (const Right asked : kAllRights) {
      const Status status = caller.Require(asked);
      EXPECT_EQ(status.ok(), held == asked) << RightName(held) << ", " << RightName(asked);
      if (status.ok()) continue;
      EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
      EXPECT_THAT(std::string(status.message()), HasSubstr(RightName(asked)));
    }
    EXPECT_TRUE(grant.rights.Within(Rights::All()));
    EXPECT_FALSE(Rights::All().Within(grant.rights));
  }
}

TEST(GrantTest, AForbiddenCollectionIsNotFoundLikeAnAbsentOne) {
  Grant grant;
  grant.collections = {"docs"};
  const auto caller = Authenticator::Prove(grant);
  EXPECT_TRUE(caller.RequireCollection("docs").ok());
  EXPECT_EQ(caller.RequireCollection("secret").code(), StatusCode::kNotFound);
  EXPECT_EQ(caller.RequireCollection("secret").ToString(), CollectionNotFound().ToString());
}

// A grant that holds a little of everything.
Grant Middling() {
  Grant grant;
  grant.principal = "service:app";
  grant.rights.Add(Right::kQuery);
  grant.rights.Add(Right::kActAs);
  grant.as_patterns = {"user:a*", "user:bo"};
  grant.clearance = {Clearance::Kind::kNamed, "internal", {"people"}};
  grant.collections = {"docs", "wiki"};
  grant.destinations = {"chat", "search"};
  grant.id_prefix = "hr/";
  return grant;
}

const Scheme kScheme = {{"public", "internal", "secret"}, {"merger", "people"}, {}};

TEST(GrantTest, AGrantCoversItselfAndWhateverIsNarrower) {
  const std::function<void(Grant*)> narrowings[] = {
      [](Grant*) {},
      [](Grant* g) { g->rights = Rights(); },
      [](Grant* g) { g->as_patterns = {"user:ana"}; },
      [](Grant* g) {
        g->as_patterns = {"user:ana*", "user:a*"};
      },
      [](Grant* g) { g->as_patterns = {}; },
      [](Grant* g) { g->clearance = Clearance::Lowest(); },
      [](Grant* g) { g->clearance.compartments = {}; },
      [](Grant* g) { g->clearance.level = "public"; },
      [](Grant* g) { g->collections = {"wiki"}; },
      [](Grant* g) { g->destinations = {"search"}; },
      [](Grant* g) { g->destinations = {}; },
      [](Grant* g) { g->id_prefix = "hr/private/"; },
  };
  for (size_t i = 0; i < std::size(narrowings); ++i) {
    Grant narrower = Middling();
    narrowings[i](&narrower);
    EXPECT_TRUE(Middling().Covers(kScheme, narrower)) << i;
  }
}

TEST(GrantTest, NothingWiderIsCovered) {
  const std::function<void(Grant*)> widenings[] = {
      [](Grant* g) { g->rights.Add(Right::kAdmin); },
      [](Grant* g) { g->as_patterns = {"user:*"}; },
      [](Grant* g) { g->as_patterns = {"*"}; },
      [](Grant* g) { g->as_patterns = {"user:bo*"}; },
      [](Grant* g) { g->as_patterns.emplace_back("user:cy"); },
      [](Grant* g) { g->clearance = Clearance::All(); },
      [](Grant* g) { g->clearance.level = "secret"; },
      [](Grant* g) { g->clearance.level = "forgotten"; },
      [](Grant* g) {
        g->clearance.compartments = {"merger", "people"};
      },
      [](Grant* g) { g->collections.emplace_back("other"); },
      [](Grant* g) { g->collections = {"*"}; },
      [](Grant* g) { g->destinations = {"*"}; },
      [](Grant* g) { g->destinations.emplace_back("trained"); },
      [](Grant* g) { g->id_prefix = ""; },
      [](Grant* g) { g->id_prefix = "hr"; },
      [](Grant* g) { g->id_prefix = "fin/"; },
  };
  for (size_t i = 0; i < std::size(widenings); ++i) {
    Grant wider = Middling();
    widenings[i](&wider);
    EXPECT_FALSE(Middling().Covers(kScheme, wider)) << i;
  }
}

TEST(GrantTest, PatternsOfAKeyWithoutActAsCoverNothing) {
  Grant idle = Middling();
  idle.rights = Rights();
  Grant other = Middling();
  other.rights = Rights();
  EXPECT_FALSE(idle.Covers(kScheme, other)) << "the right may be added to the other one later";
}

TEST(GrantTest, AllOfEverythingCoversAll) {
  Grant all = Middling();
  all.rights = Rights::All();
  all.as_patterns = {"*"};
  all.clearance = Clearance::All();
  all.collections = {"*"};
  all.destinations = {"*"};
  all.id_prefix = "";
  EXPECT_TRUE(all.Covers(kScheme, all));
  EXPECT_TRUE(all.Covers(kScheme, Middling()));
  EXPECT_FALSE(Middling().Covers(kScheme, all));
}

}  // namespace
}  // namespace cordon
