// store verify, backup: the store as files.
#include <fmt/format.h>

#include "cordon/v1/admin.grpc.pb.h"
#include "tools/cordon/command.h"
#include "tools/cordon/human.h"
#include "tools/cordon/message_json.h"
#include "tools/cordon/offline_paths.h"
#include "tools/cordon/run_cordond.h"

namespace cordon {
namespace {

struct StoreOptions {
  OfflinePaths paths;
  const CLI::App* command = nullptr;
};

struct BackupOptions {
  uint32_t keep = 0;
  bool verify = false;
};

StatusOr<int> Verify(const StoreOptions& options, Session& session) {
  return RunCordond(*options.command, session.output().json());
}

void Write(JsonWriter& json, const v1::Backup& backup) {
  json.BeginObject().Key("id").Unsigned(backup.id()).Key("time").String(TimeText(backup.time()));
  json.Key("bytes").Unsigned(backup.bytes()).Key("revision").Unsigned(backup.revision());
  if (backup.has_whole()) json.Key("whole").Bool(backup.whole());
  json.EndObject();
}

StatusOr<int> Create(const BackupOptions& options, Session& session) {
  v1::CreateBackupRequest request;
  request.set_keep(options.keep);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(
      const v1::CreateBackupResponse response,
      connection->Call<v1::CreateBackupResponse>(
          [&](auto* context, auto* answer) { return stub->CreateBackup(context, request, answer); },
          kLongCallTimeout));
  const v1::Backup& backup = response.backup();
  if (!session.output().json()) {
    session.output().Line(fmt::format("backup {} of revision {}, {} bytes", backup.id(),
                                      backup.revision(), Grouped(backup.bytes())));
    return 0;
  }
  JsonWriter json;
  Write(json, backup);
  session.output().Line(json);
  return 0;
}

StatusOr<int> List(const BackupOptions& options, Session& session) {
  v1::ListBackupsRequest request;
  request.set_verify(options.verify);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(
      const v1::ListBackupsResponse response,
      connection->Call<v1::ListBackupsResponse>(
          [&](auto* context, auto* answer) { return stub->ListBackups(context, request, answer); },
          kLongCallTimeout));
  bool whole = true;
  JsonWriter json;
  std::vector<std::vector<std::string>> rows;
  json.BeginObject().Key("backups").BeginArray();
  for (const v1::Backup& backup : response.backups()) {
    whole = whole && (!backup.has_whole() || backup.whole());
    Write(json, backup);
    rows.push_back({fmt::format("{}", backup.id()), TimeText(backup.time()),
                    fmt::format("{}", backup.revision()), Grouped(backup.bytes()),
                    !backup.has_whole() ? ""
                    : backup.whole()    ? "whole"
                                        : "DAMAGED"});
  }
  json.EndArray().EndObject();
  if (session.output().json()) {
    session.output().Line(json);
  } else {
    session.output().Line(Table({"ID", "TIME", "REVISION", "BYTES", ""}, rows));
  }
  return whole ? 0 : 1;
}

StatusOr<int> VerifyBackups(const BackupOptions&, Session& session) {
  return List({.keep = 0, .verify = true}, session);
}

}  // namespace

void AddStoreCommands(CLI::App& app, Session& session) {
  CLI::App* const store = AddCommand(app, "store", "Checks a store's files",
                                     "  cordon store verify --data-dir /srv/cordon");
  store->require_subcommand(1);
  CLI::App* const verify = AddCommand(
      *store, "verify", "Reads everything and names what is damaged; exit 1 if anything is",
      "  cordon store verify --data-dir /srv/cordon   (no server)");
  const auto store_options = std::make_shared<StoreOptions>();
  store_options->command = verify;
  AddOfflinePaths(verify, &store_options->paths);
  OnRun(verify, session, store_options, Verify);

  CLI::App* const backup =
      AddCommand(app, "backup", "Backs the store up, and tells of backups",
                 "  cordon backup create --keep 7\n  cordon backup list\n  cordon backup verify\n"
                 "  cordond restore --from /backup/cordon --data-dir /srv/new \\\n"
                 "      --journal-dir /journal/cordon --journal-key /srv/cordon/journal.key \\\n"
                 "      --keys-dir /srv/cordon/keys --master-key /srv/cordon/master.key");
  backup->require_subcommand(1);
  const auto options = std::make_shared<BackupOptions>();
  CLI::App* const create =
      AddCommand(*backup, "create", "Makes a backup into the server's backup directory",
                 "  cordon backup create --keep 7");
  create->add_option("--keep", options->keep, "Keeps so many, the newest; else all");
  OnRun(create, session, options, Create);
  CLI::App* const list = AddCommand(*backup, "list", "Lists the backups", "  cordon backup list");
  OnRun(list, session, options, List);
  CLI::App* const check =
      AddCommand(*backup, "verify", "Reads every file of the backups; exit 1 if one is damaged",
                 "  cordon backup verify");
  OnRun(check, session, options, VerifyBackups);
}

}  // namespace cordon
