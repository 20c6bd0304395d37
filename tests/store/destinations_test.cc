// A model whose label falls, an export that leaves no trace, an emergency that never ends.
#include <gtest/gtest.h>

#include "tests/store/scratch_store.h"

namespace cordon {
namespace {

class Destinations : public testing::Test {
 protected:
  void SetUp() override {
    store_.Do(kDocs);
    store_.Do("policy { compartments { names: 'people' } tags { names: 'pii' } " + Tuned("") +
              " }");
  }

  static std::string Tuned(const std::string& more, const std::string& beside = "",
                           const std::string& scope = "4") {
    return "destinations { destination { name: 'tuned' scope: " + scope +
           " ceiling { symbol: SYMBOL_ALL } " + more + " } " + beside + " } ";
  }
  static std::string Export(const std::string& documents, const std::string& labels,
                            const std::string& destination = "tuned") {
    return "exported { collection: 'docs' destination: '" + destination + "' " + documents + " " +
           labels + " }";
  }
  std::string ModelLabel() const {
    const auto& label = store_.state().policy.rules->destinations.at("tuned").model_label;
    return label ? ToText(*label) : "none";
  }
  std::vector<std::string> Receivers(const std::string& id) {
    const uint32_t docs = store_.state().FindCollection("docs")->id;
    std::set<std::string> names;
    const std::string pseudonym = store_.vault().Pseudonym(1, docs, "document", id);
    EXPECT_TRUE(ReceiversOf(store_.database(), 1, docs, pseudonym, &names).ok());
    return {names.begin(), names.end()};
  }

  ScratchStore store_;
};

TEST_F(Destinations, AnExportRaisesTheModelsLabelByJoinAndForGood) {
  store_.Do(Export("documents: 'a'", "labels { level: 'internal' tags: 'pii' }"));
  EXPECT_EQ(ModelLabel(), "internal [pii]");
  store_.Do(Export("documents: 'b' documents: 'c'",
                   "labels { level: 'public' compartments: 'people' } labels { level: 'public' }"));
  EXPECT_EQ(ModelLabel(), "internal {people} [pii]");
  store_.Do(Export("documents: 'a'", "labels { level: 'public' }"));
  EXPECT_EQ(ModelLabel(), "internal {people} [pii]");
  store_.Reopen();
  EXPECT_EQ(ModelLabel(), "internal {people} [pii]");
}

TEST_F(Destinations, WhatTheyReceivedIsKept) {
  const auto applied =
      store_.Do(Export("documents: 'a' documents: 'b'", "labels { level: 'public' }"));
  EXPECT_EQ(applied.documents, (std::vector<std::string>{"a", "b"}));
  store_.Do(
      "policy { " + Tuned("", "remove: true retrained: 'thrown away'") +
      "destinations { destination { name: 'own' scope: 5 ceiling { symbol: SYMBOL_ALL } } } }");
  store_.Do(Export("documents: 'a'", "labels { level: 'public' }", "own"));
  store_.Reopen();
  EXPECT_EQ(Receivers("a"), (std::vector<std::string>{"own", "tuned"}));
  EXPECT_EQ(Receivers("b"), std::vector<std::string>{"tuned"});
  EXPECT_EQ(Receivers(""), std::vector<std::string>{});
}

TEST_F(Destinations, NothingIsExportedToWhatIsNotThereOrMayNotReceiveIt) {
  const auto before = store_.Records();
  const std::string denied = "PERMISSION_DENIED: destination";
  EXPECT_EQ(store_.Refusal(Export("documents: 'a'", "labels { level: 'public' }", "gone")), denied);
  EXPECT_EQ(store_.Refusal("exported { collection: 'gone' destination: 'tuned' }"),
            "NOT_FOUND: collection");
  EXPECT_EQ(store_.Records(), before);
  store_.Do("policy { " + Tuned("", "", "3") + " }");
  EXPECT_EQ(store_.Refusal(Export("documents: 'a'", "labels { level: 'public' }")), denied);
  store_.Do(
      "policy { destinations { destination { name: 'tuned' scope: 4 ceiling { level: "
      "'public' } } } }");
  EXPECT_EQ(store_.Refusal(Export("documents: 'a'", "labels { level: 'internal' }")), denied);
}

TEST_F(Destinations, APolicyLowersAModelsLabelWithoutSayingWhy) {
  store_.Do(Export("documents: 'a'", "labels { level: 'internal' compartments: 'people' }"));
  const std::string refused = "FAILED_PRECONDITION: destinations[0].model_label";
  for (const std::string& change :
       {Tuned("model_label { level: 'public' }"), Tuned("model_label { level: 'restricted' }"),
        Tuned("", "remove: true"), Tuned("", "", "3"),
        Tuned("model_label { level: 'internal' compartments: 'people' }", "", "1")}) {
    EXPECT_EQ(store_.Refusal("policy { " + change + " }"), refused) << change;
  }
  store_.Do("policy { " + Tuned("") + " }");
  EXPECT_EQ(ModelLabel(), "internal {people}") << "what says nothing keeps it";
  store_.Do("policy { " + Tuned("model_label { level: 'restricted' compartments: 'people' }") +
            " }");
  EXPECT_EQ(ModelLabel(), "restricted {people}");
  // Nor by a new order of the levels, though no document is stored.
  EXPECT_EQ(store_.Refusal("policy { levels { names: 'restricted' names: 'public' names: "
                           "'internal' names: 'confidential' } }"),
            "FAILED_PRECONDITION: levels");
  store_.Do("policy { " + Tuned("", "retrained: 'from scratch'") + " }");
  EXPECT_EQ(ModelLabel(), "none");
  EXPECT_EQ(store_.Refusal("policy { destinations { destination { name: 'new' scope: 4 ceiling { "
                           "symbol: SYMBOL_ALL } } retrained: 'x' } }"),
            "INVALID_ARGUMENT: destinations[0].retrained");
}

TEST_F(Destinations, AFileIsJudgedByItsResult) {
  const std::string rule = "scopes { rules { scope: 4 ceiling { symbol: SYMBOL_ALL } ";
  EXPECT_EQ(store_.Refusal("policy { " + rule + "regions: 'eu' } } }"),
            "INVALID_ARGUMENT: destinations[tuned].region");
  EXPECT_EQ(store_.Refusal("policy { " + rule + "terms_reviewed_until { seconds: 9 } } } }"),
            "INVALID_ARGUMENT: destinations[tuned].terms_reviewed_until");
  EXPECT_EQ(store_.Refusal("policy { " + rule + "trains_on_input: false } } }"),
            "INVALID_ARGUMENT: destinations[tuned].trains_on_input");
  store_.Do("policy { " + rule +
            "regions: 'eu' terms_reviewed_until { seconds: 9 } trains_on_input: false } } " +
            Tuned("region: 'eu' terms_reviewed_until { seconds: 9 } trains_on_input: false") +
            " }");
  store_.Reopen();
  const auto& rules = *store_.state().policy.rules;
  EXPECT_EQ(rules.scopes.at(4).regions, std::vector<std::string>{"eu"});
  EXPECT_EQ(rules.scopes.at(4).terms_reviewed_until, 9'000'000);
  EXPECT_TRUE(rules.scopes.at(4).no_training);
  EXPECT_EQ(rules.destinations.at("tuned").trains_on_input, std::optional(false));
  EXPECT_EQ(rules.NextEvent(0), 9'000'000);
  EXPECT_EQ(rules.NextEvent(9'000'000), kNever);
}

TEST_F(Destinations, AnAccessIsOpenedWithReasonAndEndAndGoesByItself) {
  const auto open = [](const std::string& id, const std::string& rest) {
    return "break_glass { id: '" + id + "' open { id: '" + id + "' key_id: 'k' as: 'user:a' " +
           rest + " } }";
  };
  EXPECT_EQ(store_.Refusal(open("x", "until { seconds: 9 }")), "INVALID_ARGUMENT: reason");
  EXPECT_EQ(store_.Refusal(open("x", "reason: 'r' until { seconds: 0 }")),
            "INVALID_ARGUMENT: until");
  EXPECT_EQ(store_.Refusal(open("x", "reason: 'r' until { seconds: 28801 }")),
            "INVALID_ARGUMENT: until");
  store_.Do(open("x", "reason: 'r' until { nanos: 4500000 }"));
  store_.Do(open("y", "reason: 'r' until { seconds: 60 }"));
  store_.Reopen();
  EXPECT_EQ(store_.state().policy.break_glass->size(), 2u);
  EXPECT_EQ(store_.state().policy.break_glass->at("y")->reason, "r");
  store_.Do(open("z", "reason: 'r' until { seconds: 60 }"));  // 5 ms have passed
  EXPECT_FALSE(store_.state().policy.break_glass->contains("x"));
  store_.Do("break_glass { id: 'y' }");
  EXPECT_EQ(store_.Refusal("break_glass { id: 'y' }"), "NOT_FOUND: id");
  store_.Reopen();
  EXPECT_EQ(store_.state().policy.break_glass->size(), 1u);
}

}  // namespace
}  // namespace cordon
