// A driver that lets a story pass although it is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/scenarios/runner.h"

namespace cordon {
namespace {

constexpr std::string_view kHead = R"(
proves: nothing
keys:
  planner: {principal: service:planner, rights: [audit, admin], collections: "*"}
documents:
  - {id: open, text: one, label: {level: public}, acl: {allow: [everyone]}}
  - {id: ana, text: two, label: {level: public}, acl: {allow: [user:ana]}}
  - id: parts
    label: {level: public}
    acl: {allow: [user:ana]}
    chunks: [{text: a}, {text: b, acl: {allow: [user:ben]}}]
steps:
)";

// The failures of a story with these lines.
std::vector<std::string> FailuresOf(const std::string& text) {
  const ScratchDirectory folder;
  const std::string path = folder / "story.yaml";
  std::ofstream(path) << text;
  const auto story = ReadStory(path);
  if (!story.ok()) return {story.status().ToString()};
  testing::TestPartResultArray failures;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
    Runner(path, *story).Run();
  }
  std::vector<std::string> texts;
  for (int i = 0; i < failures.size(); ++i) {
    texts.emplace_back(failures.GetTestPartResult(i).message());
  }
  return texts;
}

// A step, and what the failure that it must give says.
struct Wrong {
  std::string step;
  std::string says;
};

// Runs the steps in one world: each gives its failure and no step gives another.
void ExpectFailures(const std::vector<Wrong>& wrong) {
  std::string text(kHead);
  for (const auto& [step, says] : wrong) text += "  - " + step + "\n";
  const auto failures = FailuresOf(text);
  ASSERT_EQ(failures.size(), wrong.size()) << testing::PrintToString(failures);
  for (size_t i = 0; i < wrong.size(); ++i) {
    EXPECT_THAT(failures[i], testing::HasSubstr(wrong[i].says)) << wrong[i].step;
  }
}

TEST(Driver, AWrongTablePasses) {
  const std::string head(kHead);
  EXPECT_THAT(FailuresOf(head + "  - sees: {user:ana: [open, ana, parts#0], user:ben: [open]}\n"),
              testing::IsEmpty());
  EXPECT_THAT(FailuresOf(head + "  - {sees: {user:ana: [open, ana, 'parts#0']}, auditor_sees: "
                                "{user:ana: [open]}}\n"),
              testing::Contains(testing::HasSubstr("the auditor's Stats count 3")));
  // By every way of asking: too little seen, too much seen.
  for (const char* table : {"{user:ben: [open, ana]}", "{user:ben: []}"}) {
    const auto failures = FailuresOf(head + "  - sees: " + table + "\n");
    for (const char* way : {"Retrieve, exact", "Retrieve, fast", "GetDocument", "CheckAccess",
                            "the auditor's Stats", "the auditor's Explain"}) {
      EXPECT_THAT(failures, testing::Contains(testing::HasSubstr(way))) << table;
    }
  }
}

TEST(Driver, AWrongAnswerPasses) {
  ExpectFailures({
      {"{retrieve: {as: user:ben, text: x}, finds: [ana]}", "got: [open]"},
      {"{get: {document: ana, as: user:ben}}", "expected an answer, got: NOT_FOUND"},
      {"{get: {document: ana, as: user:ana}, refused: NOT_FOUND document}", "got: OK"},
      {"{get: {document: ana, as: user:ana}, chunks: [three]}", "got: [two]"},
      {"{get: {document: ana, as: user:ben}, refused: NOT_FOUND}", "got: NOT_FOUND document"},
      {"{get: {document: ana, as: user:ben}, refused: NOT_FOUND document, says: never}",
       "expected the refusal to say: never"},
      {"{check_access: {documents: [ana], as: user:ben}, permitted: [ana]}", "got: []"},
      {"{allowed_destinations: {label: {level: public}, as: user:ben}, are: []}", "[anywhere]"},
      {"{why: {document: ana, as: user:ben}, permitted: true}", "got: false"},
      {"{stats: {}, counts: {documents: 7}}", "expected documents: 7, got: 3"},
      {"{ingest: [{id: x, text: y}]}", "got: [x: acl]"},
      {"{delete: {document: ana}, existed: true}", "got: \"not told\""},
      {"{create_tenant: UPPER}", "INVALID_ARGUMENT"},
      {"{simulate: {directory: [{principal: group:a, members: [user:ana]}]}, through: planner, "
       "gains: [user:ana "
       "open]}",
       "got: []"},
      {"{token: {issuer: claims, sub: ana}}", "expected an answer, got: UNAUTHENTICATED"},
      {"{token: {issuer: claims, sub: ana, groups: []}, refused: UNAUTHENTICATED authorization}",
       "got: OK"},
      {"not_served: [Retrieve]", "Retrieve is served now"},
      {"not_served: [Passage.text]", "Passage.text is served now"},
  });
}

TEST(Driver, ATypoPasses) {
  ExpectFailures({{"sees: {user:ben: [open, anna]}", "no document 'anna' was written"}});
  ExpectFailures({{"sees: {user:ana: [open, ana, 'parts#5']}", "names no chunk"}});
  ExpectFailures({{"{retrieve: {ass: user:ben, text: x}}", "unknown key"}});
  ExpectFailures({{"{get: {document: ana, as: user:ana}, through: ap}", "no key named ap"}});
  ExpectFailures({{"{later: 2099-01-01T00:00:00Z}", "not later than"}});
  ExpectFailures({{"{retrieve: {as: user:ben}, find: [open]}", "unknown beside 'retrieve'"}});
  ExpectFailures({{"{retreive: {as: user:ben, text: x}}", "no such verb"}});
  const auto refused = [](const std::string& text) { return FailuresOf(text).at(0); };
  EXPECT_THAT(refused("prove: x\nsteps: []\n"), testing::HasSubstr("unknown key"));
  EXPECT_THAT(refused("steps: [{restart: true}]\n"), testing::HasSubstr("proves: missing"));
  EXPECT_THAT(refused("proves: x\n"), testing::HasSubstr("steps: missing"));
  EXPECT_THAT(refused("proves: x\ndocuments: [{id: a, text: b}]\nsteps: [{restart: true}]\n"),
              testing::HasSubstr("cannot be set up"));
}

}  // namespace
}  // namespace cordon
