// An issuer that is configured otherwise than its operator thinks.
#include "engine/server/issuer_config.h"

#include <gtest/gtest.h>

#include <fstream>

#include "engine/server/config.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

class IssuerConfig : public testing::Test {
 protected:
  Status Read(const std::string& issuers) {
    std::ofstream(scratch_ / "c.yaml", std::ios::trunc) << "data_dir: /d\nissuers:\n" << issuers;
    config_ = Config();
    return ReadConfig(scratch_ / "c.yaml", &config_);
  }
  // A good issuer with one line more, or in the place of the one that begins as it does.
  static std::string With(const std::string& line) {
    std::string text;
    bool replaced = false;
    const std::string key = line.substr(0, line.find(':') + 1);
    for (const std::string good :
         {"name: corp", "tenant: default", "iss: https://login.example.org/", "audiences: [cordon]",
          "algorithms: [RS256]", "jwks: /etc/cordon/corp.json", "ceiling: all"}) {
      const bool same = good.starts_with(key);
      replaced |= same;
      text += (text.empty() ? "  - " : "    ") + (same ? line : good) + "\n";
    }
    return replaced ? text : text + "    " + line + "\n";
  }

  ScratchDirectory scratch_;
  Config config_;
};

TEST_F(IssuerConfig, AGoodOneIsMisread) {
  const Status read = Read(
      "  - name: corp\n    tenant: acme\n    iss: https://login.example.org/\n"
      "    audiences: [cordon, api]\n    algorithms: [RS256, ES256, EdDSA]\n"
      "    jwks: https://login.example.org/keys\n    jwks_ca: /etc/ca.pem\n"
      "    jwks_refresh_s: 60\n    jwks_pause_s: 5\n    jwks_stale_s: 3600\n"
      "    clock_skew_s: 30\n    max_age_s: 900\n"
      "    principal: {claim: email, prefix: 'user:mail/'}\n"
      "    groups: {source: claims, claim: roles, prefix: 'role:'}\n"
      "    clearance:\n      claim: level\n      values:\n"
      "        high: {level: restricted, compartments: [people, merger]}\n        low: lowest\n"
      "    ceiling: {level: restricted}\n    rights: [query, ingest]\n    collections: ['*']\n"
      "    destinations: [chat, mail]\n    id_prefix: web/\n");
  ASSERT_TRUE(read.ok()) << read.ToString();
  ASSERT_EQ(config_.issuers.size(), 1u);
  const Issuer& issuer = config_.issuers[0];
  EXPECT_EQ(issuer.name, "corp");
  EXPECT_EQ(issuer.tenant, "acme");
  EXPECT_EQ(issuer.iss, "https://login.example.org/");
  EXPECT_EQ(issuer.audiences, (std::vector<std::string>{"cordon", "api"}));
  EXPECT_EQ(issuer.algorithms.size(), 3u);
  EXPECT_EQ(issuer.jwks, "https://login.example.org/keys");
  EXPECT_EQ(issuer.jwks_ca, "/etc/ca.pem");
  EXPECT_EQ(issuer.jwks_refresh_s + issuer.jwks_pause_s + issuer.jwks_stale_s, 3665);
  EXPECT_EQ(issuer.clock_skew_s, 30);
  EXPECT_EQ(issuer.max_age_s, 900);
  EXPECT_EQ(issuer.principal_claim + issuer.principal_prefix, "emailuser:mail/");
  EXPECT_EQ(issuer.groups->claim + issuer.groups->prefix, "rolesrole:");
  EXPECT_EQ(issuer.clearance->claim, "level");
  EXPECT_EQ(issuer.clearance->values.at("high").compartments,
            (std::vector<std::string>{"merger", "people"}));
  EXPECT_EQ(issuer.clearance->values.at("low"), Clearance::Lowest());
  EXPECT_EQ(issuer.grant.clearance.level, "restricted");
  EXPECT_TRUE(issuer.grant.rights.Has(Right::kIngest));
  EXPECT_TRUE(issuer.grant.MayUseCollection("any"));
  EXPECT_EQ(issuer.grant.destinations.front(), "chat");
  EXPECT_EQ(issuer.grant.id_prefix, "web/");
}

TEST_F(IssuerConfig, MoreIsGivenThanIsSaid) {
  ASSERT_TRUE(Read(With("clock_skew_s: 0")).ok());
  const Issuer& issuer = config_.issuers[0];
  EXPECT_TRUE(issuer.grant.rights.Has(Right::kQuery));
  for (const Right right : kAllRights) {
    EXPECT_EQ(issuer.grant.rights.Has(right), right == Right::kQuery) << RightName(right);
  }
  EXPECT_FALSE(issuer.grant.MayUseCollection("docs"));
  EXPECT_FALSE(issuer.grant.MayNameDestination("chat"));
  EXPECT_FALSE(issuer.groups || issuer.clearance);
  ASSERT_TRUE(Read(With("rights: []")).ok());
  EXPECT_FALSE(config_.issuers[0].grant.rights.Has(Right::kQuery));
}

TEST_F(IssuerConfig, ATypoIsPassedOver) {
  const Status typo = Read(With("audience: [cordon]"));
  EXPECT_EQ(typo.field(), "issuers.audience");
  EXPECT_NE(typo.message().find("line 10"), std::string::npos) << typo.message();
  const std::pair<const char*, const char*> bad[] = {
      {"name: A b", "issuers.name"},
      {"name: [a]", "issuers.name"},
      {"tenant: ''", "issuers.tenant"},
      {"audiences: cordon", "issuers.audiences"},
      {"audiences: []", "issuers.audiences"},
      {"algorithms: [HS256]", "issuers.algorithms"},
      {"algorithms: [none]", "issuers.algorithms"},
      {"algorithms: [RS256, rs256]", "issuers.algorithms"},
      {"algorithms: []", "issuers.algorithms"},
      {"jwks: http://login.example.org/keys", "issuers.jwks"},
      {"jwks: ''", "issuers.jwks"},
      {"jwks_stale_s: 100000", "issuers.jwks_stale_s"},
      {"clock_skew_s: 301", "issuers.clock_skew_s"},
      {"clock_skew_s: 1m", "issuers.clock_skew_s"},
      {"max_age_s: -1", "issuers.max_age_s"},
      {"ceiling: none", "issuers.ceiling"},
      {"ceiling: {}", "issuers.ceiling.level"},
      {"ceiling: {compartments: [a]}", "issuers.ceiling.level"},
      {"principal: sub", "issuers.principal"},
      {"principal: {prefix: 'group:'}", "issuers.principal.prefix"},
      {"principal: {name: sub}", "issuers.principal.name"},
      {"groups: {}", "issuers.groups.source"},
      {"groups: {claim: groups}", "issuers.groups.source"},
      {"groups: {source: both}", "issuers.groups.source"},
      {"groups: {source: directory, claim: groups}", "issuers.groups"},
      {"groups: {source: claims, prefix: ''}", "issuers.groups.prefix"},
      {"clearance: {claim: c}", "issuers.clearance.values"},
      {"clearance: {values: {a: all}}", "issuers.clearance.claim"},
      {"clearance: {claim: c, values: {a: high}}", "issuers.clearance.values.a"},
      {"clearance: {claim: c, values: {a: all, a: lowest}}", "issuers.clearance.values"},
      {"rights: [admin]", "issuers.rights"},
      {"rights: [act-as]", "issuers.rights"},
      {"rights: [all]", "issuers.rights"},
      {"rights: query", "issuers.rights"},
      {"collections: {a: b}", "issuers.collections"},
  };
  for (const auto& [line, field] : bad) {
    const Status status = Read(With(line));
    EXPECT_EQ(status.field(), field) << line << ": " << status.ToString();
    EXPECT_NE(status.message().find(" line "), std::string::npos) << line;
  }
  std::string without = With("clock_skew_s: 1");
  without.erase(without.find("    ceiling: all\n"), 17);
  EXPECT_EQ(Read(without).field(), "issuers.ceiling");
  EXPECT_EQ(Read(With("name: corp") + With("name: again")).field(), "issuers.again.iss");
  EXPECT_EQ(Read("  a: b\n").field(), "issuers");
  EXPECT_EQ(Read("  - just text\n").field(), "issuers");
  EXPECT_EQ(Read(With("name: corp\n    name: twice")).field(), "issuers.name");
}

}  // namespace
}  // namespace cordon
