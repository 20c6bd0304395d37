// A denied name that does not match how it was written; files that are taken for what they are not.
#include "engine/crypto/certificate.h"

#include <gtest/gtest.h>

#include "engine/base/limits.h"
#include "tests/crypto/certificate_authority.h"

namespace cordon {
namespace {

TEST(CertificateName, AnotherSpellingIsAnotherName) {
  const auto name = CanonicalName("CN=Old CA,O=Corp");
  ASSERT_TRUE(name.ok());
  for (const char* same :
       {"O=Corp,CN=Old CA", "CN = Old CA, O = Corp", "cn=old ca,o=CORP", "2.5.4.3=Old CA,O=Corp",
        "commonName=Old CA,organizationName=Corp", "CN=Old  CA+O=Corp", "CN=\\4fld CA,O=Corp"}) {
    const auto other = CanonicalName(same);
    ASSERT_TRUE(other.ok()) << same;
    EXPECT_EQ(*other, *name) << same;
  }
  for (const char* other : {"CN=Old CA", "CN=Old CA,O=Corp,O=Corp", "CN=Old CA\\,O=Corp,O=Corp",
                            "CN=OldCA,O=Corp", "OU=Old CA,O=Corp"}) {
    ASSERT_TRUE(CanonicalName(other).ok()) << other;
    EXPECT_NE(*CanonicalName(other), *name) << other;
  }
  EXPECT_EQ(*CanonicalName(*name), *name) << "its own spelling changes";
  const auto odd = CanonicalName("CN=a\\,b\\\\c\\=\\#d\\;,O=\\C3\\A9");
  ASSERT_TRUE(odd.ok());
  EXPECT_EQ(*CanonicalName(*odd), *odd);
}

TEST(CertificateName, WhatIsNoneIsKept) {
  for (const std::string& bad :
       {std::string(), std::string("Old CA"), std::string("/CN=Old CA/O=Corp"), std::string("CN="),
        std::string("CN=a,"), std::string("nonsense=a"), std::string("CN=\"Old CA\""),
        std::string("CN=#0401"), std::string("CN=a\\"), std::string("CN=a\\q"),
        std::string("CN=a\0b", 6), "CN=" + std::string(5000, 'a')}) {
    EXPECT_FALSE(CanonicalName(bad).ok()) << bad;
  }
}

TEST(CertificateName, DiffersFromTheCertificates) {
  const CertificateAuthority ca("Old, \"CA\" #1; é");
  const auto facts = ReadCertificate(ca.Issue({}).certificate);
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ(facts->issuer, *CanonicalName("CN=Old\\, \\\"CA\\\" #1\\; \\C3\\A9,O=Corp"));
}

TEST(CertificateFingerprint, IsTakenForAnother) {
  const std::string hex(64, 'a');
  std::string colons;
  for (int i = 0; i < 32; ++i) colons += i == 0 ? "AA" : ":AA";
  EXPECT_EQ(*CanonicalFingerprint("sha256:" + hex), hex);
  EXPECT_EQ(*CanonicalFingerprint("sha256:" + colons), hex);
  for (const auto& bad : {hex, "sha1:" + hex, "sha256:" + hex + "aa", std::string("sha256:"),
                          "sha256:" + hex.substr(1), "sha256:" + hex.substr(1) + "g"}) {
    EXPECT_FALSE(CanonicalFingerprint(bad).ok()) << bad;
  }
}

TEST(CertificateTimes, EndAtAnotherTime) {
  const CertificateAuthority ca("CA");
  Wish wish;
  wish.until_s = 3600;
  const auto facts = ReadCertificate(ca.Issue(wish).certificate);
  ASSERT_TRUE(facts.ok());
  const Micros now = Clock().Now();
  EXPECT_TRUE(facts->ValidAt(now));
  EXPECT_FALSE(facts->ValidAt(now + 3601'000'000));
  EXPECT_FALSE(facts->ValidAt(now - 62'000'000));
  EXPECT_EQ(facts->fingerprint.size(), 64u);
}

TEST(CertificateNames, AreLongerThanANameIs) {
  const auto name = [](size_t bytes) { return "CN=" + std::string(bytes - 3, 'x'); };
  EXPECT_TRUE(CanonicalName(name(limits::kDistinguishedNameBytes)).ok());
  EXPECT_FALSE(CanonicalName(name(limits::kDistinguishedNameBytes + 1)).ok());
}

TEST(CertificateFiles, AreReadInPart) {
  const CertificateAuthority ca("CA");
  const auto padded = [](const std::string& pem, size_t bytes) {
    return pem + std::string(bytes - pem.size(), '\n');
  };
  const Issued one = ca.Issue({});
  EXPECT_TRUE(CheckCertificates(padded(ca.pem(), limits::kTlsFileBytes)).ok());
  EXPECT_FALSE(CheckCertificates(padded(ca.pem(), limits::kTlsFileBytes + 1)).ok());
  EXPECT_TRUE(CheckPrivateKey(padded(one.key, limits::kTlsFileBytes)).ok());
  EXPECT_FALSE(CheckPrivateKey(padded(one.key, limits::kTlsFileBytes + 1)).ok());
}

TEST(CertificateFiles, AreTakenForWhatTheyAreNot) {
  const CertificateAuthority ca("CA");
  const Issued one = ca.Issue({}), two = ca.Issue({});
  EXPECT_TRUE(CheckCertificates(ca.pem()).ok());
  EXPECT_TRUE(CheckCertificates(one.certificate + ca.pem()).ok());
  EXPECT_TRUE(CheckPrivateKey(one.key).ok());
  EXPECT_TRUE(CheckKeyMatches(one.certificate + two.certificate, one.key).ok());
  EXPECT_FALSE(CheckKeyMatches(one.certificate, two.key).ok());
  EXPECT_FALSE(CheckKeyMatches(two.certificate + one.certificate, one.key).ok());
  std::string damaged = one.certificate;
  damaged[damaged.size() / 2] = '*';
  const std::string cut = ca.pem() + one.certificate.substr(0, one.certificate.size() / 2);
  for (const auto& bad : {std::string(), std::string("nonsense"), one.key, ca.pem() + one.key,
                          damaged, cut, ca.pem() + damaged}) {
    EXPECT_FALSE(CheckCertificates(bad).ok()) << bad;
  }
  for (const auto& bad : {std::string(), std::string("nonsense"), one.certificate,
                          one.key.substr(0, one.key.size() / 2)}) {
    EXPECT_FALSE(CheckPrivateKey(bad).ok()) << bad;
    EXPECT_FALSE(ReadCertificate(bad == one.certificate ? one.key : bad).ok());
  }
}

}  // namespace
}  // namespace cordon
