// policy apply | show | history.
#include <fmt/format.h>

#include "cordon/v1/policy.grpc.pb.h"
#include "tools/cordon/command.h"
#include "tools/cordon/gzip.h"
#include "tools/cordon/human.h"
#include "tools/cordon/message_json.h"
#include "tools/cordon/policy_file.h"
#include "tools/cordon/policy_text.h"

namespace cordon {
namespace {

struct ApplyPolicyOptions {
  std::string file;
  std::string reason;
};

struct ShowPolicyOptions {
  bool yaml = false;
};

struct HistoryOptions {
  uint32_t limit = 20;
  uint64_t before = 0;
};

StatusOr<int> ApplyPolicy(const ApplyPolicyOptions& options, Session& session) {
  ASSIGN_OR_RETURN(const std::string text, ReadFileUnpacked(options.file, kPolicyBytesMax));
  ASSIGN_OR_RETURN(v1::ApplyPolicyRequest request, ParsePolicy(text));
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Policy::NewStub(connection->channel());
  ASSIGN_OR_RETURN(
      const v1::ApplyPolicyResponse response,
      connection->Call<v1::ApplyPolicyResponse>(
          [&](auto* context, auto* answer) { return stub->ApplyPolicy(context, request, answer); },
          kLongCallTimeout));
  return TellApplied(session.output(), response.applied(), response.revision());
}

StatusOr<int> ShowPolicy(const ShowPolicyOptions& options, Session& session) {
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Policy::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::GetPolicyResponse response,
                   connection->Call<v1::GetPolicyResponse>([&](auto* context, auto* answer) {
                     return stub->GetPolicy(context, v1::GetPolicyRequest(), answer);
                   }));
  const bool json = session.output().json() && !options.yaml;
  session.output().Line(json ? PolicyJson(response) : PolicyYaml(response));
  return 0;
}

std::string ChangeText(const v1::PolicyRevision& change) {
  std::string text =
      fmt::format("{}  {}  {}  key {}  actor {}", change.revision(), TimeText(change.time()),
                  Printable(change.call()), Printable(change.key_id()), Printable(change.actor()));
  if (!change.reason().empty()) text += "  because " + Printable(change.reason());
  return text;
}

void WriteChange(JsonWriter& json, const v1::PolicyRevision& change) {
  json.BeginObject().Key("revision").Unsigned(change.revision());
  json.Key("time").String(TimeText(change.time()));
  json.Key("call").String(change.call());
  json.Key("key_id").String(change.key_id());
  json.Key("actor").String(change.actor());
  json.Key("reason").String(change.reason()).EndObject();
}

StatusOr<int> History(const HistoryOptions& options, Session& session) {
  if (options.limit == 0) return Invalid("n", "must be an integer, 1 to 1000");
  v1::PolicyHistoryRequest request;
  request.set_limit(options.limit);
  request.set_before(options.before);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Policy::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::PolicyHistoryResponse response,
                   connection->Call<v1::PolicyHistoryResponse>([&](auto* context, auto* answer) {
                     return stub->PolicyHistory(context, request, answer);
                   }));
  Output& output = session.output();
  if (!output.json()) {
    for (const auto& change : response.changes()) output.Line(ChangeText(change));
    if (response.more()) output.Note("there are older ones; see --before");
    return 0;
  }
  JsonWriter json;
  json.BeginObject().Key("changes").BeginArray();
  for (const auto& change : response.changes()) WriteChange(json, change);
  json.EndArray().Key("more").Bool(response.more());
  json.Key("revision").Unsigned(response.revision());
  output.Line(json.Key("journal_id").String(response.journal_id()).EndObject());
  return 0;
}

void AddApplyPolicy(CLI::App& policy, Session& session) {
  CLI::App* const apply =
      AddCommand(policy, "apply", "Applies a policy file (YAML or JSON), all of it or nothing",
                 R"(  cordon policy apply policy.yaml --reason "CHG-1041"

  levels: [public, internal, confidential, restricted]
  compartments: [people]
  tags: [pii, region:eu]
  default_clearance: {level: internal}
  scopes: {1: {ceiling: {level: public, compartments: []}, forbidden_tags: [pii]}}
  containers: [{name: "folder:/hr", allow: ["group:hr"], deny: [], inherit: []}]
  destinations: [{name: chat, scope: 3, ceiling: {level: confidential}, region: eu}]
  trust: [untrusted, partner, internal]
  sources: [{source: wiki-import, quarantined: true}]
  denied_certificates: [{fingerprint: "sha256:9f86…"}, {issuer: "CN=Old CA,O=Corp"}])");
  const auto options = std::make_shared<ApplyPolicyOptions>();
  apply->add_option("FILE", options->file, "The policy file")->required();
  AddReason(apply, &options->reason);
  OnRun(apply, session, options, ApplyPolicy);
}

}  // namespace

int TellApplied(Output& output, uint64_t applied, uint64_t revision) {
  if (!output.json()) {
    output.Line(fmt::format("applied {}, revision {}", Grouped(applied), revision));
    return 0;
  }
  JsonWriter json;
  json.BeginObject().Key("applied").Unsigned(applied);
  json.Key("refused").Unsigned(0);  // all or nothing
  output.Line(json.Key("revision").Unsigned(revision).EndObject());
  return 0;
}

void AddPolicyCommands(CLI::App& app, Session& session) {
  CLI::App* const policy =
      AddCommand(app, "policy", "Applies and shows label schemes, containers and destinations",
                 "  cordon policy apply policy.yaml\n  cordon policy show > policy.yaml");
  policy->require_subcommand(1);
  AddApplyPolicy(*policy, session);
  CLI::App* const show =
      AddCommand(*policy, "show", "Prints the policy in force, as 'policy apply' takes it",
                 "  cordon policy show > policy.yaml\n  cordon policy show --json");
  const auto show_options = std::make_shared<ShowPolicyOptions>();
  show->add_flag("--yaml", show_options->yaml, "As YAML, which is the default without --json");
  OnRun(show, session, show_options, ShowPolicy);
  CLI::App* const history = AddCommand(
      *policy, "history", "Lists who changed what is permitted, when and why, oldest first",
      "  cordon policy history -n 50\n  cordon policy history --before 1041 --json");
  const auto history_options = std::make_shared<HistoryOptions>();
  history->add_option("-n,--limit", history_options->limit, "How many, 1 to 1000")
      ->capture_default_str();
  history->add_option("--before", history_options->before, "Only changes before this revision");
  OnRun(history, session, history_options, History);
}

}  // namespace cordon
