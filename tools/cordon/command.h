// What the command families have in common: how a command is declared, and how it comes to run.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "tools/cordon/session.h"

namespace cordon {

// The command families; each adds its commands to `app`. `session` outlives `app`.
void AddKeyCommands(CLI::App& app, Session& session);         // key, tenant
void AddCollectionCommands(CLI::App& app, Session& session);  // collection
void AddEmbeddingCommands(CLI::App& app, Session& session);   // embedding
void AddPolicyCommands(CLI::App& app, Session& session);      // policy
void AddDirectoryCommands(CLI::App& app, Session& session);   // directory
void AddSourceCommands(CLI::App& app, Session& session);      // source
void AddSourceSync(CLI::App& source, Session& session);       // source sync
void AddIngestCommand(CLI::App& app, Session& session);       // ingest
void AddRetrieveCommand(CLI::App& app, Session& session);     // retrieve
void AddDocumentCommands(CLI::App& app, Session& session);    // get, delete, why
void AddExportCommands(CLI::App& app, Session& session);      // export, destinations
void AddBreakGlassCommands(CLI::App& app, Session& session);  // break-glass
void AddUsageCommand(CLI::App& key, Session& session);        // key usage
void AddAccessCommand(CLI::App& app, Session& session);       // set-access
void AddAuditCommands(CLI::App& app, Session& session);       // who-can-see, access-report
void AddSimulateCommand(CLI::App& app, Session& session);     // simulate
void AddJournalCommands(CLI::App& app, Session& session);     // journal
void AddEraseCommands(CLI::App& app, Session& session);       // erase, hold
void AddStoreCommands(CLI::App& app, Session& session);       // store, backup
void AddServerCommands(CLI::App& app, Session& session);      // stats, capabilities

// Adds a command with examples below its help.
inline CLI::App* AddCommand(CLI::App& parent, const std::string& name,
                            const std::string& description, const std::string& examples) {
  CLI::App* const command = parent.add_subcommand(name, description);
  command->footer(
      "Options for every command, before or after it: --server, --key-file, --tls-ca, --json "
      "(cordon --help)\n\n"
      "Examples:\n" +
      examples);
  return command;
}

// Whether a document existed, where the server says.
template <typename Response>
std::optional<bool> Existed(const Response& response) {
  if (!response.has_existed()) return std::nullopt;
  return response.existed();
}

// Of a command that has none.
struct NoOptions {};

// Makes `run` what the command does: called after parsing, with what was parsed into `options`. Its
// value is the exit code; an error is told and becomes 1.
template <typename Options>
void OnRun(CLI::App* command, Session& session, const std::shared_ptr<Options>& options,
           StatusOr<int> (*run)(const Options&, Session&)) {
  command->callback([options, &session, run] {
    session.run = [options, &session, run] { return run(*options, session); };
  });
}

// The option that says why a change is made.
inline void AddReason(CLI::App* command, std::string* reason) {
  command->add_option("--reason", *reason,
                      "Why, for the journal, which keeps it: name a ticket, not a person");
}

// Refuses an option that was given as an empty word, which the server would read as the default.
inline Status CheckStated(const CLI::Option* option, std::string_view name,
                          const std::string& value) {
  if (option->count() == 0 || !value.empty()) return OkStatus();
  return Invalid(name, "empty; say which, or leave the option out");
}

// The same of all options of a command.
inline Status CheckAllStated(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_lnames().empty()) continue;  // no option
    for (const std::string& value : option->results()) {
      RETURN_IF_ERROR(CheckStated(option, option->get_single_name(), value));
    }
  }
  return OkStatus();
}

// Tells how many records or parts of a file were applied.
int TellApplied(Output& output, uint64_t applied, uint64_t revision);

// Tells from which revision a change holds; `existed` only where the server says.
inline int TellRevision(Output& output, uint64_t revision,
                        const std::optional<bool>& existed = std::nullopt) {
  if (!output.json()) {
    const std::string_view what = !existed ? "" : *existed ? ", it existed" : ", it did not exist";
    output.Line(fmt::format("revision {}{}", revision, what));
    return 0;
  }
  JsonWriter json;
  json.BeginObject().Key("revision").Unsigned(revision);
  if (existed) json.Key("existed").Bool(*existed);
  output.Line(json.EndObject());
  return 0;
}

}  // namespace cordon
