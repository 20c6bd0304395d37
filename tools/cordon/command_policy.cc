// policy apply, directory apply.
#include <fmt/format.h>

#include "cordon/v1/directory.grpc.pb.h"
#include "cordon/v1/policy.grpc.pb.h"
#include "engine/base/limits.h"
#include "tools/cordon/command.h"
#include "tools/cordon/directory_file.h"
#include "tools/cordon/gzip.h"
#include "tools/cordon/human.h"
#include "tools/cordon/policy_file.h"

namespace cordon {
namespace {

constexpr size_t kPolicyBytesMax = 64 << 20;  // four times what a message takes

struct FileOptions {
  std::string file;
};

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

StatusOr<int> ApplyPolicy(const FileOptions& options, Session& session) {
  ASSIGN_OR_RETURN(const std::string text, ReadFileMaybeGzip(options.file, kPolicyBytesMax));
  ASSIGN_OR_RETURN(const v1::ApplyPolicyRequest request, ParsePolicy(text));
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Policy::NewStub(connection->channel());
  ASSIGN_OR_RETURN(
      const v1::ApplyPolicyResponse response,
      connection->Call<v1::ApplyPolicyResponse>(
          [&](auto* context, auto* answer) { return stub->ApplyPolicy(context, request, answer); },
          kLongCallTimeout));
  return TellApplied(session.output(), response.applied(), response.revision());
}

StatusOr<int> ApplyDirectory(const FileOptions& options, Session& session) {
  ASSIGN_OR_RETURN(const DirectoryFile file, ReadDirectoryFile(options.file));
  if (file.request.ByteSizeLong() > limits::kIngestMessageBytes) {
    return Invalid("FILE", fmt::format("takes more than {} bytes, which is what a message may; "
                                       "apply it in parts",
                                       limits::kIngestMessageBytes));
  }
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Directory::NewStub(connection->channel());
  const auto response = connection->Call<v1::ApplyDirectoryResponse>(
      [&](auto* context, auto* answer) {
        return stub->ApplyDirectory(context, file.request, answer);
      },
      kLongCallTimeout);
  if (!response.ok()) return AtLine(response.status(), file.lines);
  return TellApplied(session.output(), response->applied(), response->revision());
}

}  // namespace

void AddPolicyCommands(CLI::App& app, Session& session) {
  CLI::App* const policy =
      AddCommand(app, "policy", "Applies label schemes, containers and destinations",
                 "  cordon policy apply policy.yaml");
  policy->require_subcommand(1);
  CLI::App* const apply_policy =
      AddCommand(*policy, "apply", "Applies a policy file (YAML or JSON), all of it or nothing",
                 R"(  cordon policy apply policy.yaml

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
  const auto policy_options = std::make_shared<FileOptions>();
  apply_policy->add_option("FILE", policy_options->file, "The policy file")->required();
  OnRun(apply_policy, session, policy_options, ApplyPolicy);

  CLI::App* const directory = AddCommand(app, "directory", "Applies groups, members and clearances",
                                         "  cordon directory apply people.jsonl");
  directory->require_subcommand(1);
  CLI::App* const apply_directory =
      AddCommand(*directory, "apply", "Applies a directory file (JSON lines), all of it or nothing",
                 R"(  cordon directory apply people.jsonl

  {"principal":"group:hr","members":["user:ana","group:leads"]}
  {"principal":"group:audit","members":[{"principal":"user:bo","until":"2027-01-01T00:00:00Z"}]}
  {"principal":"user:ana","clearance":{"level":"restricted","compartments":["people"]}}
  {"principal":"group:old","delete":true})");
  const auto directory_options = std::make_shared<FileOptions>();
  apply_directory->add_option("FILE", directory_options->file, "The file; - is standard input")
      ->required();
  OnRun(apply_directory, session, directory_options, ApplyDirectory);
}

}  // namespace cordon
