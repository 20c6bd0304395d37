// directory apply | sync | get.
#include <fmt/format.h>

#include "cordon/v1/directory.grpc.pb.h"
#include "engine/base/limits.h"
#include "tools/cordon/command.h"
#include "tools/cordon/directory_file.h"
#include "tools/cordon/directory_sync.h"
#include "tools/cordon/human.h"
#include "tools/cordon/line_field.h"
#include "tools/cordon/message_json.h"
#include "tools/cordon/sync_flags.h"

namespace cordon {
namespace {

struct ApplyOptions {
  std::string file;
  std::string reason;
};

struct SyncOptions {
  std::string source;
  std::string file;
  uint64_t sequence = 0;
  SyncFlags flags;
};

struct GetOptions {
  std::string principal;
  std::string after;
  uint32_t limit = 0;
};

StatusOr<int> Apply(const ApplyOptions& options, Session& session) {
  ASSIGN_OR_RETURN(DirectoryFile file, ReadDirectoryFile(options.file));
  file.request.set_reason(options.reason);
  if (file.request.ByteSizeLong() > limits::kIngestMessageBytes) {
    return Invalid("FILE", fmt::format("takes more than {} bytes, which is what a message may; "
                                       "apply it in parts, or as a snapshot (directory sync)",
                                       limits::kIngestMessageBytes));
  }
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Directory::NewStub(connection->channel());
  const auto response = connection->Call<v1::ApplyDirectoryResponse>(
      [&](auto* context, auto* answer) {
        return stub->ApplyDirectory(context, file.request, answer);
      },
      kLongCallTimeout);
  if (!response.ok()) return AtLine(response.status(), "principals", file.lines);
  return TellApplied(session.output(), response->applied(), response->revision());
}

void TellSync(Output& output, const SyncOptions& options,
              const v1::SyncDirectoryResponse& response) {
  const auto& difference = response.difference();
  TellNames(output, "+", difference.added(), difference.added_names());
  TellNames(output, "~", difference.changed(), difference.changed_names());
  TellNames(output, "-", difference.removed(), difference.removed_names());
  output.Line(fmt::format("{}{} added, {} changed, {} removed, {} unchanged, {} later, revision {}",
                          options.flags.dry_run ? "nothing was changed; it would be: " : "",
                          Grouped(difference.added()), Grouped(difference.changed()),
                          Grouped(difference.removed()), Grouped(difference.unchanged()),
                          Grouped(difference.later()), response.revision()));
}

void WriteSync(JsonWriter& json, const SyncOptions& options,
               const v1::SyncDirectoryResponse& response) {
  const auto& difference = response.difference();
  json.BeginObject().Key("added").Unsigned(difference.added());
  json.Key("changed").Unsigned(difference.changed());
  json.Key("removed").Unsigned(difference.removed());
  json.Key("unchanged").Unsigned(difference.unchanged());
  json.Key("later").Unsigned(difference.later());
  if (options.flags.dry_run) {
    json.Key("added_names").Strings(difference.added_names());
    json.Key("changed_names").Strings(difference.changed_names());
    json.Key("removed_names").Strings(difference.removed_names());
  }
  json.Key("dry_run").Bool(options.flags.dry_run);
  json.Key("sequence").Unsigned(response.sequence());
  json.Key("revision").Unsigned(response.revision()).EndObject();
}

StatusOr<int> Sync(const SyncOptions& options, Session& session) {
  ASSIGN_OR_RETURN(const DirectoryFile file, ReadDirectoryFile(options.file));
  v1::SyncBegin begin;
  begin.set_source(options.source);
  begin.set_sequence(options.sequence);
  SetSyncFlags(options.flags, &begin);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  ASSIGN_OR_RETURN(const v1::SyncDirectoryResponse response,
                   SendSnapshot(*connection, begin, file));
  Output& output = session.output();
  if (!output.json()) {
    TellSync(output, options, response);
    return 0;
  }
  JsonWriter json;
  WriteSync(json, options, response);
  output.Line(json);
  return 0;
}

void WriteRecord(JsonWriter& json, const v1::Principal& record) {
  json.BeginObject();
  if (record.sets_members()) {
    json.Key("members");
    WriteEntries(json, record.members());
  }
  if (record.has_clearance()) {
    json.Key("clearance");
    WriteClearance(json, record.clearance());
  }
  if (!record.source().empty()) {
    json.Key("source").String(record.source()).Key("sequence").Unsigned(record.sequence());
  }
  json.EndObject();
}

void WritePrincipal(JsonWriter& json, const v1::GetPrincipalResponse& response) {
  json.BeginObject().Key("principal").String(response.principal());
  json.Key("aliases").Strings(response.aliases()).Key("record");
  if (response.has_record()) {
    WriteRecord(json, response.record());
  } else {
    json.Null();
  }
  json.Key("members").Unsigned(response.members()).Key("more").Bool(response.more());
  json.Key("clearance");
  if (response.has_clearance()) {
    WriteClearance(json, response.clearance());
  } else {
    json.Null();
  }
  json.Key("groups").BeginArray();
  for (const auto& group : response.groups()) {
    json.BeginObject().Key("group").String(group.group()).Key("path").Strings(group.path());
    if (group.has_from()) json.Key("from").String(TimeText(group.from()));
    if (group.has_until()) json.Key("until").String(TimeText(group.until()));
    json.EndObject();
  }
  json.EndArray().Key("revision").Unsigned(response.revision());
  json.Key("journal_id").String(response.journal_id()).EndObject();
}

void TellPrincipal(Output& output, const v1::GetPrincipalResponse& response) {
  output.Line(Printable(response.principal()));
  const auto& record = response.record();
  if (!response.aliases().empty()) output.Line("  aliases    " + Listed(response.aliases()));
  if (!response.has_record()) output.Line("  record     none");
  if (!record.source().empty()) {
    output.Line(fmt::format("  source     {}, sequence {}", record.source(), record.sequence()));
  }
  if (response.has_clearance()) {
    output.Line("  clearance  " + ClearanceText(response.clearance()));
  }
  if (record.sets_members()) {
    output.Line(fmt::format("  members    {}{}", Grouped(response.members()),
                            response.more() ? ", of which" : ""));
  }
  for (const auto& member : record.members()) {
    output.Line(fmt::format("    {}{}{}", Printable(member.principal()),
                            member.has_from() ? " from " + TimeText(member.from()) : "",
                            member.has_until() ? " until " + TimeText(member.until()) : ""));
  }
  for (const auto& group : response.groups()) {
    std::string way;
    for (const auto& step : group.path()) way += (way.empty() ? "" : " → ") + Printable(step);
    output.Line(fmt::format("  in {}  ({}{}{})", Printable(group.group()), way,
                            group.has_from() ? ", from " + TimeText(group.from()) : "",
                            group.has_until() ? ", until " + TimeText(group.until()) : ""));
  }
}

StatusOr<int> Get(const GetOptions& options, Session& session) {
  v1::GetPrincipalRequest request;
  request.set_principal(options.principal);
  request.set_members_after(options.after);
  request.set_members_limit(options.limit);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Directory::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::GetPrincipalResponse response,
                   connection->Call<v1::GetPrincipalResponse>([&](auto* context, auto* answer) {
                     return stub->GetPrincipal(context, request, answer);
                   }));
  if (!session.output().json()) {
    TellPrincipal(session.output(), response);
    return 0;
  }
  JsonWriter json;
  WritePrincipal(json, response);
  session.output().Line(json);
  return 0;
}

void AddApply(CLI::App& directory, Session& session) {
  CLI::App* const apply =
      AddCommand(directory, "apply", "Applies a directory file (JSON lines), all of it or nothing",
                 R"(  cordon directory apply people.jsonl

  {"principal":"group:hr","members":["user:ana","group:leads"]}
  {"principal":"group:audit","members":[{"principal":"user:bo","until":"2027-01-01T00:00:00Z"}]}
  {"principal":"group:board","members":[{"principal":"user:cy","from":"2027-01-01T00:00:00Z"}]}
  {"principal":"user:ana","clearance":{"level":"restricted","compartments":["people"]}}
  {"principal":"user:ana@example.com","alias_of":"user:ana"}
  {"principal":"group:sales","members":["user:bo"],"source":"hris","sequence":1041}
  {"principal":"group:old","delete":true})");
  const auto options = std::make_shared<ApplyOptions>();
  apply->add_option("FILE", options->file, "The file; - is standard input")->required();
  AddReason(apply, &options->reason);
  OnRun(apply, session, options, Apply);
}

void AddSync(CLI::App& directory, Session& session) {
  CLI::App* const sync = AddCommand(
      directory, "sync", "Replaces all that a source says by a snapshot of it, at once",
      "  cordon directory sync hris people.jsonl --dry-run\n"
      "  cordon directory sync hris people.jsonl --sequence 1042 --reason \"nightly\"\n\n"
      "  Lines as for 'directory apply', without source, sequence and delete.");
  const auto options = std::make_shared<SyncOptions>();
  sync->add_option("SOURCE", options->source, "The source, such as hris")->required();
  sync->add_option("FILE", options->file, "The snapshot; - is standard input")->required();
  sync->add_option("--sequence", options->sequence,
                   "Its place in the history of the source; else after all it has said");
  AddSyncFlags(sync, "records and memberships",
               "the source's records, or of the memberships in its groups", &options->flags);
  OnRun(sync, session, options, Sync);
}

}  // namespace

void AddDirectoryCommands(CLI::App& app, Session& session) {
  CLI::App* const directory =
      AddCommand(app, "directory", "Applies and shows groups, members, aliases and clearances",
                 "  cordon directory apply people.jsonl\n  cordon directory get user:ana");
  directory->require_subcommand(1);
  AddApply(*directory, session);
  AddSync(*directory, session);
  CLI::App* const get = AddCommand(
      *directory, "get", "Prints what the directory says of a principal, and all its groups",
      "  cordon directory get user:ana\n  cordon directory get group:all --limit 10000 --json");
  const auto options = std::make_shared<GetOptions>();
  get->add_option("PRINCIPAL", options->principal, "The principal, or an alias")->required();
  get->add_option("--after", options->after, "Leaves out members up to and including this one");
  get->add_option("--limit", options->limit, "How many members, up to 10000; 1000 if not given");
  OnRun(get, session, options, Get);
}

}  // namespace cordon
