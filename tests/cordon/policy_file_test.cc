// Policy and directory files: what they say arrives, what they misspell does not pass.
#include "tools/cordon/policy_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tools/cordon/access_json.h"
#include "tools/cordon/directory_file.h"
#include "tools/cordon/line_field.h"
#include "tools/cordon/policy_text.h"
#include "tools/cordon/yaml_json.h"

namespace cordon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string RefusedField(std::string_view text) {
  const auto request = ParsePolicy(text);
  EXPECT_FALSE(request.ok()) << text;
  return request.ok() ? "" : std::string(request.status().field());
}

constexpr std::string_view kContract = R"(
levels: [public, internal, confidential, restricted]
compartments: [people, merger]
tags: [pii, no-external-model, region:eu]
default_clearance: {level: internal}
scopes: {1: {ceiling: {level: public, compartments: []}, forbidden_tags: [pii]}}     # a comment
containers: [{name: "folder:/hr", allow: ["group:hr"], deny: ["group:contractors"], inherit: []}]
destinations: [{name: chat-public, scope: 1, ceiling: {level: public, compartments: []},
                forbidden_tags: [pii], region: us}]
)";

TEST(PolicyFile, ReadsTheFileOfTheContract) {
  const auto request = ParsePolicy(kContract);
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  EXPECT_THAT(request->levels().names(),
              ElementsAre("public", "internal", "confidential", "restricted"));
  EXPECT_THAT(request->compartments().names(), ElementsAre("people", "merger"));
  EXPECT_THAT(request->tags().names(), ElementsAre("pii", "no-external-model", "region:eu"));
  EXPECT_EQ(request->default_clearance().level(), "internal");
  ASSERT_EQ(request->scopes().rules_size(), 1);
  EXPECT_EQ(request->scopes().rules(0).scope(), 1u);
  EXPECT_EQ(request->scopes().rules(0).ceiling().level(), "public");
  EXPECT_THAT(request->scopes().rules(0).forbidden_tags(), ElementsAre("pii"));
  ASSERT_EQ(request->containers_size(), 1);
  EXPECT_EQ(request->containers(0).container().name(), "folder:/hr");
  EXPECT_EQ(request->containers(0).container().acl().deny(0).principal(), "group:contractors");
  ASSERT_EQ(request->destinations_size(), 1);
  EXPECT_EQ(request->destinations(0).destination().region(), "us");
  EXPECT_TRUE(request->destinations(0).destination().has_ceiling());
}

TEST(PolicyFile, WhatIsNotGivenIsNotReplaced) {
  const auto request = ParsePolicy("tags: []");
  ASSERT_TRUE(request.ok());
  EXPECT_TRUE(request->has_tags());
  EXPECT_FALSE(request->has_levels());
  EXPECT_FALSE(request->has_compartments());
  EXPECT_FALSE(request->has_scopes());
  EXPECT_FALSE(request->has_default_clearance());
  EXPECT_TRUE(ParsePolicy("scopes: {}")->has_scopes());
}

TEST(PolicyFile, JsonIsYamlToo) {
  const auto request = ParsePolicy(
      R"({"scopes":{"1":{"ceiling":"all"},"5":{"ceiling":{"level":"x","compartments":["y"]}}},)"
      R"("containers":[{"name":"c","delete":true,"allow":[{"principal":"user:a",)"
      R"("from":"2025-01-01T00:00:00Z","until":"2026-01-01T00:00:00Z"}]}],)"
      R"("destinations":[{"name":"d","delete":true}]})");
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  EXPECT_EQ(request->scopes().rules(0).ceiling().symbol(), v1::Clearance::SYMBOL_ALL);
  EXPECT_EQ(request->scopes().rules(1).scope(), 5u);
  EXPECT_TRUE(request->containers(0).remove());
  EXPECT_EQ(request->containers(0).container().acl().allow(0).until().seconds(), 1767225600);
  EXPECT_EQ(request->containers(0).container().acl().allow(0).from().seconds(), 1735689600);
  EXPECT_TRUE(request->destinations(0).remove());
  EXPECT_FALSE(request->destinations(0).destination().has_ceiling());
}

TEST(PolicyFile, AMisspeltKeyDoesNotLiftARule) {
  EXPECT_EQ(RefusedField("level: [a]"), "level");
  EXPECT_EQ(RefusedField("scopes: {1: {ceilling: all}}"), "scopes.1.ceilling");
  EXPECT_EQ(RefusedField("containers: [{name: a, denny: []}]"), "containers[0].denny");
  EXPECT_EQ(RefusedField("destinations: [{name: a}, {name: b, forbidden: [pii]}]"),
            "destinations[1].forbidden");
  EXPECT_EQ(RefusedField("destinations: [{name: a, ceiling: {levels: b}}]"),
            "destinations[0].ceiling.levels");
}

TEST(PolicyFile, WrongTypesAreRefusedWithTheirPath) {
  EXPECT_EQ(RefusedField("levels: public"), "levels");
  EXPECT_EQ(RefusedField("levels: [1, 2]"), "levels[0]");
  EXPECT_EQ(RefusedField("levels: [a, ~]"), "levels[1]");
  EXPECT_EQ(RefusedField("levels:"), "levels");
  EXPECT_EQ(RefusedField("tags: [true]"), "tags[0]");
  EXPECT_EQ(RefusedField("scopes: {6: {}}"), "scopes.6");
  EXPECT_EQ(RefusedField("scopes: {one: {}}"), "scopes.one");
  EXPECT_EQ(RefusedField("scopes: [{}]"), "scopes");
  EXPECT_EQ(RefusedField("destinations: [{name: a, scope: '1'}]"), "destinations[0].scope");
  EXPECT_EQ(RefusedField("destinations: [{name: a, scope: 1.5}]"), "destinations[0].scope");
  EXPECT_EQ(RefusedField("destinations: [{name: a, scope: -1}]"), "destinations[0].scope");
  EXPECT_EQ(RefusedField("destinations: [{scope: 1}]"), "destinations[0].name");
  EXPECT_EQ(RefusedField("containers: [{name: a, delete: yes}]"), "containers[0].delete");
  EXPECT_EQ(RefusedField("default_clearance: everything"), "default_clearance");
  EXPECT_EQ(RefusedField("default_clearance: {compartments: [a]}"), "default_clearance.level");
  EXPECT_EQ(RefusedField("- levels"), "");
}

TEST(PolicyFile, AKeyGivenTwiceIsNotGuessed) {
  EXPECT_EQ(RefusedField("levels: [a]\nlevels: [b]"), "levels");
  EXPECT_EQ(RefusedField("scopes: {1: {ceiling: all}, 1: {}}"), "scopes.1");
  EXPECT_EQ(RefusedField("scopes: {1: {ceiling: all}, '01': {}}"), "scopes.01");
}

TEST(PolicyFile, FilesThatAreNoneAreRefused) {
  EXPECT_EQ(RefusedField(""), "");
  EXPECT_EQ(RefusedField("# nothing"), "");
  EXPECT_EQ(RefusedField("levels: [a"), "");
  EXPECT_EQ(RefusedField("levels: [a]\n---\ntags: [b]"), "");
  EXPECT_EQ(RefusedField("levels: !!set [a]\n"), "levels");
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int j = 0; j < 9; ++j) bomb += "," + last;
    bomb += "]\n";
  }
  EXPECT_THAT(std::string(ParsePolicy(bomb).status().message()), HasSubstr("too large"));
}

TEST(YamlJson, PlainScalarsFollowTheCoreSchemaAndNothingElse) {
  EXPECT_EQ(*YamlToJson("{a: no, b: on, c: 010, d: 1e3, e: 1.5, f: '1', g: 0x1F, h: 2026-01-01, "
                        "i: ~, j: True, k: .5, l: 1.2.3, m: +5, n: -, o: 1:30, p: .inf}"),
            R"({"a":"no","b":"on","c":10,"d":1000.0,"e":1.5,"f":"1","g":31,"h":"2026-01-01",)"
            R"("i":null,"j":true,"k":0.5,"l":"1.2.3","m":5.0,"n":"-","o":"1:30","p":".inf"})");
}

Status ReadLine(std::string_view line) {
  JsonParser parser;
  v1::Principal principal;
  return ReadPrincipal(*parser.Parse(line), &principal);
}

TEST(DirectoryFile, ReadsGroupsUsersAndRemovals) {
  JsonParser parser;
  v1::Principal group;
  ASSERT_TRUE(ReadPrincipal(*parser.Parse(R"({"principal":"group:x","members":["user:a",)"
                                          R"({"principal":"user:b","from":"2027-01-01T00:00:00Z",)"
                                          R"("until":null}]})"),
                            &group)
                  .ok());
  EXPECT_EQ(group.members_size(), 2);
  EXPECT_EQ(group.members(1).from().seconds(), 1798761600);
  EXPECT_FALSE(group.members(1).has_until());
  EXPECT_TRUE(group.sets_members());
  v1::Principal empty;
  ASSERT_TRUE(ReadPrincipal(*parser.Parse(R"({"principal":"group:x","members":[]})"), &empty).ok());
  EXPECT_TRUE(empty.sets_members());
  v1::Principal user;
  ASSERT_TRUE(
      ReadPrincipal(*parser.Parse(R"({"principal":"user:a","clearance":"all"})"), &user).ok());
  EXPECT_EQ(user.clearance().symbol(), v1::Clearance::SYMBOL_ALL);
  EXPECT_FALSE(user.sets_members());
  v1::Principal gone;
  ASSERT_TRUE(ReadPrincipal(*parser.Parse(R"({"principal":"user:a","delete":true})"), &gone).ok());
  EXPECT_TRUE(gone.remove());
}

TEST(DirectoryFile, ALineThatSaysNothingOrTooMuchIsRefused) {
  EXPECT_EQ(ReadLine(R"({"members":["user:a"]})").field(), "principal");
  EXPECT_FALSE(ReadLine(R"({"principal":"user:a"})").ok());
  EXPECT_FALSE(ReadLine(R"({"principal":"user:a","delete":false})").ok());
  EXPECT_EQ(ReadLine(R"({"principal":"group:a","members":[],"delete":true})").field(), "delete");
  EXPECT_EQ(ReadLine(R"({"principal":"group:a","member":[]})").field(), "member");
  EXPECT_EQ(ReadLine(R"({"principal":"group:a","members":["a",{"until":7}]})").field(),
            "members[1].until");
  EXPECT_EQ(ReadLine(R"({"principal":"group:a","members":[{"from":"soon"}]})").field(),
            "members[0].from");
  EXPECT_EQ(ReadLine(R"({"principal":"group:a","members":["user:a",{}]})").field(),
            "members[1].principal");
  EXPECT_EQ(
      ReadLine(R"({"principal":"group:a","members":[{"from":"2030-01-01T00:00:00Z"}]})").field(),
      "members[0].principal");
}

TEST(DirectoryFile, TheServersRefusalIsToldOfTheLineThatCausedIt) {
  const std::vector<uint64_t> lines = {1, 4, 9};
  const Status status = AtLine(Invalid("principals[2].members[1].until", "m"), "principals", lines);
  EXPECT_EQ(status.field(), "members[1].until");
  EXPECT_EQ(status.message(), "line 9: m");
  EXPECT_EQ(AtLine(Invalid("principals[1]", "m"), "principals", lines).message(), "line 4: m");
  EXPECT_EQ(AtLine(Invalid("principals[3].name", "m"), "principals", lines).field(),
            "principals[3].name");
  EXPECT_EQ(AtLine(Invalid("other", "m"), "principals", lines).field(), "other");
}

TEST(Options, ClearancesComeAsWordsOrJson) {
  EXPECT_EQ(ParseClearanceOption("clearance", "all")->symbol(), v1::Clearance::SYMBOL_ALL);
  EXPECT_EQ(ParseClearanceOption("clearance", "\"all\"")->symbol(), v1::Clearance::SYMBOL_ALL);
  EXPECT_EQ(ParseClearanceOption("clearance", R"({"level":"a"})")->level(), "a");
  EXPECT_EQ(ParseClearanceOption("clearance", "secret").status().field(), "clearance");
  EXPECT_EQ(ParseClearanceOption("clearance", R"({"level":1})").status().field(),
            "clearance.level");
  EXPECT_EQ(ParseAclOption("acl", R"({"allow":[7]})").status().field(), "acl.allow[0]");
  EXPECT_EQ(ParseAclOption("acl", "{").status().field(), "acl");
}

TEST(PolicyText, WhatIsShownIsNotWhatApplies) {
  const auto request = ParsePolicy(R"(
levels: [public, "in: ternal", restricted]
compartments: [people, "a \"quoted\" one"]
tags: [pii, "region:eu"]
default_clearance: {level: public, compartments: [people]}
scopes: {1: {ceiling: {level: public}, forbidden_tags: [pii]}, 5: {ceiling: all}}
containers:
  - {name: "folder:/hr", allow: ["group:hr", {principal: "user:a", until: "2030-01-01T00:00:00Z"}]}
  - name: "folder:/later"
    allow: [{principal: "user:a", from: "2030-01-01T00:00:00.5Z"}]
    deny: [{principal: "user:b", from: "2029-01-01T00:00:00Z", until: "2030-01-01T00:00:00Z"}]
  - {name: "true", deny: ["user:\u00e9"], inherit: ["folder:/hr"]}
destinations:
  - {name: chat, scope: 1, ceiling: lowest, forbidden_tags: [pii], region: eu}
  - {name: tuned, scope: 4, ceiling: {level: restricted}, model_label: {level: public, tags: [pii]}}
denied_certificates: [{fingerprint: "sha256:00ff"}, {issuer: "CN=Old CA,O=Corp"}]
trust: [untrusted, "part: ner"]
sources: [{source: "wiki, old", quarantined: true}, {source: hris, quarantined: true}])");
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  v1::GetPolicyResponse response;
  *response.mutable_policy() = *request;
  response.set_revision(17);
  response.set_journal_id("default-9");
  for (const std::string& text : {PolicyYaml(response), PolicyJson(response)}) {
    const auto again = ParsePolicy(text);
    ASSERT_TRUE(again.ok()) << again.status().ToString() << "\n" << text;
    EXPECT_EQ(again->DebugString(), request->DebugString()) << text;
    EXPECT_NE(text.find("17"), std::string::npos) << "without its revision";
  }
  // A fresh tenant's has hardly anything.
  v1::GetPolicyResponse fresh;
  fresh.mutable_policy()->mutable_levels()->add_names("public");
  fresh.mutable_policy()->mutable_compartments();
  fresh.mutable_policy()->mutable_tags();
  fresh.mutable_policy()->mutable_default_clearance()->set_symbol(v1::Clearance::SYMBOL_LOWEST);
  fresh.mutable_policy()->mutable_scopes();
  fresh.mutable_policy()->mutable_denied_certificates();
  fresh.mutable_policy()->mutable_trust();
  for (const std::string& text : {PolicyYaml(fresh), PolicyJson(fresh)}) {
    const auto again = ParsePolicy(text);
    ASSERT_TRUE(again.ok()) << again.status().ToString() << "\n" << text;
    EXPECT_EQ(again->DebugString(), fresh.policy().DebugString()) << text;
  }
}

}  // namespace
}  // namespace cordon
