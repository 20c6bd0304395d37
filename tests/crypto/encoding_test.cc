// Two texts for one secret, or bytes that come back changed, would open or close the wrong door.
#include "engine/crypto/encoding.h"

#include <gtest/gtest.h>

#include "engine/base/random.h"

namespace cordon {
namespace {

// RFC 4648 §10, in the alphabet of §5 and without padding.
TEST(Encoding, FollowsRfc4648) {
  EXPECT_EQ(Base64UrlEncode(""), "");
  EXPECT_EQ(Base64UrlEncode("f"), "Zg");
  EXPECT_EQ(Base64UrlEncode("fo"), "Zm8");
  EXPECT_EQ(Base64UrlEncode("foo"), "Zm9v");
  EXPECT_EQ(Base64UrlEncode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(Base64UrlEncode("\xfb\xff\xfe"), "-__-");
  EXPECT_EQ(HexEncode("foobar"), "666f6f626172");
}

TEST(Encoding, EveryByteComesBack) {
  const uint64_t seed = 7;
  Random random(seed);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes;
    for (uint64_t n = random.Below(70); n > 0; --n) bytes += static_cast<char>(random.Below(256));
    ASSERT_EQ(*Base64UrlDecode(Base64UrlEncode(bytes)), bytes) << "seed " << seed;
    ASSERT_EQ(*HexDecode(HexEncode(bytes)), bytes) << "seed " << seed;
  }
  EXPECT_EQ(*HexDecode("Ab"), "\xab");
}

TEST(Encoding, WhatIsNotTheOneTextOfSomeBytesIsRefused) {
  for (const std::string text :
       {"a", "Zg==", "Zg=", "Zh", "Zm9", "Zm+v", "Zm/v", "Zm 9", "Zm9v\n", "abcde"}) {
    EXPECT_FALSE(Base64UrlDecode(text).ok()) << text;
  }
  EXPECT_FALSE(Base64UrlDecode(std::string_view("Zm\0v", 4)).ok());
  for (const std::string text : {"a", "0g", "0x", "ab ", " ab", "ab\n", "a\xff"}) {
    EXPECT_FALSE(HexDecode(text).ok()) << text;
  }
}

TEST(Encoding, ARefusalDoesNotRepeatTheSecret) {
  EXPECT_EQ(HexDecode("secret!!").status().message().find("secret"), std::string::npos);
  EXPECT_EQ(Base64UrlDecode("secret!!").status().message().find("secret"), std::string::npos);
}

}  // namespace
}  // namespace cordon
