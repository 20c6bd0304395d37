// Policies that do not fit together are refused as a whole, by name, and without hurting the
// server.

#include "engine/policy/rules.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/limits.h"

namespace cordon {
namespace {

using testing::HasSubstr;

Clearance NamedClearance(std::string level, std::vector<std::string> compartments = {}) {
  return {Clearance::Kind::kNamed, std::move(level), std::move(compartments)};
}

// Rules with one of everything.
PolicyRules Sound() {
  PolicyRules rules;
  rules.scheme = {{"public", "internal", "secret"}, {"people"}, {"pii", "region:eu"}};
  rules.default_clearance = NamedClearance("internal");
  rules.scopes[1] = {NamedClearance("internal"), {"pii"}};
  rules.containers["site"];
  rules.containers["folder"].inherit = {"site"};
  Destination& chat = rules.destinations["chat"];
  chat.name = "chat";
  chat.scope = 1;
  chat.ceiling = NamedClearance("public");
  chat.forbidden_tags = {"region:eu"};
  chat.region = "us";
  return rules;
}

struct Fault {
  std::string field;
  std::function<void(PolicyRules*)> make;
};

TEST(RulesTest, EachFaultIsRefusedByTheNameOfItsField) {
  ASSERT_TRUE(Sound().Check().ok()) << Sound().Check().ToString();
  const auto chat = [](PolicyRules* rules) -> Destination& { return rules->destinations["chat"]; };
  const Fault faults[] = {
      {"levels", [](auto* r) { r->scheme.levels = {}; }},
      {"levels", [](auto* r) { r->scheme.levels.emplace_back("public"); }},
      {"compartments",
       [](auto* r) {
         r->scheme.compartments = {"people", "people"};
       }},
      {"tags",
       [](auto* r) {
         r->scheme.tags = {"pii", "\x01"};
       }},
      {"default_clearance.level", [](auto* r) { r->default_clearance = NamedClearance("x"); }},
      {"default_clearance.level", [](auto* r) { r->default_clearance = NamedClearance(""); }},
      {"default_clearance.compartments",
       [](auto* r) { r->default_clearance = NamedClearance("public", {"x"}); }},
      {"scopes", [](auto* r) { r->scopes[0] = {}; }},
      {"scopes", [](auto* r) { r->scopes[6] = {}; }},
      {"scopes[2].ceiling.level", [](auto* r) { r->scopes[2].ceiling = NamedClearance("x"); }},
      {"scopes[1].forbidden_tags", [](auto* r) { r->scopes[1].forbidden_tags = {"x"}; }},
      {"containers[folder].inherit", [](auto* r) { r->containers["folder"].inherit = {"x"}; }},
      {"containers[folder].inherit", [](auto* r) { r->containers["folder"].inherit = {"folder"}; }},
      {"containers[\n].name", [](auto* r) { r->containers["\n"]; }},
      {"containers[site].inherit",
       [](auto* r) {
         r->containers["site"].inherit.assign(limits::kInheritPerAcl + 1, "folder");
         r->containers["folder"].inherit = {};
       }},
      {"destinations[chat].name", [&](auto* r) { chat(r).name = ""; }},
      {"destinations[chat].scope", [&](auto* r) { chat(r).scope = 0; }},
      {"destinations[chat].scope", [&](auto* r) { chat(r).scope = 6; }},
      {"destinations[chat].ceiling.level", [&](auto* r) { chat(r).ceiling = NamedClearance(""); }},
      {"destinations[chat].ceiling.level", [&](auto* r) { chat(r).ceiling = NamedClearance("x"); }},
      {"destinations[chat].forbidden_tags", [&](auto* r) { chat(r).forbidden_tags = {"x"}; }},
      {"destinations[chat].region", [&](auto* r) { chat(r).region = "e\nu"; }},
      {"destinations[chat].model_label.level", [&](auto* r) { chat(r).model_label = Label{}; }},
      {"destinations[chat].model_label.tags",
       [&](auto* r) {
         chat(r).model_label = Label{"public", {}, {"x"}};
       }},
      {"destinations[chat].ceiling", [&](auto* r) { chat(r).ceiling = NamedClearance("secret"); }},
      {"destinations[chat].ceiling",
       [&](auto* r) { chat(r).ceiling = NamedClearance("public", {"people"}); }},
      {"destinations[chat].ceiling", [&](auto* r) { chat(r).ceiling = Clearance::All(); }},
  };
  for (size_t i = 0; i < std::size(faults); ++i) {
    PolicyRules rules = Sound();
    faults[i].make(&rules);
    const Status status = rules.Check();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << i;
    EXPECT_EQ(status.field(), faults[i].field) << i << ": " << status.ToString();
    EXPECT_FALSE(status.message().empty()) << i;
  }
}

TEST(RulesTest, ADestinationMayBeAsWideAsItsScopeAndAnythingWithoutARule) {
  PolicyRules rules = Sound();
  rules.destinations["chat"].ceiling = NamedClearance("internal");
  EXPECT_TRUE(rules.Check().ok());
  rules.destinations["chat"].scope = 2;
  rules.destinations["chat"].ceiling = Clearance::All();
  EXPECT_TRUE(rules.Check().ok()) << "a scope without a rule restricts nothing";
  rules.scopes[2].ceiling = Clearance::All();
  EXPECT_TRUE(rules.Check().ok());
}

TEST(RulesTest, ADroppedNameThatTheRulesStillUseIsRefused) {
  PolicyRules rules = Sound();
  rules.scheme.levels = {"public", "secret"};
  EXPECT_EQ(rules.Check().field(), "default_clearance.level");
  rules = Sound();
  rules.scheme.tags = {"region:eu"};
  EXPECT_EQ(rules.Check().field(), "scopes[1].forbidden_tags");
}

// One container above the other. Which end is looked at first follows from the order of the names.
PolicyRules Chain(size_t containers, bool top_first = true) {
  const auto name = [&](size_t i) {
    return fmt::format("c{:06}", top_first ? i : containers - 1 - i);
  };
  PolicyRules rules;
  for (size_t i = 0; i < containers; ++i) {
    auto& container = rules.containers[name(i)];
    if (i > 0) container.inherit = {name(i - 1)};
  }
  return rules;
}

TEST(RulesTest, ContainersNestToTheLimitAndNoDeeperWhicheverIsLookedAtFirst) {
  for (const bool top_first : {true, false}) {
    EXPECT_TRUE(Chain(limits::kContainerDepth + 1, top_first).Check().ok()) << top_first;
    const Status status = Chain(limits::kContainerDepth + 2, top_first).Check();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << top_first;
    EXPECT_THAT(std::string(status.message()), HasSubstr("flatten")) << top_first;
  }
}

TEST(RulesTest, AVeryLongChainIsRefusedAndDoesNotExhaustTheStack) {
  for (const bool top_first : {true, false}) {
    const Status status = Chain(limits::kContainers, top_first).Check();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("flatten"));
  }
}

TEST(RulesTest, CirclesOfAnyLengthAreRefused) {
  for (const size_t length : {1u, 2u, 3u, 30u}) {
    PolicyRules rules = Chain(length);
    rules.containers["c000000"].inherit = {fmt::format("c{:06}", length - 1)};
    const Status status = rules.Check();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << length;
    EXPECT_THAT(std::string(status.message()), HasSubstr("circle")) << length;
  }
}

TEST(RulesTest, ContainersWithVeryManyWaysUpAreCheckedQuickly) {
  // 32 layers of 64 containers, each inheriting from all of the next: 64^32 ways up.
  PolicyRules rules;
  for (size_t layer = 0; layer <= limits::kContainerDepth; ++layer) {
    for (size_t i = 0; i < limits::kInheritPerAcl; ++i) {
      auto& container = rules.containers[std::to_string(layer) + "/" + std::to_string(i)];
      for (size_t j = 0; layer > 0 && j < limits::kInheritPerAcl; ++j) {
        container.inherit.push_back(std::to_string(layer - 1) + "/" + std::to_string(j));
      }
    }
  }
  EXPECT_TRUE(rules.Check().ok());
}

TEST(RulesTest, TheNextEventIsTheNextStartOrEndOfAContainersEntry) {
  PolicyRules rules = Sound();
  EXPECT_EQ(rules.NextEvent(0), kNever);
  rules.containers["site"].clause.allow = {{1, 30}, {2, kNever}};
  rules.containers["folder"].clause.deny = {{1, 20}};
  EXPECT_EQ(rules.NextEvent(0), 20);
  EXPECT_EQ(rules.NextEvent(19), 20);
  EXPECT_EQ(rules.NextEvent(20), 30);
  EXPECT_EQ(rules.NextEvent(30), kNever);
  rules.containers["site"].clause.deny = {{3, 50, 25}, {4, kNever, 40}};
  EXPECT_EQ(rules.NextEvent(20), 25);
  EXPECT_EQ(rules.NextEvent(25), 30);
  EXPECT_EQ(rules.NextEvent(30), 40);
  EXPECT_EQ(rules.NextEvent(40), 50);
}

// What a remembered caller is judged anew by: a change that reaches too far is not told in part.
TEST(RulesTest, AChangeForgetsWhatInheritsFromWhatItIsAbout) {
  PolicyRules before;
  before.containers["root"];
  before.containers["a site"].inherit = {"root"};
  before.containers["folder"].inherit = {"other", "a site"};
  before.containers["other"];
  const auto reached = [&](const std::vector<std::string>& changed) {
    PolicyRules after = before;
    for (const auto& name : changed) after.containers[name].clause.deny = {{1}};
    // Named, and the same as before.
    after.NoteChange(before, {"root", "a site", "folder", "other", "new"});
    EXPECT_EQ(after.last_change->containers.size(), changed.size());
    return after.last_change->reached;
  };
  using Names = std::set<std::string>;
  EXPECT_EQ(reached({}), Names());
  EXPECT_EQ(reached({"root"}), Names({"root", "a site", "folder"}));
  EXPECT_EQ(reached({"other", "new"}), Names({"other", "folder", "new"}));
  for (int i = 0; i < 1000; ++i) before.containers[std::to_string(i)].inherit = {"other"};
  EXPECT_EQ(reached({"root"}), Names({"root", "a site", "folder"}));
  EXPECT_EQ(reached({"other"}), std::nullopt);
}

TEST(RulesTest, TheDevelopmentDestinationIsWhatTheContractSays) {
  const Destination dev = DevDestination();
  EXPECT_EQ(dev.name, "dev");
  EXPECT_EQ(dev.scope, 5);
  EXPECT_EQ(dev.ceiling, Clearance::All());
  EXPECT_TRUE(dev.forbidden_tags.empty());
  EXPECT_TRUE(dev.outside_scope_rules);
  EXPECT_FALSE(dev.model_label.has_value());
}

TEST(RulesTest, AFreshTenantHasTheLowestDefaultClearance) {
  EXPECT_EQ(PolicyRules().default_clearance, Clearance::Lowest());
  EXPECT_TRUE(PolicyRules().Check().ok());
  EXPECT_TRUE(PolicyRules().scopes.empty());
}

}  // namespace
}  // namespace cordon
