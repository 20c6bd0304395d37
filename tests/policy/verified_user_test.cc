// Users whose own token came with the call: what it says counts, and it raises nobody.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/base/limits.h"
#include "engine/policy/entitlement_cache.h"
#include "tests/policy/story.h"

namespace cordon {
namespace {

class VerifiedUsers : public testing::Test {
 protected:
  VerifiedUsers() {
    story_.acl().allow = {{"group:hr"}};
    story_.world.members["group:hr"] = {{"user:ana"}};
    story_.world.members["group:barred"] = {{"group:contractors"}};
    story_.key.patterns.clear();  // nobody whom the application may assert
    claims_.principal = "user:ana";
    claims_.ceiling = Clearance::All();
  }

  Authenticated Caller() const {
    auto key = story_.key;
    if (!forwards_) key.principal = claims_.principal;
    return Authenticator::Prove(ToCaller(story_.world, key), claims_, forwards_);
  }
  StatusOr<Subject> Resolve(const EngineWorld& engine, const std::string& as = "") const {
    return ResolveSubject(engine.At(0), Caller(), as, "chat");
  }
  bool Sees() const {
    const EngineWorld engine(story_.world);
    const auto subject = Resolve(engine);
    EXPECT_TRUE(subject.ok()) << subject.status().ToString();
    if (!subject.ok()) return false;
    EXPECT_EQ(subject->name, "user:ana");
    const bool seen = Decide(engine.At(0), *subject, engine.facts(0));
    // The bitmap and its cache say the same.
    EntitlementCache cache;
    EXPECT_EQ(Entitle(engine.At(0), *subject).Permits(engine.facts(0).class_id), seen);
    const auto known = cache.Find(engine.At(0), Caller(), "", "chat");
    EXPECT_TRUE(known.ok());
    const auto remembered = (*known)->EntitlementsIn(engine.At(0));
    EXPECT_EQ(remembered->Permits(engine.facts(0).class_id), seen);
    return seen;
  }
  std::string Refused(const std::string& as = "") const {
    const EngineWorld engine(story_.world);
    const auto subject = Resolve(engine, as);
    if (subject.ok()) return "";
    EXPECT_EQ(subject.status().code(), StatusCode::kPermissionDenied);
    return std::string(subject.status().field());
  }

  Story story_;
  UserClaims claims_;
  bool forwards_ = true;
};

TEST_F(VerifiedUsers, NeedsAPattern) {
  EXPECT_TRUE(Sees());
  EXPECT_EQ(Refused("user:ana"), "");
  forwards_ = false;
  story_.key.act_as = false;
  EXPECT_TRUE(Sees());
  EXPECT_EQ(Refused("user:ana"), "");
}

TEST_F(VerifiedUsers, ActsForAnother) {
  story_.key.patterns = {"*"};
  EXPECT_EQ(Refused("user:eve"), "as");
  EXPECT_EQ(Refused("service:app"), "as");
  forwards_ = false;
  EXPECT_EQ(Refused("user:eve"), "as");
}

TEST_F(VerifiedUsers, IsForwardedWithoutTheRight) {
  story_.key.act_as = false;
  EXPECT_EQ(Refused(), "rights");
  EXPECT_EQ(Refused("user:ana"), "rights");
  story_.key.principal = "user:ana";  // its own token, but not its own call
  EXPECT_EQ(Refused(), "rights");
}

TEST_F(VerifiedUsers, RaisesTheApplication) {
  story_.label().level = "secret";
  story_.world.clearances["user:ana"] = Story::Cleared("secret");
  EXPECT_TRUE(Sees());
  story_.key.clearance = Story::Cleared("internal");
  EXPECT_FALSE(Sees());
  story_.key.clearance.symbol = "all";
  story_.acl().deny = {{"service:app"}};
  EXPECT_FALSE(Sees()) << "the application's own denial is laundered";
  forwards_ = false;
  EXPECT_TRUE(Sees()) << "nobody is in between";
}

TEST_F(VerifiedUsers, HasTheGroupsOfBoth) {
  for (const bool forwards : {true, false}) {
    forwards_ = forwards;
    claims_.groups = std::nullopt;
    EXPECT_TRUE(Sees());
    claims_.groups.emplace();
    EXPECT_FALSE(Sees()) << "the directory's memberships beside the token's";
    claims_.groups = {"group:hr"};
    EXPECT_TRUE(Sees());
    claims_.groups = {"group:unheard-of"};
    EXPECT_FALSE(Sees());
    story_.acl().allow = {{"everyone"}};
    EXPECT_TRUE(Sees()) << "everyone is one of them";
    story_.acl().allow = {{"user:ana"}};
    EXPECT_TRUE(Sees()) << "by name";
    story_.acl().allow = {{"group:hr"}};
  }
}

TEST_F(VerifiedUsers, EscapesTheDenialOfAnOuterGroup) {
  story_.acl().deny = {{"group:barred"}};
  claims_.groups = {"group:contractors", "group:hr"};
  EXPECT_FALSE(Sees());
  claims_.groups = {"group:hr"};
  EXPECT_TRUE(Sees());
  story_.world.members["group:contractors"] = {{"user:ana"}};
  EXPECT_TRUE(Sees()) << "the directory's memberships of the user are not asked";
  claims_.groups = std::nullopt;
  EXPECT_FALSE(Sees());
  // A denied group that the user reaches as one of all.
  claims_.groups = {"group:hr"};
  story_.world.members["group:barred"] = {{"everyone"}};
  EXPECT_FALSE(Sees());
}

TEST_F(VerifiedUsers, IsRefusedForGroupsThatAreNotAsked) {
  std::string below = "user:ana";
  for (size_t i = 0; i <= limits::kGroupDepth; ++i) {
    const std::string group = fmt::format("group:{}", i);
    story_.world.members[group] = {{below}};
    below = group;
  }
  claims_.groups = {"group:hr"};
  EXPECT_TRUE(Sees());
  claims_.groups = std::nullopt;
  const EngineWorld engine(story_.world);
  EXPECT_EQ(Resolve(engine).status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(VerifiedUsers, ClimbsAboveTheCeiling) {
  story_.label().level = "secret";
  EXPECT_FALSE(Sees()) << "the default";
  claims_.clearance = {Clearance::Kind::kNamed, "secret", {}};
  EXPECT_TRUE(Sees());
  for (const bool forwards : {true, false}) {
    forwards_ = forwards;
    claims_.ceiling = {Clearance::Kind::kNamed, "internal", {}};
    EXPECT_FALSE(Sees());
    claims_.ceiling = {Clearance::Kind::kNamed, "secret", {}};
    EXPECT_TRUE(Sees());
    claims_.ceiling = {Clearance::Kind::kNamed, "unheard-of", {}};
    EXPECT_FALSE(Sees()) << "a level that the tenant lacks permits nothing";
  }
  claims_.ceiling = Clearance::All();
  claims_.clearance = {Clearance::Kind::kNamed, "unheard-of", {}};
  EXPECT_FALSE(Sees());
  // The claim takes the place of the directory's, down as well as up.
  story_.world.clearances["user:ana"] = Story::Cleared("secret");
  claims_.clearance = Clearance::Lowest();
  EXPECT_FALSE(Sees());
  claims_.clearance = std::nullopt;
  EXPECT_TRUE(Sees());
}

// Whoever is cleared by the meet is cleared by both, and the other way round.
TEST(MeetOfClearances, PermitsMoreThanBoth) {
  const Scheme scheme = {{"public", "internal", "secret"}, {"merger", "people"}, {}};
  std::vector<Clearance> clearances = {Clearance::Lowest(), Clearance::All()};
  std::vector<Label> labels;
  for (const char* level : {"public", "internal", "secret", "unheard-of"}) {
    for (const std::vector<std::string>& compartments :
         {std::vector<std::string>{}, {"merger"}, {"people"}, {"merger", "people"}}) {
      clearances.push_back({Clearance::Kind::kNamed, level, compartments});
      labels.push_back({level, compartments, {}});
    }
  }
  for (const auto& a : clearances) {
    for (const auto& b : clearances) {
      for (const auto& label : labels) {
        EXPECT_EQ(Dominates(scheme, Meet(scheme, a, b), label),
                  Dominates(scheme, a, label) && Dominates(scheme, b, label))
            << ToText(a) << " and " << ToText(b) << " against " << ToText(label);
      }
    }
  }
}

}  // namespace
}  // namespace cordon
