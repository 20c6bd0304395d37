// break-glass open | close | list: access past lists, with a reason and an end.
#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include "cordon/v1/policy.grpc.pb.h"
#include "engine/base/clock.h"
#include "tools/cordon/command.h"
#include "tools/cordon/human.h"
#include "tools/cordon/message_json.h"

namespace cordon {
namespace {

using google::protobuf::util::TimeUtil;

struct OpenOptions {
  std::string as;
  std::string reason;
  std::string until;
  CLI::Option* as_option = nullptr;
};

struct CloseOptions {
  std::string id;
  std::string reason;
};

struct ListOptions {};

StatusOr<int> Open(const OpenOptions& options, Session& session) {
  RETURN_IF_ERROR(CheckStated(options.as_option, "as", options.as));
  v1::OpenBreakGlassRequest request;
  request.set_as(options.as);
  request.set_reason(options.reason);
  const auto until = ParseTime(options.until);
  if (!until.ok()) return until.status().Within("until");
  *request.mutable_until() = TimeUtil::MicrosecondsToTimestamp(*until);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Policy::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::OpenBreakGlassResponse response,
                   connection->Call<v1::OpenBreakGlassResponse>([&](auto* context, auto* answer) {
                     return stub->OpenBreakGlass(context, request, answer);
                   }));
  if (!session.output().json()) {
    session.output().Line(
        fmt::format("break-glass {} is open, revision {}; name it by "
                    "--break-glass",
                    response.id(), response.revision()));
    return 0;
  }
  JsonWriter json;
  json.BeginObject().Key("id").String(response.id());
  session.output().Line(json.Key("revision").Unsigned(response.revision()).EndObject());
  return 0;
}

StatusOr<int> Close(const CloseOptions& options, Session& session) {
  v1::CloseBreakGlassRequest request;
  request.set_id(options.id);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Policy::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::CloseBreakGlassResponse response,
                   connection->Call<v1::CloseBreakGlassResponse>([&](auto* context, auto* answer) {
                     return stub->CloseBreakGlass(context, request, answer);
                   }));
  return TellRevision(session.output(), response.revision());
}

std::string OpenText(const v1::ListBreakGlassResponse& response) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::BreakGlass& access : response.open()) {
    rows.push_back({access.id(), access.key_id(), Printable(access.as()), TimeText(access.opened()),
                    TimeText(access.until()), Printable(access.reason())});
  }
  return Table({"ID", "KEY", "FOR", "OPENED", "UNTIL", "REASON"}, rows);
}

StatusOr<int> List(const ListOptions&, Session& session) {
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Policy::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::ListBreakGlassResponse response,
                   connection->Call<v1::ListBreakGlassResponse>([&](auto* context, auto* answer) {
                     return stub->ListBreakGlass(context, v1::ListBreakGlassRequest(), answer);
                   }));
  if (!session.output().json()) {
    session.output().Line(OpenText(response));
    return 0;
  }
  JsonWriter json;
  json.BeginObject().Key("open").BeginArray();
  for (const v1::BreakGlass& access : response.open()) {
    json.BeginObject().Key("id").String(access.id()).Key("key_id").String(access.key_id());
    json.Key("as").String(access.as()).Key("reason").String(access.reason());
    json.Key("opened").String(TimeText(access.opened()));
    json.Key("until").String(TimeText(access.until())).EndObject();
  }
  json.EndArray().Key("revision").Unsigned(response.revision());
  session.output().Line(json.Key("journal_id").String(response.journal_id()).EndObject());
  return 0;
}

}  // namespace

void AddBreakGlassCommands(CLI::App& app, Session& session) {
  CLI::App* const family =
      AddCommand(app, "break-glass", "Opens, closes and lists access past lists, for emergencies",
                 "  cordon break-glass open --help");
  family->require_subcommand(1);
  CLI::App* const open = AddCommand(
      *family, "open",
      "Lets this key read for a user what lists allow to others only; denies and labels still hold",
      "  cordon break-glass open --as user:ana --reason 'incident 4711' \\\n"
      "      --until 2026-01-01T12:00:00Z");
  const auto options = std::make_shared<OpenOptions>();
  options->as_option = open->add_option(
      "--as", options->as, "The user asked for, such as user:ana; else the key's own principal");
  open->add_option("--reason", options->reason, "Why; recorded in the journal")->required();
  open->add_option("--until", options->until, "When it ends, at most 8 hours from now")->required();
  OnRun(open, session, options, Open);

  CLI::App* const close = AddCommand(*family, "close", "Ends an access before its time",
                                     "  cordon break-glass close 5f0c2a91d3b84e77");
  const auto closed = std::make_shared<CloseOptions>();
  close->add_option("ID", closed->id, "The access's id")->required();
  AddReason(close, &closed->reason);
  OnRun(close, session, closed, Close);

  CLI::App* const list = AddCommand(*family, "list", "Lists the accesses that are open",
                                    "  cordon break-glass list --json");
  OnRun(list, session, std::make_shared<ListOptions>(), List);
}

}  // namespace cordon
