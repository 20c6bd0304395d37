// What one caller may see, handed to another who differs in a single part.
#include "engine/policy/entitlement_cache.h"

#include <gtest/gtest.h>

#include <functional>

namespace cordon {
namespace {

class EntitlementCacheTest : public testing::Test {
 protected:
  EntitlementCacheTest() {
    hr_ = policy_.principals->Intern("group:hr");
    app_ = policy_.principals->Intern("service:app");
    for (const char* level : {"public", "restricted"}) {
      policy_.classes.labels.PushBack({level, {}, {}});
    }
    AddClass({{hr_}}, {{app_}}, 0);
    AddClass({{hr_}}, {}, 0);
    AddClass({{hr_}}, {}, 1);
  }

  void AddClass(std::vector<TimedPrincipal> allow, std::vector<TimedPrincipal> deny,
                LabelId label) {
    policy_.classes.clauses.PushBack({"", {std::move(allow), std::move(deny)}, "document acl"});
    const auto clause = static_cast<ClauseId>(policy_.classes.clauses.size() - 1);
    policy_.classes.classes.PushBack({{clause}, label});
  }

  // Sees everything.
  Subject Ana() const {
    Subject subject;
    subject.name = "user:ana";
    subject.principals.Add(hr_, hr_);
    subject.clearance = Clearance::All();
    subject.application_clearance = Clearance::All();
    subject.destination = DevDestination();
    return subject;
  }

  std::vector<uint64_t> Fresh(const Subject& subject) const {
    return Entitle({policy_, 0}, subject).words();
  }
  std::vector<uint64_t> Remembered(const Subject& subject) {
    return cache_.Of({policy_, 0}, subject)->words();
  }

  PolicyState policy_;
  PrincipalId hr_, app_;
  EntitlementCache cache_;
};

TEST_F(EntitlementCacheTest, TheSameCallerIsNotJudgedTwice) {
  const auto first = cache_.Of({policy_, 0}, Ana());
  EXPECT_EQ(cache_.Of({policy_, 0}, Ana()), first);
  EXPECT_EQ(first->words(), std::vector<uint64_t>{0b111});
}

TEST_F(EntitlementCacheTest, ACallerWhoDiffersInOnePartGetsAnothersView) {
  const std::function<void(Subject*)> kParts[] = {
      [](Subject* s) { s->principals = PrincipalSet(); },
      [&](Subject* s) { s->application_principals.Add(app_, app_); },
      [](Subject* s) { s->clearance = Clearance::Lowest(); },
      [](Subject* s) { s->application_clearance = Clearance::Lowest(); },
      [](Subject* s) { s->destination->ceiling = Clearance::Lowest(); },
  };
  for (const auto& part : kParts) {
    Subject other = Ana();
    part(&other);
    ASSERT_NE(Fresh(other), Fresh(Ana()));
    EXPECT_EQ(Remembered(Ana()), Fresh(Ana()));
    EXPECT_EQ(Remembered(other), Fresh(other));
    EXPECT_EQ(Remembered(Ana()), Fresh(Ana()));
  }
}

}  // namespace
}  // namespace cordon
