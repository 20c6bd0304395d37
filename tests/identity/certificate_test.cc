// Two who are taken for one.
#include "engine/identity/certificate.h"

#include <gtest/gtest.h>

#include <map>

#include "engine/identity/api_key.h"

namespace cordon {
namespace {

TEST(CertificateIdentity, OneOfTwoIsChosen) {
  const auto grant = std::make_shared<const Grant>();
  const std::multimap<std::string, CertificateKey> keys = {
      {"dns:a", {"acme", "acme.1", grant}},
      {"dns:b", {"acme", "acme.2", grant}},
      {"dns:both", {"acme", "acme.3", grant}},
      {"dns:both", {"cobalt", "cobalt.1", grant}},  // two admins at one moment
  };
  const CertificateAuthenticator gate(
      [&](std::string_view identity) {
        std::vector<CertificateKey> found;
        const auto [first, last] = keys.equal_range(std::string(identity));
        for (auto it = first; it != last; ++it) found.push_back(it->second);
        return found;
      },
      /*dev=*/false);
  const auto one = gate.Authenticate({"dns:x", "dns:a"});
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->tenant(), "acme");
  EXPECT_EQ(one->key_id(), "acme.1");
  EXPECT_FALSE(one->dev());
  for (const std::vector<std::string>& bad :
       {std::vector<std::string>{}, {"dns:x"}, {"dns:a", "dns:b"}, {"dns:both"}}) {
    EXPECT_EQ(gate.Authenticate(bad).status().ToString(), NotAuthenticated().ToString());
  }
}

}  // namespace
}  // namespace cordon
