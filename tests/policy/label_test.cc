// The lattice of labels: joins that lose nothing, clearances that never see more by accident.

#include "engine/policy/label.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/limits.h"

namespace cordon {
namespace {

using testing::HasSubstr;

const Scheme kLabelScheme = {{"public", "internal", "secret"}, {"merger", "people"}, {"eu", "pii"}};

std::vector<std::vector<std::string>> SubsetsOf(const std::vector<std::string>& names) {
  std::vector<std::vector<std::string>> subsets(size_t{1} << names.size());
  for (size_t bits = 0; bits < subsets.size(); ++bits) {
    for (size_t i = 0; i < names.size(); ++i) {
      if (bits >> i & 1) subsets[bits].push_back(names[i]);
    }
  }
  return subsets;
}

// Every label of the scheme.
std::vector<Label> AllLabels() {
  std::vector<Label> labels;
  for (const auto& level : kLabelScheme.levels) {
    for (const auto& compartments : SubsetsOf(kLabelScheme.compartments)) {
      for (const auto& tags : SubsetsOf(kLabelScheme.tags))
        labels.push_back({level, compartments, tags});
    }
  }
  return labels;
}

// Every clearance of the scheme.
std::vector<Clearance> AllClearances() {
  std::vector<Clearance> clearances = {Clearance::Lowest(), Clearance::All()};
  for (const auto& level : kLabelScheme.levels) {
    for (const auto& compartments : SubsetsOf(kLabelScheme.compartments)) {
      clearances.push_back({Clearance::Kind::kNamed, level, compartments});
    }
  }
  return clearances;
}

Clearance Named(std::string level, std::vector<std::string> compartments = {}) {
  return {Clearance::Kind::kNamed, std::move(level), std::move(compartments)};
}

TEST(LabelTest, JoinIsCommutativeAssociativeAndIdempotent) {
  const auto labels = AllLabels();
  for (const auto& a : labels) {
    EXPECT_EQ(Join(kLabelScheme, a, a), a);
    for (const auto& b : labels) {
      const Label ab = Join(kLabelScheme, a, b);
      ASSERT_EQ(ab, Join(kLabelScheme, b, a)) << ToText(a) << " and " << ToText(b);
      ASSERT_EQ(Join(kLabelScheme, ab, b), ab);
      for (const auto& c : labels) {
        ASSERT_EQ(Join(kLabelScheme, ab, c), Join(kLabelScheme, a, Join(kLabelScheme, b, c)));
      }
    }
  }
}

TEST(LabelTest, JoinIsTheLeastLabelThatIsAsSensitiveAsBoth) {
  for (const auto& a : AllLabels()) {
    for (const auto& b : AllLabels()) {
      const Label join = Join(kLabelScheme, a, b);
      for (const auto& clearance : AllClearances()) {
        const bool both =
            Dominates(kLabelScheme, clearance, a) && Dominates(kLabelScheme, clearance, b);
        ASSERT_EQ(Dominates(kLabelScheme, clearance, join), both)
            << ToText(clearance) << " of " << ToText(a) << " and " << ToText(b);
      }
      for (const auto& tag : kLabelScheme.tags) {
        const auto has = [&](const Label& label) {
          return std::count(label.tags.begin(), label.tags.end(), tag) > 0;
        };
        ASSERT_EQ(has(join), has(a) || has(b)) << tag;
      }
    }
  }
}

TEST(LabelTest, RegionsMeetInAJoinSinceEachOneMorePermitsMore) {
  const Label eu = {"public", {}, {"region:eu"}};
  const Label us = {"public", {}, {"region:us"}};
  const Label either = {"public", {}, {"pii", "region:eu", "region:us"}};
  using Regions = std::vector<std::string>;
  const Label nowhere = {"public", {}, {"region:eu", "region:us"}, Regions{}};
  EXPECT_EQ(Join(kLabelScheme, eu, us), nowhere);
  EXPECT_EQ(Join(kLabelScheme, nowhere, eu), nowhere);
  EXPECT_EQ(Join(kLabelScheme, either, us),
            (Label{"public", {}, {"pii", "region:eu", "region:us"}, Regions{"region:us"}}));
  EXPECT_EQ(Join(kLabelScheme, either, either), either);
  EXPECT_EQ(RegionsOf(either), (Regions{"region:eu", "region:us"}));
  EXPECT_EQ(RegionsOf(Label{"public", {}, {"pii"}}), std::nullopt);
  EXPECT_EQ(Join(kLabelScheme, Label{"public", {}, {"pii"}}, eu),
            (Label{"public", {}, {"pii", "region:eu"}}));
}

TEST(LabelTest, AJoinWithALevelThatIsNotKnownIsSeenByNobody) {
  const Label unknown = {"forgotten", {}, {}};
  for (const auto& label : AllLabels()) {
    EXPECT_EQ(Join(kLabelScheme, label, unknown).level, "forgotten");
    EXPECT_EQ(Join(kLabelScheme, unknown, label).level, "forgotten");
    EXPECT_FALSE(Dominates(kLabelScheme, Clearance::All(), Join(kLabelScheme, label, unknown)));
  }
}

TEST(LabelTest, DominatesIsMonotone) {
  for (const auto& high : AllClearances()) {
    for (const auto& low : AllClearances()) {
      if (!Covers(kLabelScheme, high, low)) continue;
      for (const auto& label : AllLabels()) {
        ASSERT_TRUE(Dominates(kLabelScheme, high, label) || !Dominates(kLabelScheme, low, label))
            << ToText(high) << " covers " << ToText(low) << " but not for " << ToText(label);
      }
    }
  }
}

TEST(LabelTest, DominatesNeedsTheLevelAndEveryCompartmentAndIgnoresTags) {
  EXPECT_TRUE(Dominates(kLabelScheme, Named("internal"), {"internal", {}, {"pii"}}));
  EXPECT_TRUE(Dominates(kLabelScheme, Named("internal", {"people"}), {"public", {}, {}}));
  EXPECT_FALSE(Dominates(kLabelScheme, Named("internal"), {"secret", {}, {}}));
  EXPECT_FALSE(Dominates(kLabelScheme, Named("secret", {"people"}), {"public", {"merger"}, {}}));
  EXPECT_FALSE(
      Dominates(kLabelScheme, Named("secret", {"people"}), {"public", {"merger", "people"}, {}}));
  EXPECT_TRUE(Dominates(kLabelScheme, Clearance::All(), {"secret", {"merger", "people"}, {}}));
  EXPECT_TRUE(Dominates(kLabelScheme, Clearance::Lowest(), {"public", {}, {"pii"}}));
  EXPECT_FALSE(Dominates(kLabelScheme, Clearance::Lowest(), {"public", {"people"}, {}}));
  EXPECT_FALSE(Dominates(kLabelScheme, Clearance::Lowest(), {"internal", {}, {}}));
  EXPECT_FALSE(Dominates(kLabelScheme, Named("forgotten"), {"public", {}, {}}));
  EXPECT_FALSE(Dominates(kLabelScheme, Named(""), {"", {}, {}}));
}

TEST(LabelTest, OneClearanceCoversAnotherExactlyIfItNeverSeesLess) {
  for (const auto& high : AllClearances()) {
    for (const auto& low : AllClearances()) {
      // "All" follows later schemes, so that no named clearance covers it.
      if (low.kind == Clearance::Kind::kAll && high.kind != Clearance::Kind::kAll) {
        EXPECT_FALSE(Covers(kLabelScheme, high, low)) << ToText(high);
        continue;
      }
      bool never_less = true;
      for (const auto& label : AllLabels()) {
        never_less &= Dominates(kLabelScheme, high, label) || !Dominates(kLabelScheme, low, label);
      }
      EXPECT_EQ(Covers(kLabelScheme, high, low), never_less) << ToText(high) << ", " << ToText(low);
    }
  }
}

TEST(LabelTest, NamesThatTheSchemeLacksAreRefusedByTheirField) {
  EXPECT_TRUE(kLabelScheme.CheckLabel({"internal", {"people"}, {"pii"}}).ok());
  EXPECT_EQ(kLabelScheme.CheckLabel({"", {}, {}}).field(), "level");
  EXPECT_EQ(kLabelScheme.CheckLabel({"Internal", {}, {}}).field(), "level");
  EXPECT_THAT(std::string(kLabelScheme.CheckLabel({"x", {}, {}}).message()), HasSubstr("internal"))
      << "the message names the levels that there are";
  EXPECT_EQ(kLabelScheme.CheckLabel({"public", {"peopl"}, {}}).field(), "compartments");
  EXPECT_EQ(kLabelScheme.CheckLabel({"public", {}, {"gdpr"}}).field(), "tags");
  EXPECT_TRUE(kLabelScheme.CheckClearance(Clearance::All()).ok());
  EXPECT_TRUE(kLabelScheme.CheckClearance(Clearance::Lowest()).ok());
  EXPECT_EQ(kLabelScheme.CheckClearance(Named("")).field(), "level");
  EXPECT_EQ(kLabelScheme.CheckClearance(Named("x")).field(), "level");
  EXPECT_EQ(kLabelScheme.CheckClearance(Named("public", {"x"})).field(), "compartments");
  EXPECT_EQ(kLabelScheme.CheckTags({"gdpr"}).field(), "forbidden_tags");
}

TEST(LabelTest, SchemesThatMakeNoSenseAreRefused) {
  EXPECT_TRUE(Scheme::Fresh().Check().ok());
  EXPECT_EQ((Scheme{{}, {}, {}}).Check().field(), "levels");
  EXPECT_EQ((Scheme{{"a", "b", "a"}, {}, {}}).Check().field(), "levels");
  EXPECT_EQ((Scheme{{"a", ""}, {}, {}}).Check().field(), "levels");
  EXPECT_EQ((Scheme{{"a"}, {"b", "b"}, {}}).Check().field(), "compartments");
  EXPECT_EQ((Scheme{{"a"}, {}, {"pii\n"}}).Check().field(), "tags");
  std::vector<std::string> levels;
  for (size_t i = 0; i < limits::kLevels; ++i) levels.push_back("level" + std::to_string(i));
  EXPECT_TRUE((Scheme{levels, {}, {}}).Check().ok());
  levels.emplace_back("one too many");
  EXPECT_EQ((Scheme{levels, {}, {}}).Check().field(), "levels");
}

TEST(LabelTest, AFreshTenantHasTheFourLevelsOfTheContract) {
  EXPECT_THAT(Scheme::Fresh().levels,
              testing::ElementsAre("public", "internal", "confidential", "restricted"));
  EXPECT_TRUE(Scheme::Fresh().compartments.empty());
  EXPECT_TRUE(Scheme::Fresh().tags.empty());
}

TEST(LabelTest, TheOrderInWhichNamesAreGivenDoesNotMatter) {
  Label a = {"public", {"people", "merger", "people"}, {"pii", "eu"}};
  Label b = {"public", {"merger", "people"}, {"eu", "pii", "eu"}};
  Canonicalise(&a);
  Canonicalise(&b);
  EXPECT_EQ(a, b);
  EXPECT_EQ(ToText(a), "public {merger, people} [eu, pii]");
}

}  // namespace
}  // namespace cordon
