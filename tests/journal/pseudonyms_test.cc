// A name that others could compute would tell who read what.
#include "engine/journal/pseudonyms.h"

#include <gtest/gtest.h>

#include "engine/crypto/digest.h"

namespace cordon {
namespace {

TEST(Pseudonyms, AreStableAndDifferByKindValueTenantAndKey) {
  const SecretKey key(Sha256("key"));
  const Pseudonyms names(key, "acme");
  const std::string ana = names.Of("user", "ana");
  EXPECT_EQ(ana, Pseudonyms(key, "acme").Of("user", "ana"));
  EXPECT_EQ(ana.size(), 32u);
  EXPECT_NE(ana, names.Of("user", "anb"));
  EXPECT_NE(ana, names.Of("document", "ana"));
  EXPECT_NE(names.Of("a", "bc"), names.Of("ab", "c"));
  EXPECT_NE(ana, Pseudonyms(key, "other").Of("user", "ana"));
  EXPECT_NE(ana, Pseudonyms(SecretKey(Sha256("key2")), "acme").Of("user", "ana"));
}

TEST(Pseudonyms, AQueryDigestIsNoNameAndNoPlainDigest) {
  const Pseudonyms names(SecretKey(Sha256("key")), "acme");
  EXPECT_EQ(names.Digest("q").size(), 64u);
  EXPECT_EQ(names.Digest("q"), names.Digest("q"));
  EXPECT_NE(names.Digest("q"), names.Digest("r"));
  EXPECT_NE(names.Digest(std::string("user\0ana", 8)).substr(0, 32), names.Of("user", "ana"));
}

}  // namespace
}  // namespace cordon
