#include "tests/scenarios/runner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tools/cordon/policy_file.h"

namespace cordon {
namespace {

// What every story may count on, unless it makes keys of these names itself (README.md).
constexpr std::string_view kUsualPolicy =
    R"({"destinations":[{"name":"anywhere","scope":3,"ceiling":"all"}]})";
constexpr std::string_view kUsualKeys = R"({
  "app": {"principal": "service:app", "rights": ["query", "act-as"], "acts_for": "*",
          "clearance": "all", "collections": "*", "destinations": ["anywhere", "*"]},
  "loader": {"principal": "service:loader", "rights": ["ingest", "grant", "label"],
             "collections": "*"},
  "auditor": {"principal": "service:auditor", "rights": "audit", "collections": "*"}})";

bool Has(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string OutcomeText(const Status& status) {
  if (status.ok()) return "OK";
  return fmt::format("{}{}{}", CodeName(status.code()), status.field().empty() ? "" : " ",
                     status.field());
}

std::string ListText(const std::vector<std::string>& names) {
  return fmt::format("[{}]", fmt::join(names, ", "));
}

const std::map<std::string_view, Runner::Verb>& Runner::Verbs() {
  static const std::map<std::string_view, Verb> kVerbs = {
      {"sees",
       {{"through", "destination", "collection", "auditor", "auditor_sees"}, &Runner::Sees}},
      {"retrieve",
       {{"through", "collection", "finds", "context_label", "may_receive", "break_glass"},
        &Runner::Retrieve}},
      {"get", {{"through", "chunks", "context_label", "break_glass"}, &Runner::Get}},
      {"export", {{"through", "exported", "model_label"}, &Runner::Export}},
      {"open_break_glass", {{"through", "named"}, &Runner::OpenBreakGlass}},
      {"close_break_glass", {{"through"}, &Runner::CloseBreakGlass}},
      {"simulate", {{"through", "gains", "loses"}, &Runner::Simulate}},
      {"usage", {{"through", "passages", "destinations"}, &Runner::Usage}},
      {"check_access", {{"through", "permitted"}, &Runner::CheckAccess}},
      {"allowed_destinations", {{"through", "are"}, &Runner::AllowedDestinations}},
      {"why", {{"through", "permitted", "failing", "tells", "break_glass"}, &Runner::Why}},
      {"stats", {{"through", "counts"}, &Runner::Stats}},
      {"list", {{"through"}, &Runner::List}},
      {"authenticate", {{}, &Runner::Authenticate}},
      {"token", {{"named"}, &Runner::Token}},
      {"not_served", {{}, &Runner::NotServed}},
      {"ingest",
       {{"through", "collection", "refused_documents", "undefined_principals"}, &Runner::Ingest}},
      {"set_access", {{"through", "existed"}, &Runner::SetAccess}},
      {"set_access_many", {{"through", "existed"}, &Runner::SetAccessMany}},
      {"set_access_selected", {{"through", "changed"}, &Runner::SetAccessSelected}},
      {"update", {{"through", "existed"}, &Runner::UpdateMetadata}},
      {"sync_source",
       {{"through", "difference", "refused_documents", "gone"}, &Runner::SyncSource}},
      {"delete", {{"through", "existed"}, &Runner::Delete}},
      {"erase", {{"through"}, &Runner::Erase}},
      {"directory", {{"through"}, &Runner::Directory}},
      {"policy", {{"through"}, &Runner::Policy}},
      {"create_key", {{"through"}, &Runner::CreateKey}},
      {"revoke_key", {{"through"}, &Runner::RevokeKey}},
      {"create_tenant", {{"through"}, &Runner::CreateTenant}},
      {"create_collection", {{"through"}, &Runner::CreateCollection}},
      {"delete_collection", {{"through"}, &Runner::DeleteCollection}},
      {"later", {{}, &Runner::Later}},
      {"restart", {{}, &Runner::Restart}},
  };
  return kVerbs;
}

void Runner::Run() {
  for (const auto& step : story_.steps) {
    if (const Status written = CheckStep(step); !written.ok()) {
      return Fail(step, "the step is not well written: " + written.ToString());
    }
  }
  if (const Status ready = SetUp(); !ready.ok()) {
    const auto part =
        story_.lines.find(std::string(ready.field().substr(0, ready.field().find(':'))));
    ADD_FAILURE_AT(file_.c_str(), part == story_.lines.end() ? 1 : part->second)
        << "the story's world cannot be set up: " << ready.ToString();
    return;
  }
  for (const auto& step : story_.steps) {
    const testing::ScopedTrace place(file_.c_str(), step.line, step.verb);
    if (const Status read = (this->*Verbs().at(step.verb).act)(step); !read.ok()) {
      return Fail(step, "the step is not well written: " + read.ToString());
    }
  }
}

// Its verb and the keys beside it.
Status Runner::CheckStep(const Step& step) {
  const auto verb = Verbs().find(step.verb);
  if (verb == Verbs().end()) {
    std::vector<std::string_view> known;
    for (const auto& [name, unused] : Verbs()) known.push_back(name);
    return Invalid(step.verb, fmt::format("no such verb (the first key of a step); known are {}",
                                          fmt::join(known, ", ")));
  }
  const auto& beside = verb->second.beside;
  // What can be refused can be told so.
  const bool calls = step.verb != "sees" && step.verb != "not_served" && step.verb != "later" &&
                     step.verb != "restart";
  for (const auto& [name, value] : step.beside) {
    if (Has(beside, name) || (calls && (name == "refused" || name == "says"))) continue;
    return Invalid(name, fmt::format("unknown beside '{}'; known are {}{}", step.verb,
                                     fmt::join(beside, ", "), calls ? ", refused, says" : ""));
  }
  return OkStatus();
}

// A failure while setting up, at the part of the file that caused it.
Status Runner::Prepare(const std::string& part, const Status& status) {
  return status.ok() ? status : status.Within(part + ": ");
}

Status Runner::SetUp() {
  RETURN_IF_ERROR(world_.Begin());
  ASSIGN_OR_RETURN(const v1::ApplyPolicyRequest usual_policy, ParsePolicy(kUsualPolicy));
  RETURN_IF_ERROR(ApplyPolicyFile("admin", usual_policy));
  if (story_.lines.contains("policy")) {
    RETURN_IF_ERROR(Prepare("policy", ApplyPolicyFile("admin", story_.policy)));
  }
  if (story_.lines.contains("directory")) {
    RETURN_IF_ERROR(Prepare("directory", ApplyDirectoryFile("admin", story_.directory)));
  }
  for (const auto& config : story_.collections) {
    RETURN_IF_ERROR(Prepare("collections", MakeCollection("admin", config)));
  }
  std::map<std::string, v1::KeyGrant> keys;
  ASSIGN_OR_RETURN(const JsonValue usual_keys, parser_.Parse(kUsualKeys));
  RETURN_IF_ERROR(ReadKeys(usual_keys, &keys));
  for (const auto& [name, grant] : story_.keys) keys[name] = grant;
  for (const auto& [name, grant] : keys) {
    RETURN_IF_ERROR(Prepare("keys", MakeKeyNamed("admin", name, grant)));
  }
  if (story_.documents.empty()) return OkStatus();
  auto ingested = IngestInto("loader", story_.collections.front().name(), story_.documents);
  RETURN_IF_ERROR(Prepare("documents", ingested.status()));
  for (const auto& refusal : ingested->response.refused()) {
    return Prepare("documents", Invalid(refusal.id() + ": " + refusal.field(), refusal.message()));
  }
  return OkStatus();
}

StatusOr<std::string> Runner::Word(const Step& step, std::string_view name,
                                   std::string otherwise) const {
  const auto it = step.beside.find(name);
  if (it == step.beside.end()) return otherwise;
  std::string word;
  if (Status status = ReadString(it->second, &word); !status.ok()) return status.Within(name);
  return word;
}

void Runner::Fail(const Step& step, const std::string& text) const {
  ADD_FAILURE_AT(file_.c_str(), step.line) << step.verb << ": " << text;
}

bool Runner::Answered(const Step& step, const Status& status) const {
  const auto refused = step.beside.find("refused");
  const auto says = step.beside.find("says");
  const std::string got = OutcomeText(status);
  if (refused == step.beside.end()) {
    if (says != step.beside.end()) Fail(step, "`says` stands beside `refused` only");
    if (!status.ok()) {
      Fail(step, fmt::format("expected an answer, got: {} ({})", got, status.message()));
    }
    return status.ok();
  }
  std::string expected;
  if (!ReadString(refused->second, &expected).ok() || expected != got) {
    Fail(step, fmt::format("expected to be refused with: {}\n  got: {} {}", expected, got,
                           status.message()));
    return false;
  }
  std::string wanted;
  if (says != step.beside.end() && (!ReadString(says->second, &wanted).ok() ||
                                    status.message().find(wanted) == std::string::npos)) {
    Fail(step,
         fmt::format("expected the refusal to say: {}\n  it says: {}", wanted, status.message()));
  }
  if (status.message().empty()) Fail(step, "the refusal says nothing");
  return false;
}

Status Runner::CompareNames(const Step& step, std::string_view name,
                            const std::vector<std::string>& got) const {
  const auto it = step.beside.find(name);
  if (it == step.beside.end()) return OkStatus();
  std::vector<std::string> expected;
  if (Status status = ReadNames(it->second, &expected); !status.ok()) return status.Within(name);
  if (expected != got) {
    Fail(step, fmt::format("expected {}: {}\n  got: {}", name, ListText(expected), ListText(got)));
  }
  return OkStatus();
}

Status Runner::CompareExisted(const Step& step, bool told, bool existed) const {
  const auto it = step.beside.find("existed");
  if (it == step.beside.end()) return OkStatus();
  const std::string got = !told ? "\"not told\"" : existed ? "true" : "false";
  if (ToText(it->second) != got) {
    Fail(step, fmt::format("expected existed: {}\n  got: {}", ToText(it->second), got));
  }
  return OkStatus();
}

}  // namespace cordon
