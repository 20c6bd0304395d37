// Lists, containers, groups and time: who is allowed, and what a deny must still catch.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/policy/story.h"

namespace cordon {
namespace {

using testing::HasSubstr;

TEST(ClauseTest, WhoeverIsNotNamedSeesNothing) {
  Story story;
  story.acl().allow = {{"user:ana"}};
  EXPECT_TRUE(story.Sees("user:ana"));
  EXPECT_FALSE(story.Sees("user:bo"));
  EXPECT_FALSE(story.Sees("user:An"));
  EXPECT_FALSE(story.Sees("user:Ana"));  // case-sensitive bytes
  EXPECT_FALSE(story.Sees("user:ana "));
}

TEST(ClauseTest, EveryoneIsEveryUserButNoService) {
  Story story;
  EXPECT_TRUE(story.Sees("user:ana"));
  EXPECT_TRUE(story.Sees("user:nobody-knows"));
  EXPECT_FALSE(story.Sees("service:bot"));
  EXPECT_FALSE(story.Sees(""));  // service:app itself
  story.acl().allow.push_back({"service:bot"});
  EXPECT_TRUE(story.Sees("service:bot"));
  story.acl() = {{{"service:bot"}, {"user:ana"}}, {{"everyone"}}, {}};
  EXPECT_TRUE(story.Sees("service:bot"));
  EXPECT_FALSE(story.Sees("user:ana"));
}

TEST(ClauseTest, EveryoneInAGroupIsEveryUserOfIt) {
  Story story;
  story.acl().allow = {{"group:staff"}};
  story.world.members["group:staff"] = {{"everyone"}};
  EXPECT_TRUE(story.Sees("user:nobody-knows"));
  EXPECT_FALSE(story.Sees("service:bot"));
}

TEST(ClauseTest, DenyBeatsAllowWhereverItStands) {
  Story story;
  story.acl() = {{{"user:ana"}, {"everyone"}}, {{"user:ana"}}, {}};
  EXPECT_FALSE(story.Sees("user:ana"));
  EXPECT_TRUE(story.Sees("user:bo"));
  story.acl() = {{{"user:ana"}}, {{"group:b"}}, {}};
  story.world.members["group:a"] = {{"user:ana"}};
  story.world.members["group:b"] = {{"group:a"}};
  EXPECT_FALSE(story.Sees("user:ana")) << "denied through a nested group";
}

TEST(ClauseTest, ADeniedApplicationHidesFromAllItsUsers) {
  Story story;
  story.acl().deny = {{"service:app"}};
  EXPECT_FALSE(story.Sees("user:ana"));
  EXPECT_TRUE(story.AuditorSees("user:ana"));
  story.acl().deny = {{"group:crawlers"}};
  EXPECT_TRUE(story.Sees("user:ana"));
  story.world.members["group:crawlers"] = {{"service:app"}};
  EXPECT_FALSE(story.Sees("user:ana"));
  // In a container and in a chunk's own list as well.
  story.world.members.clear();
  story.acl() = {{{"everyone"}}, {}, {"folder:/hr"}};
  story.world.containers["folder:/hr"] = {{{"everyone"}}, {{"service:app"}}, {}};
  EXPECT_FALSE(story.Sees("user:ana"));
  story.world.containers["folder:/hr"].deny.clear();
  EXPECT_TRUE(story.Sees("user:ana"));
  story.chunk().acl = reference::List{{{"everyone"}}, {{"service:app"}}, {}};
  EXPECT_FALSE(story.Sees("user:ana"));
}

TEST(ClauseTest, AnApplicationNeverLendsItsPrincipalsToAnAllow) {
  Story story;
  story.acl().allow = {{"service:app"}, {"group:backends"}};
  story.world.members["group:backends"] = {{"service:app"}};
  EXPECT_FALSE(story.Sees("user:ana"));
  EXPECT_TRUE(story.Sees("")) << "the service itself is allowed";
}

TEST(ClauseTest, EndedEntriesAndMembershipsAreAbsentFromTheirEndOn) {
  Story story;
  story.acl().allow = {{"user:ana", 10}};
  EXPECT_TRUE(story.Sees("user:ana", 9));
  EXPECT_FALSE(story.Sees("user:ana", 10));
  EXPECT_FALSE(story.Sees("user:ana", 11));
  story.acl() = {{{"everyone"}}, {{"user:ana", 10}}, {}};
  EXPECT_FALSE(story.Sees("user:ana", 9));
  EXPECT_TRUE(story.Sees("user:ana", 10));
  story.acl() = {{{"group:a"}}, {}, {}};
  story.world.members["group:a"] = {{"user:ana", 10}};
  EXPECT_TRUE(story.Sees("user:ana", 9));
  EXPECT_FALSE(story.Sees("user:ana", 10));
  // A deny list that names a group obeys the same end.
  story.acl() = {{{"everyone"}}, {{"group:a"}}, {}};
  EXPECT_FALSE(story.Sees("user:ana", 9));
  EXPECT_TRUE(story.Sees("user:ana", 10));
}

TEST(ClauseTest, EntriesAndMembershipsThatHaveNotBegunAreAbsentUpToTheirStart) {
  Story story;
  story.acl().allow = {{"user:ana", 20, 10}};
  EXPECT_FALSE(story.Sees("user:ana", 9));
  EXPECT_TRUE(story.Sees("user:ana", 10)) << "from exactly now";
  EXPECT_TRUE(story.Sees("user:ana", 19));
  EXPECT_FALSE(story.Sees("user:ana", 20));
  story.acl() = {{{"everyone"}}, {{"user:ana", INT64_MAX, 10}}, {}};
  EXPECT_TRUE(story.Sees("user:ana", 9));
  EXPECT_FALSE(story.Sees("user:ana", 10));
  story.acl() = {{{"group:a"}}, {}, {}};
  story.world.members["group:a"] = {{"user:ana", 20, 10}};
  EXPECT_FALSE(story.Sees("user:ana", 9));
  EXPECT_TRUE(story.Sees("user:ana", 10));
  EXPECT_FALSE(story.Sees("user:ana", 20));
  // A deny list that names a group obeys the same start, for the application as well.
  story.acl() = {{{"everyone"}}, {{"group:a"}}, {}};
  EXPECT_TRUE(story.Sees("user:ana", 9));
  EXPECT_FALSE(story.Sees("user:ana", 10));
  EXPECT_TRUE(story.Sees("user:ana", 20));
  story.world.members["group:a"] = {{"service:app", INT64_MAX, 10}};
  EXPECT_TRUE(story.Sees("user:ana", 9));
  EXPECT_FALSE(story.Sees("user:ana", 10));
}

TEST(ClauseTest, OneNamedTwiceCountsWheneverOneOfTheEntriesDoes) {
  Story story;
  story.acl().allow = {{"user:ana", 10}, {"user:ana", 30, 20}};
  for (const auto& [now, seen] :
       {std::pair<Micros, bool>{9, true}, {10, false}, {19, false}, {20, true}, {30, false}}) {
    EXPECT_EQ(story.Sees("user:ana", now), seen) << now;
  }
  story.acl() = {{{"group:a"}}, {{"user:ana", 15}, {"user:ana", INT64_MAX, 25}}, {}};
  story.world.members["group:a"] = {{"user:ana", 17, 12}, {"user:ana", 40, 14}};
  for (const auto& [now, seen] :
       {std::pair<Micros, bool>{14, false}, {15, true}, {17, true}, {24, true}, {25, false}}) {
    EXPECT_EQ(story.Sees("user:ana", now), seen) << now;
  }
}

TEST(ClauseTest, AnAllowListWhoseEntriesHaveNotBegunDoesNotOpen) {
  Story story;
  story.world.containers["folder:/hr"] = {{{"everyone"}}, {}, {}};
  story.acl() = {{{"user:bo", INT64_MAX, 10}}, {}, {"folder:/hr"}};
  EXPECT_FALSE(story.Sees("user:ana", 9));
  EXPECT_FALSE(story.Sees("user:bo", 9));
  EXPECT_FALSE(story.Sees("user:ana", 10));
  EXPECT_TRUE(story.Sees("user:bo", 10));
  story.world.containers["folder:/hr"].allow = {{"everyone", INT64_MAX, 15}};
  EXPECT_FALSE(story.Sees("user:bo", 14));
  EXPECT_TRUE(story.Sees("user:bo", 15));
}

TEST(ClauseTest, AnAllowListWhoseEntriesHaveEndedDoesNotOpen) {
  Story story;
  story.world.containers["folder:/hr"] = {{{"everyone"}}, {}, {}};
  story.acl() = {{{"user:bo", 10}}, {}, {"folder:/hr"}};
  EXPECT_FALSE(story.Sees("user:ana", 9));
  EXPECT_FALSE(story.Sees("user:ana", 10));
  EXPECT_FALSE(story.Sees("user:bo", 10));
}

TEST(ClauseTest, AnEmptyAllowBesideInheritOnlyDenies) {
  Story story;
  story.world.containers["folder:/hr"] = {{{"user:ana"}, {"user:bo"}}, {}, {}};
  story.acl() = {{}, {{"user:bo"}}, {"folder:/hr"}};
  EXPECT_TRUE(story.Sees("user:ana"));
  EXPECT_FALSE(story.Sees("user:bo"));
  EXPECT_FALSE(story.Sees("user:cy")) << "the container does not allow him";
  story.acl().deny.clear();
  EXPECT_TRUE(story.Sees("user:bo"));
}

TEST(ClauseTest, AnEmptyListAllowsNobody) {
  Story story;
  story.acl() = {};
  EXPECT_FALSE(story.Sees("user:ana"));
}

TEST(ClauseTest, InheritedContainersAreAllNeededUpToTheTop) {
  Story story;
  auto& containers = story.world.containers;
  containers["site"] = {{{"everyone"}}, {{"user:bo"}}, {}};
  containers["project"] = {{{"everyone"}}, {}, {"site"}};
  containers["folder"] = {{{"user:ana"}, {"user:bo"}}, {}, {"project"}};
  containers["other"] = {{{"user:ana"}, {"user:cy"}}, {}, {}};
  story.acl() = {{}, {}, {"folder"}};
  EXPECT_TRUE(story.Sees("user:ana"));
  EXPECT_FALSE(story.Sees("user:bo")) << "the site two levels up denies him";
  EXPECT_FALSE(story.Sees("user:cy"));
  story.acl().inherit = {"folder", "other"};
  EXPECT_TRUE(story.Sees("user:ana"));
  containers["site"].allow = {{"user:cy"}};
  EXPECT_FALSE(story.Sees("user:ana")) << "the site no longer allows her";
}

TEST(ClauseTest, AListBesideInheritIsOneMoreClauseAndNoAlternative) {
  Story story;
  story.world.containers["folder:/hr"] = {{{"user:ana"}}, {}, {}};
  story.acl() = {{{"user:bo"}}, {}, {"folder:/hr"}};
  EXPECT_FALSE(story.Sees("user:ana"));
  EXPECT_FALSE(story.Sees("user:bo"));
}

TEST(ClauseTest, AChunkListNarrowsAndNeverWidens) {
  Story story;
  story.acl().allow = {{"user:ana"}, {"user:bo"}};
  story.chunk().acl = reference::List{{{"user:ana"}, {"user:cy"}}, {}, {}};
  EXPECT_TRUE(story.Sees("user:ana"));
  EXPECT_FALSE(story.Sees("user:bo"));
  EXPECT_FALSE(story.Sees("user:cy"));
  story.world.containers["folder:/hr"] = {{{"user:bo"}}, {}, {}};
  story.chunk().acl = reference::List{{}, {}, {"folder:/hr"}};
  EXPECT_FALSE(story.Sees("user:ana"));
  EXPECT_TRUE(story.Sees("user:bo"));
}

TEST(ClauseTest, AnUnknownContainerClosesAndDoesNotOpen) {
  Story story;
  story.acl() = {{{"everyone"}}, {}, {"folder:/gone"}};
  EXPECT_FALSE(story.Sees("user:ana"));
  story.world.containers["folder:/hr"] = {{{"everyone"}}, {}, {"folder:/gone"}};
  story.acl().inherit = {"folder:/hr"};
  EXPECT_FALSE(story.Sees("user:ana"));
}

TEST(ClauseTest, ContainersWithVeryManyWaysUpAreDecidedQuickly) {
  Story story;
  reference::Names above;
  // Each of 30 layers inherits from both containers of the next: 2^30 ways up. The reference model
  // would walk them all; it is not asked.
  for (int layer = 0; layer < 30; ++layer) {
    reference::Names here;
    for (const char* side : {"left", "right"}) {
      const std::string name = side + std::to_string(layer);
      story.world.containers[name] = {{{"everyone"}}, {}, above};
      here.insert(name);
    }
    above = here;
  }
  story.acl().inherit = above;
  const EngineWorld engine(story.world);
  const auto caller = ToCaller(story.world, story.key);
  const auto subject = ResolveSubject(engine.At(0), caller, "user:ana", "chat");
  ASSERT_TRUE(subject.ok());
  std::vector<Verdict> trace;
  EXPECT_TRUE(Decide(engine.At(0), *subject, engine.facts(0)));
  EXPECT_TRUE(Decide(engine.At(0), *subject, engine.facts(0), &trace));
  EXPECT_TRUE(Entitle(engine.At(0), *subject).Permits(engine.facts(0).class_id));
  EXPECT_TRUE(engine.state().rules->Check().ok());
}

TEST(ClauseTest, AContainerCircleThatSlippedInStillEnds) {
  Story story;
  story.world.containers["a"] = {{{"everyone"}}, {}, {"b"}};
  story.world.containers["b"] = {{{"everyone"}}, {{"user:bo"}}, {"a"}};
  story.acl().inherit = {"a"};
  EXPECT_TRUE(story.AuditorSees("user:ana"));
  EXPECT_FALSE(story.AuditorSees("user:bo"));
}

TEST(ClauseTest, ADocumentIsSeenFromItsStartUntilJustBeforeItsEnd) {
  Story story;
  story.chunk().valid_from = 10;
  story.chunk().valid_until = 20;
  EXPECT_FALSE(story.Sees("user:ana", 9));
  EXPECT_TRUE(story.Sees("user:ana", 10));
  EXPECT_TRUE(story.Sees("user:ana", 19));
  EXPECT_FALSE(story.Sees("user:ana", 20));
}

TEST(ClauseTest, AnUnknownClassOrOneWithoutClausesPermitsNobody) {
  Story story;
  const EngineWorld engine(story.world);
  const auto caller = ToCaller(story.world, story.key);
  const auto subject = ResolveSubject(engine.At(0), caller, "user:ana", "chat");
  ASSERT_TRUE(subject.ok());
  PolicyState state = engine.state();
  EXPECT_FALSE(Decide({state, 0}, *subject, Facts{.class_id = 1}));
  state.classes.classes.PushBack({{}, state.classes.classes[0].label});
  std::vector<Verdict> trace;
  EXPECT_FALSE(Decide({state, 0}, *subject, Facts{.class_id = 1}));
  EXPECT_FALSE(Decide({state, 0}, *subject, Facts{.class_id = 1}, &trace));
  EXPECT_FALSE(Entitle({state, 0}, *subject).Permits(1));
  EXPECT_TRUE(Entitle({state, 0}, *subject).Permits(0));
}

TEST(ClauseTest, ATraceNamesTheWayByWhichADenyIsReached) {
  Story story;
  story.acl() = {{{"everyone"}}, {{"group:b"}}, {}};
  story.world.members["group:a"] = {{"user:ana"}};
  story.world.members["group:b"] = {{"group:a"}};
  const auto trace = story.Trace("user:ana");
  const auto failing =
      std::find_if(trace.begin(), trace.end(), [](const auto& v) { return !v.permitted; });
  ASSERT_NE(failing, trace.end());
  EXPECT_EQ(failing->name, "document acl");
  EXPECT_THAT(failing->because, HasSubstr("group:b"));
  EXPECT_THAT(failing->because, HasSubstr("user:ana → group:a → group:b"));
}

TEST(ClauseTest, ATraceTellsWhatHasNotBegun) {
  Story story;
  const auto because = [&](Micros now) {
    for (const auto& verdict : story.Trace("user:ana", now)) {
      if (verdict.name == "document acl") return verdict.because;
    }
    return std::string();
  };
  const Micros second = 1'000'000;
  story.acl().allow = {{"user:ana", INT64_MAX, 20 * second}, {"user:ana", INT64_MAX, 10 * second}};
  EXPECT_EQ(because(0),
            "allows none of user:ana's principals; allows user:ana from 1970-01-01T00:00:10Z");
  EXPECT_THAT(because(10 * second), HasSubstr("allows user:ana; allows user:ana from 1970-01-01T00"
                                              ":00:20Z"));
  EXPECT_EQ(because(20 * second), "allows user:ana");
  story.acl() = {{{"group:a"}}, {{"everyone", INT64_MAX, 20 * second}}, {}};
  story.world.members["group:a"] = {{"user:ana", INT64_MAX, 10 * second}};
  EXPECT_EQ(because(0),
            "allows none of user:ana's principals; allows group:a (user:ana → group:a) from "
            "1970-01-01T00:00:10Z; denies everyone from 1970-01-01T00:00:20Z");
  EXPECT_EQ(because(20 * second), "denies everyone");
  // What has ended, or would have ended before it could count, is not to come.
  story.acl() = {{{"user:ana", 5 * second}, {"group:a", 10 * second}}, {}, {}};
  EXPECT_EQ(because(6 * second), "allows none of user:ana's principals");
}

TEST(ClauseTest, ATraceHoldsEveryFailingTestAndNotOnlyTheFirst) {
  Story story;
  story.chunk().valid_until = 5;
  story.acl() = {{{"user:bo"}}, {}, {"folder:/gone"}};
  story.label().level = "secret";
  story.chat().region = "us";
  story.label().tags = {"region:eu"};
  std::vector<std::string> failing;
  for (const auto& verdict : story.Trace("user:ana", 5)) {
    if (!verdict.permitted) failing.push_back(verdict.name);
  }
  EXPECT_THAT(failing, testing::ElementsAre("validity", "document acl", "folder:/gone",
                                            "user clearance", "destination chat"));
}

}  // namespace
}  // namespace cordon
