// A caller who is remembered, while all that he depends on moves: he must be told what one is told
// who asks for the first time, and that by Decide() about each class, not by postings.
#include "engine/policy/entitlement_cache.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <utility>

#include "engine/base/random.h"
#include "tests/effort.h"
#include "tests/policy/engine_world.h"
#include "tests/policy/moving_policy.h"

namespace cordon {
namespace {

// What one is told who asks for the first time.
std::vector<uint64_t> Judged(const World& world, const Subject& subject) {
  const size_t classes = world.state.classes.classes.size();
  std::vector<uint64_t> words((classes + 63) / 64);
  for (ClassId id = 0; id < classes; ++id) {
    if (Decide(world, subject, {id})) words[id / 64] |= uint64_t{1} << (id % 64);
  }
  return words;
}

Authenticated Application(bool all) {
  Grant grant;
  grant.principal = "service:app";
  grant.rights = Rights::All();
  grant.as_patterns = {"*"};
  grant.clearance = all ? Clearance::All() : Clearance::Lowest();
  grant.destinations = {"dev"};
  return Authenticator::Prove(grant, /*dev=*/true);
}

// Whose token lists groups, some of which no list and no directory names yet.
Authenticated TokenCaller(uint64_t number, Random* random) {
  UserClaims claims;
  claims.principal = fmt::format("user:{}", number);
  claims.groups.emplace();
  for (int i = 0; i < 4; ++i) claims.groups->push_back(fmt::format("group:{}", random->Below(70)));
  claims.ceiling = Clearance::All();
  claims.digest = std::string(32, static_cast<char>(number));
  return Authenticator::Prove(Application(true), std::move(claims), /*forwards=*/true);
}

// Whether `now` was made of what was remembered of the same caller before (null: nothing).
bool IsMadeOf(const std::shared_ptr<KnownCaller>& before, const std::shared_ptr<KnownCaller>& now) {
  return before != nullptr && before != now && &before->subject() == &now->subject();
}

struct Past {
  PolicyState state;
  Micros now;
};

TEST(EntitlementCacheTest, ARememberedCallerIsToldWhatWasOnce) {
  Effort effort("S1-remembered", 500);
  MovingPolicy policy(effort.seed());
  EntitlementCache cache;
  std::vector<Authenticated> callers = {Application(true), Application(false)};
  for (uint64_t i = 0; i < 3; ++i) callers.push_back(TokenCaller(i, &policy.random()));
  std::vector<Past> pasts;  // of Views that are still pinned
  // The last that was remembered of each, and how many were made of the one before.
  std::map<std::pair<const Authenticated*, std::string>, std::shared_ptr<KnownCaller>> last;
  size_t permitted = 0, followed = 0;
  while (effort.More()) {
    policy.Move();
    if (pasts.size() < 4) pasts.push_back({policy.state(), policy.now()});
    if (policy.random().Below(10) == 0) {
      pasts[policy.random().Below(pasts.size())] = {policy.state(), policy.now()};
    }
    const Past& past = pasts[policy.random().Below(pasts.size())];
    const bool newest = policy.random().Below(4) > 0;
    const World world{newest ? policy.state() : past.state, newest ? policy.now() : past.now};
    const Authenticated& caller = callers[policy.random().Below(callers.size())];
    const std::string as = caller.user() != nullptr ? "" : policy.User();
    const auto subject = ResolveSubject(world, caller, as, "");
    ASSERT_TRUE(subject.ok());
    const auto known = cache.Find(world, caller, as, "");
    ASSERT_TRUE(known.ok());
    ASSERT_EQ((*known)->subject().principals.all(), subject->principals.all()) << as;
    ASSERT_EQ((*known)->subject().clearance, subject->clearance) << as;
    auto& before = last[{&caller, as}];
    followed += IsMadeOf(before, *known) ? 1 : 0;
    before = *known;
    const auto told = (*known)->EntitlementsIn(world);
    ASSERT_EQ(told->words(), Judged(world, *subject)) << as << " at " << world.now;
    for (const uint64_t word : told->words()) {
      permitted += static_cast<size_t>(__builtin_popcountll(word));
    }
  }
  effort.Report("permitted={} followed={}", permitted / effort.rounds(), followed);
  EXPECT_GT(permitted, 0u);
  if (effort.rounds() >= 500) {
    EXPECT_GT(followed, 0u) << "were made of what was remembered";
  }
}

// Of which most is copied: what a change of containers reaches is all that may be judged anew.
TEST(EntitlementCacheTest, ARememberedCallerIsToldWhatContainersPermitted) {
  Effort effort("S1-followed", 800);
  MovingPolicy policy(effort.seed());
  EntitlementCache cache;
  const Authenticated caller = Application(true);
  std::map<std::string, std::shared_ptr<KnownCaller>> last;
  size_t followed = 0;
  while (effort.More()) {
    policy.MoveContainers();
    const World world{policy.state(), policy.now()};
    const std::string as = fmt::format("user:{}", 4 + policy.random().Below(4));
    const auto subject = ResolveSubject(world, caller, as, "");
    ASSERT_TRUE(subject.ok());
    const auto known = *cache.Find(world, caller, as, "");
    const auto told = known->EntitlementsIn(world);
    ASSERT_EQ(told->words(), Judged(world, *subject)) << as << " at " << world.now;
    auto& before = last[as];
    followed += IsMadeOf(before, known) ? 1 : 0;
    before = known;
  }
  effort.Report("followed={}", followed);
  if (effort.rounds() >= 800) {  // so many that chance has no say
    EXPECT_GT(followed, effort.rounds() / 100) << "were made of what was remembered";
  }
}

// By postings, which begin before what is known ends, or one by one where they do not reach.
TEST(EntitlementCacheTest, LaterClassesAreAddedToWhatIsKnown) {
  MovingPolicy policy(3);
  std::vector<Subject> subjects;
  for (int user = 0; user < 12; ++user) {
    const auto subject =
        ResolveSubject({policy.state(), 0}, Application(true), fmt::format("user:{}", user), "");
    ASSERT_TRUE(subject.ok());
    subjects.push_back(*subject);
  }
  size_t added = 0;
  for (const int classes : {1, 7, 200, 255, 256, 257, 900, 3000, 40}) {
    std::vector<Entitlements> known;
    for (const auto& subject : subjects) known.push_back(Entitle({policy.state(), 0}, subject));
    policy.Grow(classes);
    const World world{policy.state(), 0};
    for (size_t i = 0; i < subjects.size(); ++i) {
      const Entitlements later = Entitle(world, subjects[i], &known[i]);
      ASSERT_EQ(later.words(), Judged(world, subjects[i])) << subjects[i].name << ", " << classes;
      EXPECT_EQ(later.classes(), world.state.classes.classes.size());
      EXPECT_LE(later.until(), known[i].until());
      const Micros last = later.until() == kNever ? 0 : later.until() - 1;
      ASSERT_EQ(later.words(), Judged({policy.state(), last}, subjects[i])) << last;
      for (size_t id = known[i].classes(); id < later.classes(); ++id) {
        added += later.Permits(static_cast<ClassId>(id)) ? 1 : 0;
      }
    }
  }
  EXPECT_GT(added, 100u);
}

// Nothing is written: what is remembered ends when a list's entry, a container's or a membership
// begins, as when it ends.
TEST(EntitlementCacheTest, WhatBeginsIsNotForgottenByWhatIsRemembered) {
  const auto as = [](const std::string& kind) {
    PolicyState state;
    state.classes.labels.PushBack({"public", {}, {}});
    const PrincipalId user = state.principals->Intern("user:1");
    const PrincipalId group = state.principals->Intern("group:g");
    const TimedPrincipal later{user, 20, 10};
    Clause clause{{{user}}, {}, false};
    if (kind == "allow") clause.allow = {later};
    if (kind == "deny") clause.deny = {later};
    if (kind == "member") clause.allow = {{group}};
    if (kind == "denied member") clause.deny = {{group}};
    if (kind.ends_with("member")) {  // else nothing but entitlements may notice
      auto record = std::make_shared<DirectoryRecord>();
      record->members = {later};
      auto directory = std::make_shared<Directory>();
      directory->Set(group, std::move(record));
      state.directory = directory;
    }
    if (kind == "container") {
      PolicyRules rules;
      rules.containers["folder:x"].clause.allow = {later};
      state.rules = std::make_shared<const PolicyRules>(std::move(rules));
      state.classes.AddClause({"folder:x", {}, "folder:x"});
    } else {
      state.classes.AddClause({"", std::move(clause), "acl"});
    }
    return state;
  };
  const Authenticated caller = Application(true);
  for (const std::string kind : {"allow", "deny", "member", "denied member", "container"}) {
    for (const int classes : {1, 256}) {  // judged one by one, and by postings
      PolicyState state = as(kind);
      for (int i = 0; i < classes; ++i) state.classes.classes.PushBack({{0}, 0});
      state.ExtendPostings();
      EntitlementCache cache;
      const bool denies = kind.starts_with("den");
      for (const auto& [now, inside] :
           {std::pair<Micros, bool>{0, false}, {9, false}, {10, true}, {19, true}, {20, false}}) {
        const auto known = *cache.Find({state, now}, caller, "user:1", "");
        EXPECT_EQ(known->EntitlementsIn({state, now})->Permits(0), inside != denies)
            << kind << " at " << now << " of " << classes;
      }
    }
  }
}

TEST(EntitlementCacheTest, ACallerIsResolvedAgainForNothing) {
  MovingPolicy policy(1);
  EntitlementCache cache;
  const Authenticated caller = Application(true);
  const auto Ask = [&](const std::string& as) {
    return *cache.Find({policy.state(), 0}, caller, as, "");
  };
  const auto first = Ask("user:1");
  const auto entitlements = first->EntitlementsIn({policy.state(), 0});
  EXPECT_EQ(Ask("user:1"), first);
  EXPECT_EQ(Ask("user:1")->EntitlementsIn({policy.state(), 0}), entitlements);
  EXPECT_NE(Ask("user:2"), first);
  EXPECT_NE(*cache.Find({policy.state(), 0}, caller, "user:1", "dev"), first);
  EXPECT_NE(*cache.Find({policy.state(), 0}, Application(true), "user:1", ""), first);
}

// A container's change that concerns others only.
TEST(EntitlementCacheTest, AContainersChangeForgetsThoseWhomItDoesNotConcern) {
  PolicyState state;
  state.classes.labels.PushBack({"public", {}, {}});
  const auto allow = [&](PolicyRules rules, std::initializer_list<const char*> names) {
    Container& container = rules.containers["folder:x"];
    container.clause.allow.clear();
    for (const char* name : names)
      container.clause.allow.push_back({state.principals->Intern(name)});
    rules.NoteChange(*state.rules, {"folder:x"});
    state.rules = std::make_shared<const PolicyRules>(std::move(rules));
  };
  allow(*state.rules, {"user:1"});
  state.classes.AddClause({"folder:x", {}, "folder:x"});
  state.classes.classes.PushBack({{0}, 0});
  EntitlementCache cache;
  const Authenticated caller = Application(true);
  const auto ask = [&](const std::string& as) { return *cache.Find({state, 0}, caller, as, ""); };
  const auto sees = [&](const std::string& as) {
    return ask(as)->EntitlementsIn({state, 0})->Permits(0);
  };
  EXPECT_TRUE(sees("user:1"));
  EXPECT_FALSE(sees("user:2"));
  const auto first = ask("user:1"), second = ask("user:2");
  allow(*state.rules, {"user:3", "user:1"});
  EXPECT_EQ(ask("user:1"), first);
  EXPECT_EQ(ask("user:2"), second);
  allow(*state.rules, {"user:2"});
  EXPECT_NE(ask("user:1"), first);
  EXPECT_NE(ask("user:2"), second);
  EXPECT_FALSE(sees("user:1"));
  EXPECT_TRUE(sees("user:2"));
}

// The chain root ← site ← folder, of which only the root changes: what inherits from it from far is
// judged anew, by postings and without, and nobody is resolved.
void ExpectFollowed(ClassId classes) {
  PolicyState state;
  state.classes.labels.PushBack({"public", {}, {}});
  const PrincipalId user = state.principals->Intern("user:1");
  PolicyRules first;
  for (const std::string name : {"root", "site", "folder", "other"}) {
    first.containers[name].clause.allow = {{user}};
    state.classes.AddClause({name, {}, name});
  }
  first.containers["site"].inherit = {"root"};
  first.containers["folder"].inherit = {"site"};
  const auto publish = [&](PolicyRules rules) {
    rules.NoteChange(*state.rules, {"root"});
    state.rules = std::make_shared<const PolicyRules>(std::move(rules));
  };
  publish(std::move(first));
  for (ClassId id = 0; id < classes; ++id) state.classes.classes.PushBack({{id % 4}, 0});
  state.ExtendPostings();
  EntitlementCache cache;
  const Authenticated caller = Application(true);
  std::shared_ptr<KnownCaller> before;
  const auto expect = [&](bool below_root, Micros now) {
    const World world{state, now};
    const auto known = *cache.Find(world, caller, "user:1", "");
    const auto told = known->EntitlementsIn(world);
    for (ClassId id = 0; id < classes; ++id) {
      ASSERT_EQ(told->Permits(id), below_root || id % 4 == 3) << id << " at " << now;
    }
    if (before != nullptr) {
      EXPECT_EQ(&known->subject(), &before->subject()) << now;
    }
    before = known;
  };
  expect(true, 0);
  PolicyRules rules = *state.rules;
  rules.containers["root"].clause.allow.clear();
  publish(rules);
  expect(false, 1);
  rules.containers["root"].clause.allow = {{user, 10}};
  publish(rules);
  expect(true, 2);
  rules.containers["root"].clause.deny = {{user}};
  publish(rules);
  rules.containers["root"].clause.deny.clear();
  publish(rules);
  expect(true, 3);
  before = nullptr;  // a time at which an entry ends is one at which all is asked again
  expect(false, 10);
  rules.containers.erase("root");
  publish(rules);
  rules.containers["root"].clause.allow = {{user}};
  publish(rules);
  expect(true, 11);
}

TEST(EntitlementCacheTest, AChangeAboveLeavesWhatInheritsFromItAsItWas) {
  ExpectFollowed(300);   // 256 of them in postings
  ExpectFollowed(8000);  // too many to be judged one by one
}

// A View that is still pinned has rules that others have asked about at a later time: that they
// permit the same there says nothing of now.
TEST(EntitlementCacheTest, WhatRulesPermitLaterIsToldOfBefore) {
  PolicyState state;
  state.classes.labels.PushBack({"public", {}, {}});
  state.classes.AddClause({"folder:x", {}, "folder:x"});
  state.classes.classes.PushBack({{0}, 0});
  const PrincipalId user = state.principals->Intern("user:1");
  PolicyRules rules;
  rules.containers["folder:x"].clause.allow = {{user}};
  state.rules = std::make_shared<const PolicyRules>(rules);
  EntitlementCache cache;
  const Authenticated caller = Application(true);
  const auto sees = [&](Micros now) {
    const World world{state, now};
    return (*cache.Find(world, caller, "user:1", ""))->EntitlementsIn(world)->Permits(0);
  };
  EXPECT_TRUE(sees(0));
  rules.containers["folder:x"].clause.deny = {{user, 10}};
  rules.NoteChange(*state.rules, {"folder:x"});
  state.rules = std::make_shared<const PolicyRules>(rules);
  EXPECT_TRUE(sees(20));
  EXPECT_FALSE(sees(5));
  EXPECT_TRUE(sees(20));
}

// Each entry grows with the classes; all of them together must not.
TEST(EntitlementCacheTest, ManyCallersGrowWithTheClassesBeyondTheBound) {
  constexpr size_t kBytes = 1 << 20;
  PolicyState state;
  state.classes.labels.PushBack({"public", {}, {}});
  state.classes.AddClause({"", {{{PrincipalTable::kEveryoneId}}, {}, false}, "acl"});
  EntitlementCache cache(kBytes);
  const Authenticated caller = Application(true);
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 20'000; ++i) state.classes.classes.PushBack({{0}, 0});
    state.ExtendPostings();
    for (int user = 0; user < 300; ++user) {
      const auto known = cache.Find({state, 0}, caller, fmt::format("user:{}", user), "");
      (*known)->EntitlementsIn({state, 0});
      EXPECT_LE(cache.bytes(), kBytes);
    }
  }
  EXPECT_GT(cache.bytes(), kBytes / 2);
}

}  // namespace
}  // namespace cordon
