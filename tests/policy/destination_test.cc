// Labels against clearances and destinations, and who may ask for whom (DESIGN §2, rule 4).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/policy/story.h"

namespace cordon {
namespace {

using testing::ElementsAre;

// A story whose user has the highest clearance, so that only the destination decides.
Story ForDestinations() {
  Story story;
  story.world.clearances["user:ana"].symbol = "all";
  return story;
}

TEST(ClearanceTest, LevelAndEveryCompartmentAreNeeded) {
  Story story;
  auto& clearance = story.world.clearances["user:ana"];
  clearance = Story::Cleared("internal", {"people"});
  for (const auto& [level, seen] :
       std::map<std::string, bool>{{"public", true}, {"internal", true}, {"secret", false}}) {
    story.label() = {level, {}, {}};
    EXPECT_EQ(story.Sees("user:ana"), seen) << level;
    story.label().compartments = {"people"};
    EXPECT_EQ(story.Sees("user:ana"), seen) << level;
    story.label().compartments = {"merger", "people"};
    EXPECT_FALSE(story.Sees("user:ana")) << level;
  }
}

TEST(ClearanceTest, AnUnknownUserHasTheDefaultAndThatIsTheLowestUnlessGiven) {
  Story story;
  story.label().level = "internal";
  EXPECT_FALSE(story.Sees("user:ghost"));
  story.world.default_clearance = Story::Cleared("internal");
  EXPECT_TRUE(story.Sees("user:ghost"));
  story.world.clearances["user:ghost"] = Story::Cleared("public");
  EXPECT_FALSE(story.Sees("user:ghost")) << "the user's own clearance replaces the default";
}

TEST(ClearanceTest, TheDefaultIsForUsersAndNotForServices) {
  Story story;
  story.acl().allow = {{"service:bot"}};
  story.label().level = "internal";
  story.world.default_clearance.symbol = "all";
  EXPECT_FALSE(story.Sees("service:bot"));
  EXPECT_FALSE(story.AuditorSees("service:bot"));
  story.world.clearances["service:bot"] = Story::Cleared("internal");
  EXPECT_TRUE(story.Sees("service:bot"));
}

TEST(ClearanceTest, AServiceForItselfHasTheClearanceOfItsKeyAndNoMoreThanTheDirectoryGives) {
  Story story;
  story.acl().allow = {{"service:app"}};
  story.label().level = "secret";
  EXPECT_TRUE(story.Sees(""));
  EXPECT_TRUE(story.Sees("service:app"));
  story.world.clearances["service:app"] = Story::Cleared("internal");
  EXPECT_FALSE(story.Sees(""));
}

TEST(ClearanceTest, TheApplicationIsACeilingAndNeverALift) {
  Story story;
  story.label().level = "internal";
  story.world.clearances["user:ana"] = Story::Cleared("secret");
  story.key.clearance = Story::Cleared("public");
  EXPECT_FALSE(story.Sees("user:ana"));
  EXPECT_TRUE(story.AuditorSees("user:ana"));
  story.key.clearance.symbol = "lowest";
  EXPECT_FALSE(story.Sees("user:ana"));
  story.key.clearance.symbol = "all";
  EXPECT_TRUE(story.Sees("user:ana"));
  story.world.clearances["user:ana"] = Story::Cleared("public");
  EXPECT_FALSE(story.Sees("user:ana"));
}

TEST(ClearanceTest, AKeyOfAUserIsACeilingForThatUser) {
  Story story;
  story.label().level = "internal";
  story.key.principal = "user:ana";
  story.world.clearances["user:ana"] = Story::Cleared("secret");
  EXPECT_TRUE(story.Sees(""));
  story.key.clearance.symbol = "lowest";
  EXPECT_FALSE(story.Sees(""));
  story.key.clearance.symbol = "all";
  story.world.clearances.clear();
  EXPECT_FALSE(story.Sees("")) << "nor does it lift a user who has the default";
}

TEST(ClearanceTest, SymbolicClearancesFollowANewScheme) {
  Story story;
  story.world.clearances["user:all"].symbol = "all";
  story.world.clearances["user:top"] = Story::Cleared("secret");
  story.world.clearances["user:low"].symbol = "lowest";
  story.world.clearances["user:pub"] = Story::Cleared("public");
  story.world.levels = {"open", "public", "internal", "secret", "top-secret"};
  story.label().level = "top-secret";
  EXPECT_TRUE(story.Sees("user:all"));
  EXPECT_FALSE(story.Sees("user:top"));
  story.label().level = "public";
  EXPECT_TRUE(story.Sees("user:pub"));
  EXPECT_FALSE(story.Sees("user:low")) << "public is no longer the lowest";
  story.label().level = "open";
  EXPECT_TRUE(story.Sees("user:low"));
}

TEST(ClearanceTest, ALevelThatTheTenantDoesNotHaveIsSeenByNobody) {
  Story story = ForDestinations();
  story.label().level = "forgotten";
  EXPECT_FALSE(story.Sees("user:ana"));
  EXPECT_FALSE(story.AuditorSees("user:ana"));
  story.label().level = "";
  EXPECT_FALSE(story.AuditorSees("user:ana"));
  story.label().level = "public";
  story.world.clearances["user:ana"] = Story::Cleared("forgotten");
  EXPECT_FALSE(story.AuditorSees("user:ana"));
}

TEST(ClearanceTest, AChunkLabelIsJoinedWithTheDocumentsAndCannotLowerIt) {
  Story story;
  story.world.clearances["user:ana"] = Story::Cleared("internal");
  story.chunk().label = reference::Label{"secret", {}, {}};
  EXPECT_FALSE(story.Sees("user:ana"));
  story.label().level = "secret";
  story.chunk().label = reference::Label{"public", {}, {}};
  EXPECT_FALSE(story.Sees("user:ana"));
  story.label() = {"public", {"people"}, {}};
  EXPECT_FALSE(story.Sees("user:ana"));
}

TEST(DestinationTest, ItsCeilingHoldsWhateverTheUserMay) {
  Story story = ForDestinations();
  story.label() = {"internal", {"people"}, {}};
  for (const auto& [level, seen] :
       std::map<std::string, bool>{{"public", false}, {"internal", true}, {"secret", true}}) {
    story.chat().gate.ceiling = Story::Cleared(level, {"people"});
    EXPECT_EQ(story.Sees("user:ana"), seen) << level;
    story.chat().gate.ceiling.compartments.clear();
    EXPECT_FALSE(story.Sees("user:ana")) << level;
  }
  EXPECT_TRUE(story.AuditorSees("user:ana"));
}

TEST(DestinationTest, AForbiddenTagIsEnoughAmongMany) {
  Story story = ForDestinations();
  story.label().tags = {"a", "m", "z"};
  EXPECT_TRUE(story.Sees("user:ana"));
  for (const char* tag : {"a", "m", "z"}) {
    story.chat().gate.forbidden_tags = {tag, "b", "zz"};
    EXPECT_FALSE(story.Sees("user:ana")) << tag;
  }
  story.chat().gate.forbidden_tags = {"b", "zz"};
  EXPECT_TRUE(story.Sees("user:ana"));
}

TEST(DestinationTest, ALabelBoundToRegionsGoesToOneOfThemOnly) {
  Story story = ForDestinations();
  story.label().tags = {"region:eu"};
  EXPECT_FALSE(story.Sees("user:ana")) << "a destination that is nowhere in particular";
  story.chat().region = "us";
  EXPECT_FALSE(story.Sees("user:ana"));
  story.chat().region = "eu";
  EXPECT_TRUE(story.Sees("user:ana"));
  story.chat().region = "e";
  EXPECT_FALSE(story.Sees("user:ana"));
  story.chat().region = "eu-west";
  EXPECT_FALSE(story.Sees("user:ana"));
  story.chat().region = "us";
  story.label().tags = {"pii", "region:eu", "region:us"};
  EXPECT_TRUE(story.Sees("user:ana"));
  story.label().tags = {"pii"};
  EXPECT_TRUE(story.Sees("user:ana"));
  story.chat().region = "";
  story.label().tags = {"region:"};
  EXPECT_FALSE(story.Sees("user:ana")) << "an unfinished region is no region";
}

TEST(DestinationTest, AChunkBoundToAnotherRegionThanItsDocumentGoesNowhere) {
  Story story = ForDestinations();
  story.chat().region = "us";
  story.label().tags = {"region:eu"};
  story.chunk().label = reference::Label{"public", {}, {"region:us"}};
  EXPECT_FALSE(story.Sees("user:ana"));
  story.chat().region = "eu";
  EXPECT_FALSE(story.Sees("user:ana"));
}

TEST(DestinationTest, AChunkBoundToOneOfItsDocumentsRegionsGoesThereOnly) {
  Story story = ForDestinations();
  story.label().tags = {"region:eu", "region:us"};
  story.chunk().label = reference::Label{"public", {}, {"region:us"}};
  story.chat().region = "eu";
  EXPECT_FALSE(story.Sees("user:ana"));
  story.chat().region = "us";
  EXPECT_TRUE(story.Sees("user:ana"));
}

TEST(DestinationTest, AForbiddenRegionOfTheDocumentStaysForbiddenForItsChunks) {
  Story story = ForDestinations();
  story.label().tags = {"region:eu", "region:us"};
  story.chunk().label = reference::Label{"public", {}, {"region:us"}};
  story.chat().region = "us";
  story.chat().gate.forbidden_tags = {"region:eu"};
  EXPECT_FALSE(story.Sees("user:ana"));
}

TEST(DestinationTest, TheRuleOfItsScopeHoldsBesideItsOwn) {
  Story story = ForDestinations();
  story.label() = {"internal", {}, {"pii"}};
  story.world.scopes[1] = {Story::Cleared("public"), {}};
  EXPECT_TRUE(story.Sees("user:ana")) << "a rule for another scope";
  story.world.scopes[3] = {Story::Cleared("public"), {}};
  EXPECT_FALSE(story.Sees("user:ana"));
  story.world.scopes[3] = {Story::Cleared("internal"), {}};
  EXPECT_TRUE(story.Sees("user:ana"));
  story.world.scopes[3].forbidden_tags = {"pii"};
  EXPECT_FALSE(story.Sees("user:ana"));
}

TEST(DestinationTest, AScopeMayAskForARegionThatIsStated) {
  Story story = ForDestinations();
  story.world.scopes[3] = {{"all"}, {}, {"ch", "eu"}};
  EXPECT_FALSE(story.Sees("user:ana")) << "it states none";
  for (const auto& [region, seen] :
       std::map<std::string, bool>{{"eu", true}, {"ch", true}, {"us", false}, {"e", false}}) {
    story.chat().region = region;
    EXPECT_EQ(story.Sees("user:ana"), seen) << region;
  }
  story.world.scopes[3].regions = {"*"};
  EXPECT_TRUE(story.Sees("user:ana")) << "any that is stated";
  story.chat().region = "";
  EXPECT_FALSE(story.Sees("user:ana"));
}

TEST(DestinationTest, TermsThatHaveEndedLetNothingThrough) {
  Story story = ForDestinations();
  story.chat().gate.terms = 5;
  EXPECT_TRUE(story.Sees("user:ana", 4));
  EXPECT_FALSE(story.Sees("user:ana", 5)) << "also without a rule of its scope";
  story.chat().gate.terms.reset();
  story.world.scopes[3] = {{"all"}};
  story.world.scopes[3].terms = 5;
  EXPECT_FALSE(story.Sees("user:ana", 4)) << "nobody says that they were reviewed";
  story.chat().gate.terms = 9;
  EXPECT_TRUE(story.Sees("user:ana", 4));
  EXPECT_FALSE(story.Sees("user:ana", 5)) << "its scope's have ended";
}

TEST(DestinationTest, AScopeMayForbidProvidersThatTrain) {
  Story story = ForDestinations();
  story.world.scopes[3] = {{"all"}};
  story.world.scopes[3].no_training = true;
  EXPECT_FALSE(story.Sees("user:ana")) << "it does not say";
  story.chat().trains = true;
  EXPECT_FALSE(story.Sees("user:ana"));
  story.chat().trains = false;
  EXPECT_TRUE(story.Sees("user:ana"));
}

TEST(DestinationTest, AModelThatKnowsMoreThanTheUserDoesNotAnswerHim) {
  Story story;
  story.world.clearances["user:ana"] = Story::Cleared("internal", {"people"});
  story.chat().model_label = reference::Label{"secret", {}, {}};
  for (int scope = 1; scope <= 5; ++scope) {
    story.chat().scope = scope;
    EXPECT_EQ(story.Sees("user:ana"), scope < 4) << scope;
  }
  story.chat().model_label = reference::Label{"internal", {"people"}, {"pii"}};
  EXPECT_TRUE(story.Sees("user:ana"));
  story.chat().model_label->compartments.insert("merger");
  EXPECT_FALSE(story.Sees("user:ana")) << "even a public chunk";
  story.key.clearance.symbol = "lowest";
  story.chat().model_label = reference::Label{"internal", {"people"}, {}};
  EXPECT_TRUE(story.Sees("user:ana")) << "the user's clearance counts, not the application's";
}

TEST(DestinationTest, TheDevelopmentDestinationIsOnlyThereInDevelopment) {
  Story story = ForDestinations();
  story.label() = {"secret", {}, {"pii"}};
  story.world.scopes[5] = {Story::Cleared("public"), {"pii"}};
  EXPECT_FALSE(story.Sees("user:ana", 0, "dev"));
  story.world.dev = true;
  EXPECT_TRUE(story.Sees("user:ana", 0, "dev")) << "outside scope rules";
  EXPECT_TRUE(story.Sees("user:ana", 0, "")) << "the default of '*' in development";
  story.world.destinations["dev"] = {1, {Story::Cleared("public")}};
  EXPECT_TRUE(story.Sees("user:ana", 0, "dev")) << "survives policy apply";
  story.world.dev = false;
  EXPECT_FALSE(story.Sees("user:ana", 0, "dev"));
  story.label() = {"public", {}, {}};
  EXPECT_TRUE(story.Sees("user:ana", 0, "dev")) << "an ordinary one of that name";
}

TEST(DestinationTest, ReceiversAreThoseThatTheKeyMayNameAndThatMayReceive) {
  Story story = ForDestinations();
  story.world.destinations["wide"] = {3, {{"all"}}};
  story.world.destinations["no-pii"] = {3, {{"all"}, {"pii"}}};
  story.world.dev = true;
  const EngineWorld engine(story.world);
  const World at = engine.At(0);
  const auto receivers = [&](const Label& label) {
    const auto caller = ToCaller(story.world, story.key);
    const auto subject = ResolveSubject(at, caller, "user:ana", "wide");
    return Receivers(at, caller, *subject, label);
  };
  EXPECT_THAT(receivers({"secret", {}, {"pii"}}), ElementsAre("chat", "dev", "wide"));
  EXPECT_THAT(receivers({"public", {}, {}}), ElementsAre("chat", "dev", "no-pii", "wide"));
  story.key.destinations = {"wide", "no-pii", "unknown"};
  EXPECT_THAT(receivers({"public", {}, {}}), ElementsAre("no-pii", "wide"));
  EXPECT_THAT(receivers({"forgotten", {}, {}}), ElementsAre());
}

TEST(AskingTest, ActingForAUserNeedsTheRightAndAPattern) {
  Story story;
  EXPECT_TRUE(story.Sees("user:ana"));
  story.key.patterns = {"user:bo"};
  EXPECT_EQ(story.Refusal("user:ana").code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(story.Refusal("user:ana").field(), "as");
  story.key.patterns = {};
  EXPECT_EQ(story.Refusal("user:ana").code(), StatusCode::kPermissionDenied);
  story.key.patterns = {"*"};
  story.key.act_as = false;
  EXPECT_EQ(story.Refusal("user:ana").code(), StatusCode::kPermissionDenied);
  EXPECT_TRUE(story.Refusal("").ok());
  EXPECT_TRUE(story.Refusal("service:app").ok()) << "itself needs no right";
}

TEST(AskingTest, OnlyUsersAndServicesCanAsk) {
  Story story;
  for (const char* as : {"group:hr", "role:x", "everyone", "ana", "user:", "user:a\n"}) {
    EXPECT_EQ(story.Refusal(as).code(), StatusCode::kInvalidArgument) << as;
    EXPECT_EQ(story.Refusal(as).field(), "as") << as;
  }
  const EngineWorld engine(story.world);
  EXPECT_EQ(ResolveUserAlone(engine.At(0), "group:hr", "", false).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(ResolveUserAlone(engine.At(0), "user:ana", "nowhere", false).status().code(),
            StatusCode::kPermissionDenied);
}

TEST(AskingTest, AnUnknownAndAForbiddenDestinationAreRefusedAlike) {
  Story story;
  story.world.destinations["search"] = {3, {{"all"}}};
  story.key.destinations = {"search"};
  EXPECT_TRUE(story.Refusal("user:ana", "search").ok());
  EXPECT_TRUE(story.Refusal("user:ana", "").ok()) << "the first is the default";
  const Status forbidden = story.Refusal("user:ana", "chat");
  EXPECT_EQ(forbidden.code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(forbidden.field(), "destination");
  EXPECT_EQ(forbidden.ToString(), story.Refusal("user:ana", "nowhere").ToString());
  EXPECT_EQ(forbidden.ToString(), story.Refusal("user:ana", "*").ToString());
}

TEST(AskingTest, WithoutADestinationThereIsNoAnswer) {
  Story story;
  story.key.destinations = {};
  EXPECT_EQ(story.Refusal("user:ana", "").code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(story.Refusal("user:ana", "chat").code(), StatusCode::kPermissionDenied);
  story.key.destinations = {"*"};
  EXPECT_EQ(story.Refusal("user:ana", "").code(), StatusCode::kPermissionDenied);
  EXPECT_TRUE(story.Refusal("user:ana", "chat").ok());
  story.key.destinations = {"*", "chat"};
  EXPECT_EQ(story.Refusal("user:ana", "").code(), StatusCode::kPermissionDenied);
  story.key.destinations = {"removed", "chat"};
  EXPECT_EQ(story.Refusal("user:ana", "").code(), StatusCode::kPermissionDenied)
      << "the default is the first, not the first that exists";
}

}  // namespace
}  // namespace cordon
