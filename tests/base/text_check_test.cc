#include "engine/base/text_check.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cordon {
namespace {

// What each is called in Unicode or RFC 3629; none may enter by any field.
const std::vector<std::string> kNotUtf8 = {
    "\x80",                  // a continuation byte alone
    "\xc3",                  // cut short
    "a\xe2\x82",             // cut short at the end
    "\xe2\x82z",             // cut short in the middle
    "\xc0\x80",              // overlong NUL
    "\xc0\xaf",              // overlong '/'
    "\xe0\x80\xaf",          // overlong '/' in three bytes
    "\xf0\x80\x80\xaf",      // overlong '/' in four bytes
    "\xed\xa0\x80",          // a surrogate, U+D800
    "\xed\xbf\xbf",          // a surrogate, U+DFFF
    "\xf4\x90\x80\x80",      // beyond U+10FFFF
    "\xf8\x88\x80\x80\x80",  // five bytes
    "\xfe",
    "\xff",
    "\xe9t\xe9",  // Latin-1
};

TEST(CheckName, OrdinaryNamesPass) {
  for (const std::string name :
       {"user:ana", "a", "folder:/hr", "group:Straße", "group:営業部", "user:\U0001F600",
        "sales \xe2\x80\x94 west", "\u00e9t\u00e9", "\u1e69"}) {
    EXPECT_TRUE(CheckName("name", name, 256).ok()) << name;
  }
}

TEST(CheckName, EmptyIsMissing) {
  const Status status = CheckName("acl.allow[0]", "", 256);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.field(), "acl.allow[0]");
  EXPECT_NE(status.message(), "");
}

TEST(CheckName, TheLimitIsInBytesAndInclusive) {
  EXPECT_TRUE(CheckName("id", std::string(512, 'x'), 512).ok());
  EXPECT_FALSE(CheckName("id", std::string(513, 'x'), 512).ok());
  EXPECT_TRUE(CheckName("id", "\u00e9\u00e9", 4).ok());
  EXPECT_FALSE(CheckName("id", "\u00e9\u00e9", 3).ok());
}

TEST(CheckName, MalformedUtf8IsRefused) {
  for (const auto& bad : kNotUtf8) {
    for (const auto& name : {bad, "user:" + bad, bad + "tail"}) {
      EXPECT_FALSE(CheckName("name", name, 256).ok()) << testing::PrintToString(name);
    }
  }
}

TEST(CheckName, ControlCharactersAreRefused) {
  for (int c = 0; c < 0x20; ++c) {
    const std::string name = std::string("a") + static_cast<char>(c) + "b";
    EXPECT_FALSE(CheckName("name", name, 256).ok()) << c;
  }
  EXPECT_FALSE(CheckName("name", "\x7f", 256).ok());
  EXPECT_FALSE(CheckName("name", "a\u0080", 256).ok());
  EXPECT_FALSE(CheckName("name", "a\u0085", 256).ok());  // NEL
  EXPECT_FALSE(CheckName("name", "a\u009f", 256).ok());
  EXPECT_TRUE(CheckName("name", "a\u00a0", 256).ok());
}

TEST(CheckName, TheSameNameInOtherBytesIsRefused) {
  // Two spellings of one name would be two principals that a person cannot tell apart.
  EXPECT_FALSE(CheckName("name", "e\u0301t\u00e9", 256).ok());     // decomposed é
  EXPECT_FALSE(CheckName("name", "\u212b", 256).ok());             // the Ångström sign
  EXPECT_FALSE(CheckName("name", "\u1100\u1161", 256).ok());       // decomposed Hangul
  EXPECT_FALSE(CheckName("name", "s\u0307\u0323", 256).ok());      // marks in the wrong order
  EXPECT_FALSE(CheckName("name", "user:\u2126", 256).ok());        // the ohm sign
  EXPECT_TRUE(CheckName("name", "\uac00\u00c5\u03a9", 256).ok());  // their composed forms
}

TEST(CheckPlainName, OneThatLooksLikeAnotherPasses) {
  for (const char* name : {"wiki", "wiki import", "caf\u00e9", "\u6771\u4eac", "a.b-c_d/e"}) {
    EXPECT_TRUE(CheckPlainName("source", name, 256).ok()) << name;
  }
  for (const char* name : {"", " ", "wiki ", " wiki", "wiki  import", "wiki\timport",
                           "wiki\u00a0import", "wiki\u2003import", "wi\u200bki", "wi\u202eki",
                           "wi\u00adki", "wi\ufe0fki", "wiki\u2028", "cafe\u0301", "wi\x01ki"}) {
    const Status status = CheckPlainName("source", name, 256);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(status.field(), "source") << name;
  }
}

TEST(CheckText, TextMayHoldLinesAndAnyNormalForm) {
  EXPECT_TRUE(CheckText("text", "", 10).ok());
  EXPECT_TRUE(CheckText("text", "a\n\tb\r\n", 10).ok());
  EXPECT_TRUE(CheckText("text", "e\u0301", 10).ok());
}

TEST(CheckText, MalformedUtf8AndNulAreRefused) {
  for (const auto& bad : kNotUtf8) {
    EXPECT_FALSE(CheckText("text", "some " + bad, 256).ok()) << testing::PrintToString(bad);
  }
  EXPECT_FALSE(CheckText("text", std::string("a\0b", 3), 256).ok());
}

TEST(CheckText, TheLimitIsInBytesAndInclusive) {
  EXPECT_TRUE(CheckText("text", std::string(100, 'x'), 100).ok());
  const Status status = CheckText("text", std::string(101, 'x'), 100);
  EXPECT_EQ(status.field(), "text");
  EXPECT_NE(status.message().find("100"), std::string::npos);
}

}  // namespace
}  // namespace cordon
