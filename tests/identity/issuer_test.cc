// An issuer that is believed more than anybody meant.
#include "engine/identity/issuer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "engine/base/limits.h"
#include "engine/identity/token.h"
#include "tests/security/forged_issuer.h"
#include "tests/security/token_forge.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

constexpr char kIss[] = "https://login.example.org/";

TEST(Issuers, AreBelievedTooMuch) {
  const ScratchDirectory scratch;
  const std::string jwks = scratch / "corp.jwks";
  std::ofstream(jwks) << KeySetText({ForgeKey::Ec().Jwk("k")});
  const auto field_of = [&](const std::function<void(Issuer*)>& change) {
    Issuer issuer = ForgedIssuer("corp", kIss, jwks);
    EXPECT_TRUE(CheckIssuer(issuer).ok());
    change(&issuer);
    return std::string(CheckIssuer(issuer).field());
  };
  using I = Issuer*;
  EXPECT_EQ(field_of([](I i) { i->name = "a/b"; }), "name");
  EXPECT_EQ(field_of([](I i) { i->iss = ""; }), "iss");
  EXPECT_EQ(field_of([](I i) { i->tenant = ""; }), "tenant");
  EXPECT_EQ(field_of([](I i) { i->audiences.clear(); }), "audiences");
  EXPECT_EQ(field_of([](I i) { i->audiences.push_back(""); }), "audiences");
  EXPECT_EQ(field_of([](I i) { i->algorithms.clear(); }), "algorithms");
  EXPECT_EQ(field_of([](I i) { i->clock_skew_s = limits::kClockSkewMax_s + 1; }), "clock_skew_s");
  EXPECT_EQ(field_of([](I i) { i->max_age_s = limits::kTokenAgeMax_s + 1; }), "max_age_s");
  EXPECT_EQ(field_of([](I i) { i->max_age_s = 0; }), "max_age_s");
  EXPECT_EQ(field_of([](I i) {
              i->clock_skew_s = limits::kClockSkewMax_s;
              i->max_age_s = limits::kTokenAgeMax_s;
            }),
            "")
      << "as much as may be";
  EXPECT_EQ(field_of([](I i) { i->iss.assign(limits::kIssuerBytes, 'x'); }), "");
  EXPECT_EQ(field_of([](I i) { i->iss.assign(limits::kIssuerBytes + 1, 'x'); }), "iss");
  EXPECT_EQ(field_of([](I i) { i->audiences[0].assign(limits::kIssuerBytes, 'x'); }), "");
  EXPECT_EQ(field_of([](I i) { i->audiences[0].assign(limits::kIssuerBytes + 1, 'x'); }),
            "audiences");
  EXPECT_EQ(field_of([](I i) { i->jwks_pause_s = limits::kKeySetPauseMax_s; }), "");
  EXPECT_EQ(field_of([](I i) { i->jwks_pause_s = limits::kKeySetPauseMax_s + 1; }), "jwks_pause_s");
  EXPECT_EQ(field_of([](I i) { i->jwks_stale_s = 86401; }), "jwks_stale_s");
  EXPECT_EQ(field_of([](I i) { i->jwks_stale_s = 300; }), "jwks_stale_s");
  EXPECT_EQ(field_of([](I i) { i->principal_prefix = "service:"; }), "principal.prefix");
  EXPECT_EQ(field_of([](I i) { i->principal_prefix = ""; }), "principal.prefix");
  EXPECT_EQ(field_of([](I i) { i->groups = Issuer::Groups{"groups", ""}; }), "groups.prefix");
  EXPECT_EQ(field_of([](I i) { i->groups = Issuer::Groups{"groups", "user:"}; }), "groups.prefix");
  EXPECT_EQ(field_of([](I i) {
              i->clearance = Issuer::ClearanceClaim{"c", {}};
            }),
            "clearance.values");
  for (const Right right : {Right::kAdmin, Right::kActAs, Right::kBreakGlass}) {
    EXPECT_EQ(field_of([&](I i) { i->grant.rights.Add(right); }), "rights");
  }
  Issuer one = ForgedIssuer("one", kIss, jwks), two = ForgedIssuer("two", kIss, jwks);
  EXPECT_EQ(CheckIssuers({one, two}).field(), "issuers.two.iss");
  two = ForgedIssuer("one", "https://two.example.org", jwks);
  EXPECT_EQ(CheckIssuers({one, two}).field(), "issuers.one.name");
  one.jwks = scratch / "none.jwks";
  EXPECT_EQ(TokenVerifier::Open({one}, 1).status().field(), "issuers.one.jwks");
}

// At kAudiencesPerIssuer, kIssuers and beyond.
TEST(Issuers, AndAudiencesAreWithoutNumber) {
  Issuer issuer = ForgedIssuer("corp", kIss, "/etc/corp.jwks");
  issuer.audiences.assign(limits::kAudiencesPerIssuer, "cordon");
  EXPECT_EQ(CheckIssuer(issuer).ToString(), "OK");
  issuer.audiences.push_back("more");
  EXPECT_EQ(CheckIssuer(issuer).field(), "audiences");

  std::vector<Issuer> issuers;
  const auto add = [&](size_t i) {
    const std::string name = "i" + std::to_string(i);
    issuers.push_back(ForgedIssuer(name, "https://" + name + ".example.org", issuer.jwks));
  };
  for (size_t i = 0; i < limits::kIssuers; ++i) add(i);
  EXPECT_EQ(CheckIssuers(issuers).ToString(), "OK");
  add(limits::kIssuers);
  EXPECT_EQ(CheckIssuers(issuers).field(), "issuers");
}

}  // namespace
}  // namespace cordon
