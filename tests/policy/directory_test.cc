// Groups within groups: nobody is forgotten, circles end, and too deep is an error, not a guess.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/limits.h"
#include "tests/policy/engine_world.h"
#include "tests/policy/random_world.h"
#include "tests/seed.h"

namespace cordon {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

using Members = std::map<std::string, std::vector<reference::Entry>>;

// A directory in plain strings.
class Groups {
 public:
  explicit Groups(const Members& members)
      : world_([&] {
          reference::World world;
          world.levels = {"public"};
          world.members = members;
          return EngineWorld(world);
        }()) {}

  const Directory& directory() const { return *world_.state().directory; }

  PrincipalId Id(const std::string& name) const { return world_.state().principals->Intern(name); }

  StatusOr<PrincipalSet> Expand(const std::string& name, Micros now = 0) const {
    return directory().Expand({Id(name)}, now);
  }

  std::vector<std::string> NamesOf(const std::string& name, Micros now = 0) const {
    return ToNames(Expand(name, now)->all());
  }

  std::vector<std::string> ToNames(const std::vector<PrincipalId>& ids) const {
    std::vector<std::string> names;
    for (const PrincipalId id : ids) names.push_back(world_.state().principals->Name(id));
    return names;
  }

 private:
  EngineWorld world_;
};

// user:ana below group:1 below group:2 and so on.
Members Ladder(size_t rungs) {
  Members members;
  std::string below = "user:ana";
  for (size_t i = 1; i <= rungs; ++i) {
    const std::string rung = "group:" + std::to_string(i);
    members[rung] = {{below}};
    below = rung;
  }
  return members;
}

TEST(DirectoryTest, NestedGroupsAndRolesAreAllFound) {
  const Groups groups({{"group:a", {{"user:ana"}}},
                       {"role:b", {{"group:a"}, {"user:bo"}}},
                       {"group:c", {{"role:b"}}},
                       {"group:d", {{"user:bo"}}},
                       {"group:empty", {}}});
  EXPECT_THAT(groups.NamesOf("user:ana"),
              UnorderedElementsAre("user:ana", "group:a", "role:b", "group:c"));
  EXPECT_THAT(groups.NamesOf("user:bo"),
              UnorderedElementsAre("user:bo", "role:b", "group:c", "group:d"));
  EXPECT_THAT(groups.NamesOf("user:ghost"), ElementsAre("user:ghost"));
}

TEST(DirectoryTest, MembershipGoesUpAndNeverDown) {
  const Groups groups({{"group:all", {{"group:hr"}, {"user:bo"}}}, {"group:hr", {{"user:ana"}}}});
  EXPECT_THAT(groups.NamesOf("user:bo"), UnorderedElementsAre("user:bo", "group:all"));
}

TEST(DirectoryTest, CirclesEndWhereTheyBegin) {
  const Groups groups({{"group:a", {{"group:c"}, {"user:ana"}}},
                       {"group:b", {{"group:a"}}},
                       {"group:c", {{"group:b"}, {"group:c"}}}});
  EXPECT_THAT(groups.NamesOf("user:ana"),
              UnorderedElementsAre("user:ana", "group:a", "group:b", "group:c"));
}

TEST(DirectoryTest, EndedMembershipsAreAbsentAtAnyDepth) {
  const Groups groups({{"group:a", {{"user:ana", 20}}}, {"group:b", {{"group:a", 10}}}});
  EXPECT_THAT(groups.NamesOf("user:ana", 9), ElementsAre("user:ana", "group:a", "group:b"));
  EXPECT_THAT(groups.NamesOf("user:ana", 10), ElementsAre("user:ana", "group:a"));
  EXPECT_THAT(groups.NamesOf("user:ana", 20), ElementsAre("user:ana"));
}

TEST(DirectoryTest, MembershipsThatHaveNotBegunAreAbsentAtAnyDepth) {
  const Groups groups(
      {{"group:a", {{"user:ana", INT64_MAX, 10}}}, {"group:b", {{"group:a", INT64_MAX, 20}}}});
  EXPECT_THAT(groups.NamesOf("user:ana", 9), ElementsAre("user:ana"));
  EXPECT_THAT(groups.NamesOf("user:ana", 10), ElementsAre("user:ana", "group:a"));
  EXPECT_THAT(groups.NamesOf("user:ana", 20), ElementsAre("user:ana", "group:a", "group:b"));
  // Until then who was resolved stays who it is.
  EXPECT_EQ(groups.Expand("user:ana", 9)->until(), 10);
  EXPECT_EQ(groups.Expand("user:ana", 10)->until(), 20);
  EXPECT_EQ(groups.Expand("user:ana", 20)->until(), kNever);
}

TEST(DirectoryTest, ASecondWayKeepsAMembershipWhoseFirstHasEnded) {
  const Groups groups({{"group:a", {{"user:ana", 10}}},
                       {"group:b", {{"user:ana"}}},
                       {"group:c", {{"group:a"}, {"group:b", 30}}}});
  EXPECT_THAT(groups.NamesOf("user:ana", 10),
              UnorderedElementsAre("user:ana", "group:b", "group:c"));
  EXPECT_THAT(groups.NamesOf("user:ana", 30), UnorderedElementsAre("user:ana", "group:b"));
}

TEST(DirectoryTest, TooDeepIsAnErrorAndNotAShortAnswer) {
  const Groups deepest(Ladder(limits::kGroupDepth));
  ASSERT_TRUE(deepest.Expand("user:ana").ok());
  EXPECT_EQ(deepest.NamesOf("user:ana").size(), limits::kGroupDepth + 1);
  const Groups deeper(Ladder(limits::kGroupDepth + 1));
  const Status status = deeper.Expand("user:ana").status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("flatten"));
  EXPECT_TRUE(deeper.Expand("group:1").ok()) << "only those who are concerned";
}

TEST(DirectoryTest, AShortcutMakesADeepDirectoryShallow) {
  Members members = Ladder(limits::kGroupDepth + 1);
  members["group:40"].push_back({"user:ana"});
  EXPECT_EQ(Groups(members).NamesOf("user:ana").size(), limits::kGroupDepth + 2);
}

TEST(DirectoryTest, ManyWaysToOneGroupAreWalkedOnce) {
  // 60 layers of 20 groups, each a member of all of the next: 20^60 ways up.
  Members members;
  for (int layer = 0; layer < 60; ++layer) {
    for (int i = 0; i < 20; ++i) {
      auto& above = members["group:" + std::to_string(layer) + "/" + std::to_string(i)];
      if (layer == 0) above.push_back({"user:ana"});
      for (int j = 0; layer > 0 && j < 20; ++j) {
        above.push_back({"group:" + std::to_string(layer - 1) + "/" + std::to_string(j)});
      }
    }
  }
  EXPECT_EQ(Groups(members).NamesOf("user:ana").size(), 60u * 20 + 1);
}

TEST(DirectoryTest, ThePathLeadsFromThePrincipalToTheGroup) {
  const Groups groups({{"group:a", {{"user:ana"}}}, {"group:b", {{"group:a"}}}});
  const auto set = groups.Expand("user:ana");
  EXPECT_THAT(groups.ToNames(set->PathTo(groups.Id("group:b"))),
              ElementsAre("user:ana", "group:a", "group:b"));
  EXPECT_THAT(groups.ToNames(set->PathTo(groups.Id("user:ana"))), ElementsAre("user:ana"));
  EXPECT_FALSE(set->Contains(groups.Id("group:z")));
  EXPECT_FALSE(set->Contains(1'000'000));
}

TEST(DirectoryTest, TheNextEventIsTheNextStartOrEndOfAMembership) {
  const Groups groups(
      {{"group:a", {{"user:ana", 20}, {"user:bo"}}}, {"group:b", {{"user:ana", 10}}}});
  EXPECT_EQ(groups.directory().NextEvent(0), 10);
  EXPECT_EQ(groups.directory().NextEvent(9), 10);
  EXPECT_EQ(groups.directory().NextEvent(10), 20);
  EXPECT_EQ(groups.directory().NextEvent(20), kNever);
  const Groups starting({{"group:a", {{"user:ana", 20, 5}, {"user:bo", INT64_MAX, 30}}}});
  EXPECT_EQ(starting.directory().NextEvent(0), 5);
  EXPECT_EQ(starting.directory().NextEvent(5), 20);
  EXPECT_EQ(starting.directory().NextEvent(20), 30);
  EXPECT_EQ(starting.directory().NextEvent(30), kNever);
}

TEST(DirectoryTest, MembershipsTellWhenEachHolds) {
  RandomWorld draw(TestSeed());
  for (int round = 0; round < 300; ++round) {
    const Groups groups(draw.Draw().members);
    const auto memberships = groups.directory().Memberships({groups.Id("user:ana")});
    for (Micros now = 0; now <= kTimes; ++now) {
      const auto set = groups.Expand("user:ana", now);
      ASSERT_TRUE(set.ok());  // the ladder begins at bo
      size_t held = 0;
      for (const auto& [id, times] : memberships) {
        const bool holds = times.At(now).has_value();
        ASSERT_EQ(set->Contains(id), holds) << groups.ToNames({id})[0] << " at " << now;
        held += holds ? 1 : 0;
      }
      ASSERT_EQ(set->all().size(), held) << "at " << now;
    }
  }
}

// Who belongs to this many groups, and each with an alias.
Members Wide(size_t groups) {
  Members members;
  for (size_t i = 0; i < groups; ++i) members["group:" + std::to_string(i)] = {{"user:ana"}};
  return members;
}

TEST(DirectoryTest, TooManyGroupsAreAnErrorAndNotFewer) {
  const Groups most(Wide(limits::kGroupsPerCaller));
  ASSERT_TRUE(most.Expand("user:ana").ok());
  EXPECT_EQ(most.Expand("user:ana")->all().size(), limits::kGroupsPerCaller + 1);
  const Groups more(Wide(limits::kGroupsPerCaller + 1));
  const Status status = more.Expand("user:ana").status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.field(), "as");
  EXPECT_TRUE(more.Expand("group:1").ok()) << "only those who are concerned";
}

// The writer asks for them about every change of a directory, and has all tenants' changes to do.
TEST(DirectoryTest, MembershipsDeeperThanAnybodyMayHaveAreNotFollowed) {
  const Groups deeper(Ladder(limits::kGroupDepth + 5));
  const auto held = deeper.directory().Memberships({deeper.Id("user:ana")});
  EXPECT_EQ(held.size(), limits::kGroupDepth + 1);
  const auto deepest = deeper.Id("group:" + std::to_string(limits::kGroupDepth));
  EXPECT_TRUE(held.contains(deepest));
}

// A directory with aliases, changed step by step.
class Aliases : public testing::Test {
 protected:
  PrincipalId Id(const std::string& name) { return names_.Intern(name); }
  void SetAlias(const std::string& alias, const std::string& of) {
    auto record = std::make_shared<DirectoryRecord>();
    record->alias_of = Id(of);
    directory_.Set(Id(alias), std::move(record));
  }
  void SetMembers(const std::string& group, const std::vector<std::string>& members) {
    auto record = std::make_shared<DirectoryRecord>();
    record->members.emplace();
    for (const auto& member : members) record->members->push_back({Id(member)});
    directory_.Set(Id(group), std::move(record));
  }
  std::vector<std::string> NamesOf(const std::string& name) {
    std::vector<std::string> names;
    const auto set = directory_.Expand({Id(name)}, 0);
    for (const PrincipalId id : set->all()) names.push_back(names_.Name(id));
    return names;
  }

  PrincipalTable names_;
  Directory directory_;
};

TEST_F(Aliases, WhoeverIsTheOneIsTheOther) {
  SetMembers("group:a", {"user:ana"});
  SetMembers("group:b", {"user:ana@x"});
  SetMembers("group:c", {"group:aka-b"});
  SetAlias("user:ana@x", "user:ana");
  SetAlias("group:aka-b", "group:b");
  for (const std::string name : {"user:ana", "user:ana@x"}) {
    EXPECT_THAT(NamesOf(name), UnorderedElementsAre("user:ana", "user:ana@x", "group:a", "group:b",
                                                    "group:aka-b", "group:c"));
  }
  EXPECT_EQ(directory_.Memberships({Id("user:ana@x")}).size(), 6u);
  EXPECT_EQ(directory_.Memberships({Id("user:ana")}).size(), 6u);
}

TEST_F(Aliases, WhatIsRememberedOfEitherIsLookedAtAgain) {
  SetMembers("group:a", {"user:ana"});
  for (const auto& [alias, of] :
       {std::pair{"user:ana@x", "user:ana"}, {"user:ana@x", "user:bo"}, {"group:aka", "group:a"}}) {
    const auto ana = *directory_.Expand({Id("user:ana")}, 0);
    const auto x = *directory_.Expand({Id("user:ana@x")}, 0);
    const auto other = *directory_.Expand({Id("user:zoe")}, 0);
    const auto then = directory_.last_change();
    SetAlias(alias, of);
    EXPECT_FALSE(directory_.Unchanged(then.get(), ana, other)) << alias << of;
    EXPECT_EQ(directory_.Unchanged(then.get(), x, other), std::string(alias) == "group:aka");
    EXPECT_TRUE(directory_.Unchanged(then.get(), other, other));
  }
  const auto bo = *directory_.Expand({Id("user:bo")}, 0);
  const auto then = directory_.last_change();
  directory_.Set(Id("user:ana@x"), nullptr);
  EXPECT_FALSE(directory_.Unchanged(then.get(), bo, bo));
  EXPECT_THAT(NamesOf("user:ana@x"), ElementsAre("user:ana@x"));
}

// Who stays in a group is remembered whoever comes and goes; whom its own memberships or what is
// said of itself concerns is looked at again.
TEST_F(Aliases, NewMembersMakeTheOldOnesLookedAtAgain) {
  SetMembers("group:a", {"user:ana", "user:bo"});
  const auto set = [&](const std::string& name) { return *directory_.Expand({Id(name)}, 0); };
  auto then = directory_.last_change();
  const auto ana = set("user:ana"), bo = set("user:bo"), cy = set("user:cy");
  SetMembers("group:a", {"user:ana", "user:cy"});
  EXPECT_TRUE(directory_.Unchanged(then.get(), ana, ana));
  EXPECT_FALSE(directory_.Unchanged(then.get(), bo, bo));
  EXPECT_FALSE(directory_.Unchanged(then.get(), cy, cy));
  SetMembers("group:above", {"group:a"});
  EXPECT_FALSE(directory_.Unchanged(then.get(), ana, ana));
  then = directory_.last_change();
  const auto again = set("user:ana");
  directory_.Set(Id("group:a"), nullptr);
  EXPECT_FALSE(directory_.Unchanged(then.get(), again, again));
}

// A tenant of 100,000 in one group at the end of fifty, in a circle: who is asked about is found by
// a way of fifty steps, and a change copies no other record.
TEST_F(Aliases, AGroupOfAllIsWalkedForEach) {
  constexpr size_t kPeople = 100'000, kDepth = 50;
  std::vector<std::string> people;
  for (size_t i = 0; i < kPeople; ++i) people.push_back("user:u" + std::to_string(i));
  SetMembers("group:0", people);
  for (size_t i = 1; i < kDepth; ++i) {
    SetMembers("group:" + std::to_string(i), {"group:" + std::to_string(i - 1)});
  }
  people.push_back("group:" + std::to_string(kDepth - 1));
  SetMembers("group:0", people);
  EXPECT_EQ(NamesOf("user:u7").size(), 1 + kDepth);
  const Directory before = directory_;
  for (size_t i = 0; i < 1000; ++i) SetMembers("group:small", {"user:u" + std::to_string(i)});
  EXPECT_EQ(before.Find(Id("group:0")), directory_.Find(Id("group:0")));
  EXPECT_EQ(before.Find(Id("group:small")), nullptr);
  EXPECT_EQ(NamesOf("user:u999").size(), 2 + kDepth);
  EXPECT_EQ(NamesOf("user:u998").size(), 1 + kDepth);
}

}  // namespace
}  // namespace cordon
