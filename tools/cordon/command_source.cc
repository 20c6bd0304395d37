// source quarantine | release; sync is command_source_sync.cc.
#include <fmt/format.h>

#include "cordon/v1/policy.grpc.pb.h"
#include "tools/cordon/command.h"

namespace cordon {
namespace {

struct SourceOptions {
  std::string source;
  std::string reason;
};

template <bool quarantined>
StatusOr<int> Change(const SourceOptions& options, Session& session) {
  v1::ApplyPolicyRequest request;
  request.add_sources()->set_source(options.source);
  request.mutable_sources(0)->set_quarantined(quarantined);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Policy::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::ApplyPolicyResponse response,
                   connection->Call<v1::ApplyPolicyResponse>([&](auto* context, auto* answer) {
                     return stub->ApplyPolicy(context, request, answer);
                   }));
  if (!response.unknown_sources().empty()) {
    session.output().Note(fmt::format(
        "no document has had the source '{}' so far: is it spelt as in provenance.source?",
        Printable(options.source)));
  }
  for (const std::string& source : response.look_alike_sources()) {
    session.output().Note(fmt::format(
        "'{}' looks the same and is another source, which stays in use: quarantine it, too, if it "
        "is not meant to",
        Printable(source)));
  }
  return TellRevision(session.output(), response.revision());
}

}  // namespace

void AddSourceCommands(CLI::App& app, Session& session) {
  CLI::App* const source = AddCommand(
      app, "source", "Brings in what a source has, or takes its documents out of use and back in",
      "  cordon source sync docs wiki listing.jsonl\n"
      "  cordon source quarantine wiki-import\n  cordon source release wiki-import");
  source->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& what, auto change) {
    CLI::App* const command =
        AddCommand(*source, name, what, "  cordon source " + name + " wiki-import");
    const auto options = std::make_shared<SourceOptions>();
    command->add_option("SOURCE", options->source, "As in provenance.source of its documents")
        ->required();
    AddReason(command, &options->reason);
    OnRun(command, session, options, change);
  };
  add("quarantine", "From the revision told on, nobody sees the source's documents", Change<true>);
  add("release", "From the revision told on, they are seen as their lists and labels say",
      Change<false>);
  AddSourceSync(*source, session);
}

}  // namespace cordon
