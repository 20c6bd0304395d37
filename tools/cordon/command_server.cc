// stats, capabilities: what the server holds and what it can do.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cordon/v1/admin.grpc.pb.h"
#include "tools/cordon/command.h"
#include "tools/cordon/human.h"
#include "tools/cordon/message_json.h"

namespace cordon {
namespace {

struct StatsOptions {
  std::string collection;
  std::string as;
  std::string destination;
  CLI::Option* as_option = nullptr;
  CLI::Option* destination_option = nullptr;
};

std::string StatsText(const v1::StatsResponse& response) {
  std::string text = fmt::format("documents             {}\nchunks                {}",
                                 Grouped(response.documents()), Grouped(response.chunks()));
  if (response.has_visible_chunks()) {
    text += fmt::format("\nvisible chunks        {}", Grouped(response.visible_chunks()));
  } else if (response.canary_alerts() > 0) {
    text += fmt::format("\ncanary alerts         {}", Grouped(response.canary_alerts()));
  }
  return text + fmt::format("\nundefined principals  {}\nrevision              {}",
                            Grouped(response.undefined_principals()), response.revision());
}

StatusOr<int> Stats(const StatsOptions& options, Session& session) {
  RETURN_IF_ERROR(CheckStated(options.as_option, "as", options.as));
  RETURN_IF_ERROR(CheckStated(options.destination_option, "destination", options.destination));
  v1::StatsRequest request;
  request.set_collection(options.collection);
  request.set_as(options.as);
  request.set_destination(options.destination);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::StatsResponse response,
                   connection->Call<v1::StatsResponse>([&](auto* context, auto* answer) {
                     return stub->Stats(context, request, answer);
                   }));
  if (!session.output().json()) {
    session.output().Line(StatsText(response));
    return 0;
  }
  JsonWriter json;
  json.BeginObject();
  WriteStats(json, response);
  session.output().Line(json.EndObject());
  return 0;
}

StatusOr<int> Capabilities(const NoOptions&, Session& session) {
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::CapabilitiesResponse response,
                   connection->Call<v1::CapabilitiesResponse>([&](auto* context, auto* answer) {
                     return stub->Capabilities(context, v1::CapabilitiesRequest(), answer);
                   }));
  std::vector<std::string_view> ranks;
  for (const int rank : response.ranks()) ranks.push_back(RankName(v1::Rank(rank)));
  if (!session.output().json()) {
    session.output().Line(
        fmt::format("version          {}\ninstruction set  {}\nranks            {}{}",
                    response.version(), response.instruction_set(), fmt::join(ranks, ", "),
                    response.dev() ? "\nmode             development" : ""));
    return 0;
  }
  JsonWriter json;
  json.BeginObject().Key("version").String(response.version());
  json.Key("instruction_set").String(response.instruction_set());
  json.Key("ranks").Strings(ranks);
  session.output().Line(json.Key("dev").Bool(response.dev()).EndObject());
  return 0;
}

}  // namespace

void AddServerCommands(CLI::App& app, Session& session) {
  CLI::App* const stats =
      AddCommand(app, "stats", "Counts documents and chunks, and with --as what a user may see",
                 "  cordon stats docs\n  cordon stats docs --as user:ana --destination chat");
  const auto options = std::make_shared<StatsOptions>();
  stats->add_option("NAME", options->collection, "The collection")->required();
  options->as_option =
      stats->add_option("--as", options->as, "Counts what this user may see as well");
  options->destination_option = stats->add_option("--destination", options->destination,
                                                  "Judges for this destination as well");
  OnRun(stats, session, options, Stats);

  CLI::App* const capabilities = AddCommand(app, "capabilities", "Tells what the server can do",
                                            "  cordon capabilities --json");
  OnRun(capabilities, session, std::make_shared<NoOptions>(), Capabilities);
}

}  // namespace cordon
