// An access past lists that reaches further than DESIGN §2 lets it, or that outlives its end.
#include "engine/policy/break_glass.h"

#include <gtest/gtest.h>

#include "tests/policy/story.h"

namespace cordon {
namespace {

class BreakGlassTest : public testing::Test {
 protected:
  BreakGlassTest() { story_.acl().allow = {{"group:hr"}}; }

  // Whether ana sees the chunk at `now` under an access until 10, by a key that has the right or
  // not; "ended" and the like if it is refused.
  std::string Sees(Micros now, const BreakGlassAccess& access, bool right = true) {
    const EngineWorld engine(story_.world);
    PolicyState state = engine.state();
    auto accesses = std::make_shared<BreakGlassAccesses>();
    (*accesses)[access.id] = std::make_shared<const BreakGlassAccess>(access);
    state.break_glass = accesses;
    const World world{state, now};
    Grant grant = ToCaller(story_.world, story_.key).grant();
    if (right) grant.rights.Add(Right::kBreakGlass);
    const Authenticated caller =
        Authenticator::Prove(grant, /*dev=*/false, "default", access_.key_id);
    auto subject = ResolveSubject(world, caller, "user:ana", "chat");
    EXPECT_TRUE(subject.ok());
    const Status opened = BreakGlass(world, caller, "a", &*subject);
    if (!opened.ok()) return std::string(opened.field());
    const bool seen = Decide(world, *subject, engine.facts(0));
    EXPECT_EQ(Entitle(world, *subject).Permits(engine.facts(0).class_id), seen);
    return seen ? "seen" : "hidden";
  }

  const BreakGlassAccess access_{"a", "key", "user:ana", "fire", 0, 10};
  Story story_;
};

TEST_F(BreakGlassTest, OnlyWhoOpenedItForWhomAndUntilItsEnd) {
  EXPECT_EQ(Sees(9, access_), "seen");
  EXPECT_EQ(Sees(10, access_), "break_glass") << "it has ended";
  EXPECT_EQ(Sees(0, access_, /*right=*/false), "rights");
  BreakGlassAccess other = access_;
  other.key_id = "another";
  EXPECT_EQ(Sees(0, other), "break_glass");
  other = access_;
  other.principal = "user:bo";
  EXPECT_EQ(Sees(0, other), "break_glass");
  other = access_;
  other.id = "b";
  EXPECT_EQ(Sees(0, other), "break_glass");
}

TEST_F(BreakGlassTest, DeniesAndLabelsHold) {
  story_.acl().deny = {{"user:ana"}};
  EXPECT_EQ(Sees(0, access_), "hidden");
  story_.acl().deny = {{"service:app"}};
  EXPECT_EQ(Sees(0, access_), "hidden") << "of the application";
  story_.acl().deny = {};
  story_.label().level = "secret";
  EXPECT_EQ(Sees(0, access_), "hidden");
  story_.label().level = "public";
  story_.chat().gate.forbidden_tags = {"pii"};
  story_.label().tags = {"pii"};
  EXPECT_EQ(Sees(0, access_), "hidden");
  story_.label().tags = {};
  story_.acl().inherit = {"folder:/gone"};
  EXPECT_EQ(Sees(0, access_), "hidden") << "a container that is not there denies";
}

TEST_F(BreakGlassTest, TheNextEndIsTheFirstToCome) {
  BreakGlassAccesses accesses;
  EXPECT_EQ(NextEnd(accesses, 0), kNever);
  accesses["a"] = std::make_shared<const BreakGlassAccess>(access_);
  EXPECT_EQ(NextEnd(accesses, 9), 10);
  EXPECT_EQ(NextEnd(accesses, 10), kNever);
}

}  // namespace
}  // namespace cordon
