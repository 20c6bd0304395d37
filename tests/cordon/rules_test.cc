#include "tools/cordon/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/random.h"
#include "tools/cordon/glob.h"

namespace cordon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

bool Matches(std::string_view pattern, std::string_view path) {
  const auto glob = Glob::Parse(pattern);
  EXPECT_TRUE(glob.ok()) << pattern << " " << glob.status().ToString();
  return glob.ok() && glob->Matches(path);
}

TEST(Glob, StarsStayWithinTheirSegment) {
  EXPECT_TRUE(Matches("hr/*.txt", "hr/a.txt"));
  EXPECT_TRUE(Matches("hr/*.txt", "hr/.txt"));
  EXPECT_FALSE(Matches("hr/*.txt", "hr/b/a.txt"));
  EXPECT_FALSE(Matches("hr/*", "hr/b/a.txt"));
  EXPECT_FALSE(Matches("*", "a/b"));
  EXPECT_TRUE(Matches("a*b*c", "axxbyyc"));
  EXPECT_FALSE(Matches("a*b*c", "axxbyycd"));
  EXPECT_TRUE(Matches("h?", "hé"));
  EXPECT_FALSE(Matches("h?", "h/"));
  EXPECT_FALSE(Matches("hr", "hr/a"));
  EXPECT_FALSE(Matches("a", "ba"));
}

TEST(Glob, DoubleStarsCrossSegments) {
  EXPECT_TRUE(Matches("a/**", "a/x"));
  EXPECT_TRUE(Matches("a/**", "a/b/c"));
  EXPECT_FALSE(Matches("a/**", "a"));
  EXPECT_FALSE(Matches("a/**", "ab/c"));
  EXPECT_TRUE(Matches("**/x", "x"));
  EXPECT_TRUE(Matches("**/x", "a/b/x"));
  EXPECT_FALSE(Matches("**/x", "ax"));
  EXPECT_FALSE(Matches("**/x", "a/bx"));
  EXPECT_TRUE(Matches("a/**/b", "a/b"));
  EXPECT_TRUE(Matches("a/**/b", "a/x/y/b"));
  EXPECT_FALSE(Matches("a/**/b", "a/xb"));
  EXPECT_TRUE(Matches("**", "a/b/c"));
  EXPECT_TRUE(Matches("**/*.html", "deep/er/x.html"));
}

TEST(Glob, ClassesAndAlternatives) {
  EXPECT_TRUE(Matches("[abc]x", "bx"));
  EXPECT_TRUE(Matches("[a-cé]x", "éx"));
  EXPECT_FALSE(Matches("[!a-c]x", "bx"));
  EXPECT_TRUE(Matches("[!a-c]x", "dx"));
  EXPECT_FALSE(Matches("a[!b]c", "a/c"));
  EXPECT_TRUE(Matches("{hr,legal}/**", "legal/x"));
  EXPECT_FALSE(Matches("{hr,legal}/**", "it/x"));
}

TEST(Glob, AlternativesMayBeEmptyOrHoldStars) {
  EXPECT_TRUE(Matches("a.html{,.gz}", "a.html"));
  EXPECT_TRUE(Matches("a.html{,.gz}", "a.html.gz"));
  EXPECT_TRUE(Matches("{a,b/**}", "b/c/d"));
  EXPECT_TRUE(Matches("{a,b}{c,d}", "bd"));
  EXPECT_TRUE(Matches("[{]\\*\\{", "{*{"));
}

TEST(Glob, MalformedPatternsAreRefused) {
  for (std::string_view pattern :
       {"", "/hr/**", "./a", "../a", "a**", "**a", "a/**b", "***", "[", "[]", "a[b", "{a", "a}",
        "{a,{b,c}}", "[z-a]", "a\\", "\xff", "{,/a}"}) {
    const auto glob = Glob::Parse(pattern);
    ASSERT_FALSE(glob.ok()) << pattern;
    EXPECT_EQ(glob.status().field(), "glob");
  }
  std::string many;
  for (int i = 0; i < 40; ++i) many += "{a,b}";
  EXPECT_FALSE(Glob::Parse(many).ok());
  EXPECT_FALSE(Glob::Parse(std::string(5000, 'a')).ok());
}

// The fear: a pattern of many stars takes time without end.
TEST(Glob, ManyStarsAreFast) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  EXPECT_FALSE(Matches(pattern + "b", std::string(4000, 'a')));
  std::string segments;
  for (int i = 0; i < 500; ++i) segments += "**/";
  EXPECT_FALSE(Matches(segments + "b", std::string(4000, '/')));
}

TEST(Glob, BytesThatAreNoUtf8OnlyMatchWildcards) {
  EXPECT_TRUE(Matches("a/**", "a/\xff"));
  EXPECT_TRUE(Matches("a?", "a\xff"));
  EXPECT_FALSE(Matches("a\xef\xbf\xbd", "a\xff"));
}

TEST(Rules, FirstMatchWinsAndNoMatchIsNone) {
  const auto rules = ParseRules(R"(
rules:
  - {glob: "hr/pay/**", allow: ["group:payroll"], level: restricted}
  - {glob: "hr/**", allow: ["group:hr"], level: confidential}
)");
  ASSERT_TRUE(rules.ok()) << rules.status().ToString();
  EXPECT_EQ(rules->Match("hr/pay/x.txt")->label->level(), "restricted");
  EXPECT_EQ(rules->Match("hr/x.txt")->label->level(), "confidential");
  EXPECT_EQ(rules->Match("it/x.txt"), nullptr);
  EXPECT_EQ(rules->Match(""), nullptr);
}

TEST(Rules, FillSetsAclAndLabel) {
  const auto rules = ParseRules(R"({"rules": [{"glob": "hr/**", "inherit": ["folder:/hr"],
    "allow": ["group:hr", {"principal": "user:ana", "from": "2026-12-01T00:00:00Z",
                           "until": "2026-12-31T00:00:00.5Z"}],
    "deny": ["user:eve"], "level": "internal", "compartments": ["people"], "tags": ["pii"]}]})");
  ASSERT_TRUE(rules.ok()) << rules.status().ToString();
  v1::Document document;
  rules->Match("hr/a")->Fill(document);
  ASSERT_EQ(document.acl().allow_size(), 2);
  EXPECT_EQ(document.acl().allow(0).principal(), "group:hr");
  EXPECT_FALSE(document.acl().allow(0).has_until());
  EXPECT_FALSE(document.acl().allow(0).has_from());
  EXPECT_EQ(document.acl().allow(1).from().seconds(), 1796083200);
  EXPECT_EQ(document.acl().allow(1).principal(), "user:ana");
  EXPECT_EQ(document.acl().allow(1).until().seconds(), 1798675200);
  EXPECT_EQ(document.acl().allow(1).until().nanos(), 500000000);
  EXPECT_EQ(document.acl().deny(0).principal(), "user:eve");
  EXPECT_THAT(document.acl().inherit(), ElementsAre("folder:/hr"));
  EXPECT_EQ(document.label().level(), "internal");
  EXPECT_THAT(document.label().compartments(), ElementsAre("people"));
  EXPECT_THAT(document.label().tags(), ElementsAre("pii"));
}

TEST(Rules, WhatARuleLeavesOutIsTheCollectionsDefault) {
  const auto rules = ParseRules("rules: [{glob: '**', compartments: [], tags: []}]");
  ASSERT_TRUE(rules.ok()) << rules.status().ToString();
  v1::Document document;
  document.mutable_acl()->add_allow()->set_principal("everyone");
  document.mutable_label()->set_level("public");
  rules->Match("a")->Fill(document);
  EXPECT_FALSE(document.has_acl());
  EXPECT_FALSE(document.has_label());
}

// The fear: a typo or an empty list opens a document to the collection's default.
TEST(Rules, BadRulesAreRefusedWithFieldAndLine) {
  struct {
    std::string text;
    std::string field;
    std::string message;
  } cases[] = {
      {"", "rules", "one YAML document"},
      {"rules: []", "rules", "no rule"},
      {"{}", "rules", "no rule"},
      {"[]", "", "map"},
      {"rules: x", "rules", "list"},
      {"rules: [x]", "rules[0]", "map"},
      {"rule: []", "rule", "line 1: unknown key"},
      {"rules:\n- glob: a\n  alow: [x]", "rules[0].alow", "line 3: unknown key"},
      {"rules:\n- glob: a\n  deny: [x]\n  deny: []", "rules[0].deny", "line 4: given twice"},
      {"rules:\n- allow: [x]", "rules[0].glob", "missing"},
      {"rules:\n- glob: [a]", "rules[0].glob", "string"},
      {"rules:\n- glob: /a", "rules[0].glob", "relative"},
      {"rules:\n- glob: a\n  allow: []", "rules[0].allow", "both empty"},
      {"rules:\n- glob: a\n  inherit: []\n  allow: []\n  deny: [x]", "rules[0].allow",
       "both empty"},
      {"rules:\n- glob: a\n  allow: group:hr", "rules[0].allow", "list"},
      {"rules:\n- glob: a\n  allow:", "rules[0].allow", "list"},
      {"rules:\n- glob: a\n  allow: [b, ~]", "rules[0].allow[1]", "principal"},
      {"rules:\n- glob: a\n  allow: ['']", "rules[0].allow[0]", "missing"},
      {"rules:\n- glob: a\n  allow: [[b]]", "rules[0].allow[0]", "principal"},
      {"rules:\n- glob: a\n  allow: [{user: b}]", "rules[0].allow[0].user", "unknown key"},
      {"rules:\n- glob: a\n  allow: [{until: 2026-01-01T00:00:00Z}]", "rules[0].allow[0].principal",
       "missing"},
      {"rules:\n- glob: a\n  allow: [{principal: b, until: tomorrow}]", "rules[0].allow[0].until",
       "RFC 3339"},
      {"rules:\n- glob: a\n  allow: [{principal: b, until: null}]", "rules[0].allow[0].until",
       "leave it out"},
      {"rules:\n- glob: a\n  allow: [{principal: b, from: soon}]", "rules[0].allow[0].from",
       "RFC 3339"},
      {"rules:\n- glob: a\n  allow: [{principal: b, from: [x]}]", "rules[0].allow[0].from",
       "leave it out"},
      {"rules:\n- glob: a\n  allow: ['" + std::string(257, 'x') + "']", "rules[0].allow[0]", "256"},
      {"rules:\n- glob: a\n  level:", "rules[0].level", "string"},
      {"rules:\n- glob: a\n  level: [x]", "rules[0].level", "string"},
      {"rules:\n- glob: a\n  tags: [pii]", "rules[0].level", "beside compartments or tags"},
      {"rules:\n- glob: a\n  compartments: [c]", "rules[0].level", "beside compartments or tags"},
      {"rules:\n- glob: a\n  <<: {allow: [x]}", "rules[0].<<", "unknown key"},
      {"rules:\n- glob: \"a", "rules", "not YAML"},
      {"rules: [\n", "rules", "not YAML"},
      {"rules: *nowhere", "rules", "not YAML"},
      {"a: 1\n---\nb: 2", "rules", "one YAML document"},
      {"rules: \xff", "rules", "UTF-8"},
      {std::string(200000, '['), "rules", "not YAML"},
      {"rules: " + std::string(200000, '{'), "rules", "not YAML"},
      {std::string((1 << 20) + 1, ' '), "rules", "longer"},
  };
  for (const auto& bad : cases) {
    const auto rules = ParseRules(bad.text);
    ASSERT_FALSE(rules.ok()) << bad.text;
    EXPECT_EQ(rules.status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(rules.status().field(), bad.field) << bad.text << rules.status().ToString();
    EXPECT_THAT(std::string(rules.status().message()), HasSubstr(bad.message)) << bad.text;
  }
}

TEST(Rules, GarbageDoesNotCrash) {
  Random random(13);
  static constexpr std::string_view kPieces = "rules:-[]{}&*!|>'\"%@#\n  glob,allow~\x01";
  for (int i = 0; i < 3000; ++i) {
    std::string text = "rules: ";
    for (size_t n = random.Below(60); n > 0; --n) text += kPieces[random.Below(kPieces.size())];
    (void)ParseRules(text).ok();
  }
}

}  // namespace
}  // namespace cordon
