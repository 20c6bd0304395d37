// A digest that is not the standard's would lock every key and journal out of other builds.
#include "engine/crypto/digest.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <set>

#include "engine/crypto/encoding.h"
#include "engine/crypto/random_bytes.h"

namespace cordon {
namespace {

std::string Hex(const Digest& digest) { return HexEncode(AsBytes(digest)); }

TEST(Digest, IsSha256AsFips180Says) {
  EXPECT_EQ(Hex(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// RFC 4231, test cases 1, 2 and 6.
TEST(Digest, IsHmacAsRfc4231Says) {
  EXPECT_EQ(Hex(HmacSha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(Hex(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(Hex(HmacSha256(std::string(131, '\xaa'),
                           "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Digest, IsTheSameHmacAsOpenSslsOfKeysAndTextsOfAnyLength) {
  for (const size_t key_size : {0, 1, 32, 63, 64, 65, 200}) {
    const std::string key(key_size, 'k');
    const HmacKey keyed{std::string_view(key)};
    for (size_t size = 0; size < 200; ++size) {
      const std::string text(size, 't');
      Digest expected;
      unsigned int written = 0;
      ASSERT_NE(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                     reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                     expected.data(), &written),
                nullptr);
      ASSERT_EQ(keyed.Of(text), expected) << key_size << " " << size;
    }
  }
}

TEST(Digest, AnEmptyKeyIsAKeyAndNotTheOneBefore) {
  const Digest alone = HmacSha256("", "text");
  EXPECT_NE(HmacSha256("another", "text"), alone);
  EXPECT_EQ(HmacSha256("", "text"), alone);
  EXPECT_EQ(HmacSha256(std::string_view(), "text"), alone);
}

TEST(Digest, EveryBitAndTheLengthCountInAComparison) {
  const Digest digest = Sha256("abc");
  EXPECT_TRUE(EqualConstantTime(digest, Sha256("abc")));
  for (size_t bit = 0; bit < 256; ++bit) {
    Digest other = digest;
    other[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(EqualConstantTime(digest, other)) << bit;
  }
  EXPECT_FALSE(EqualConstantTime("abc", "ab"));
  EXPECT_FALSE(EqualConstantTime("", "a"));
  EXPECT_TRUE(EqualConstantTime("", ""));
}

TEST(Digest, KeysOfDifferentPurposesDiffer) {
  const SecretKey master(Sha256("master"));
  const SecretKey chain = DeriveKey(master, "chain");
  EXPECT_EQ(chain.bytes(), AsBytes(HmacSha256(master, "chain")));
  EXPECT_NE(chain.bytes(), DeriveKey(master, "names").bytes());
  EXPECT_NE(chain.bytes(), DeriveKey(SecretKey(Sha256("other")), "chain").bytes());
  EXPECT_NE(chain.bytes(), master.bytes());
}

TEST(Digest, AKeyOfAnotherLengthIsRefused) {
  EXPECT_TRUE(SecretKey::FromBytes(std::string(32, 'k')).ok());
  for (const size_t size : {0, 1, 31, 33, 64}) {
    EXPECT_EQ(SecretKey::FromBytes(std::string(size, 'k')).status().code(),
              StatusCode::kInvalidArgument);
  }
}

TEST(Digest, RandomBytesDoNotRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    auto bytes = RandomBytes(16);
    ASSERT_TRUE(bytes.ok());
    ASSERT_EQ(bytes->size(), 16u);
    EXPECT_TRUE(seen.insert(*bytes).second);
  }
  EXPECT_EQ(*RandomBytes(0), "");
}

}  // namespace
}  // namespace cordon
