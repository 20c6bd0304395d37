// A text goes to an endpoint that may not have it, or that nobody has registered.
#include "engine/policy/release.h"

#include <gtest/gtest.h>

namespace cordon {
namespace {

class Releases : public testing::Test {
 protected:
  Releases() {
    PolicyRules rules;
    rules.scheme.tags = {"pii", "region:eu"};
    Destination embed;
    embed.name = "embed";
    embed.scope = 4;
    embed.ceiling = {Clearance::Kind::kNamed, "internal", {}};
    embed.forbidden_tags = {"pii"};
    embed.region = "us";
    embed.model_label = Label{"confidential", {}, {}};
    rules.destinations["embed"] = embed;
    state_.rules = std::make_shared<const PolicyRules>(std::move(rules));
  }

  // The outcome for somebody who is cleared for all, or for the lowest level.
  std::string Outcome(const Label& label, const std::string& endpoint = "embed",
                      bool cleared = true, bool dev = false) const {
    const auto released =
        Release({state_, 0}, endpoint, dev, cleared ? Clearance::All() : Clearance::Lowest(), label,
                "the text");
    if (!released.ok()) {
      return std::string(CodeName(released.status().code())) + " " +
             std::string(released.status().field());
    }
    EXPECT_EQ(released->destination(), endpoint);
    EXPECT_EQ(released->text(), "the text");
    return "sent";
  }

  PolicyState state_;
};

TEST_F(Releases, ADestinationGetsWhatItMayNot) {
  EXPECT_EQ(Outcome({"public", {}, {}}), "sent");
  EXPECT_EQ(Outcome({"internal", {}, {}}), "sent");
  EXPECT_EQ(Outcome({"confidential", {}, {}}), "PERMISSION_DENIED label");
  EXPECT_EQ(Outcome({"public", {"people"}, {}}), "PERMISSION_DENIED label");
  EXPECT_EQ(Outcome({"public", {}, {"pii"}}), "PERMISSION_DENIED label");
  EXPECT_EQ(Outcome({"public", {}, {"region:eu"}}), "PERMISSION_DENIED label");
  EXPECT_EQ(Outcome({"public", {}, {}}, "embed", /*cleared=*/false), "PERMISSION_DENIED label");
  EXPECT_EQ(Outcome({"no such level", {}, {}}), "PERMISSION_DENIED label");
}

TEST_F(Releases, AnEndpointIsADestinationByItself) {
  EXPECT_EQ(Outcome({"public", {}, {}}, "other"), "FAILED_PRECONDITION destination");
  EXPECT_EQ(Outcome({"public", {}, {}}, "dev"), "FAILED_PRECONDITION destination");
  EXPECT_EQ(Outcome({"restricted", {}, {}}, "dev", true, /*dev=*/true), "sent");
}

}  // namespace
}  // namespace cordon
