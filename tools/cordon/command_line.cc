#include "tools/cordon/command_line.h"

#include <fmt/format.h>

#include <sstream>
#include <string_view>

#include "tools/cordon/command.h"
#include "tools/cordon/output.h"

namespace cordon {
namespace {

constexpr int kUsage = 2;

constexpr std::string_view kExamples =
    R"(Options go before or after COMMAND; `cordon COMMAND --help` tells more.

Examples:
  cordon --key-file admin.key collection create docs --dim 768 --metric cosine
  cordon ingest docs corpus.jsonl --key-file app.key
  cordon retrieve docs --as user:ana --text "parental leave" --key-file app.key
  CORDON_KEY_FILE=app.key cordon retrieve docs --queries questions.jsonl --json)";

void AddSharedOptions(CLI::App& app, SharedOptions& shared) {
  app.add_option("--server", shared.server, "Address of the server")
      ->type_name("HOST:PORT")
      ->envname("CORDON_SERVER")
      ->capture_default_str()
      ->take_last();
  app.add_option("--key-file", shared.key_file,
                 "File whose first line is the key, or a user's token, to use")
      ->type_name("FILE")
      ->envname("CORDON_KEY_FILE")
      ->take_last();
  app.add_option("--user-token-file", shared.user_token_file,
                 "File whose first line is the token of the user to act for, instead of --as")
      ->type_name("FILE")
      ->envname("CORDON_USER_TOKEN_FILE")
      ->take_last();
  const auto file = [&](const char* option, std::string& path, const char* help, const char* name) {
    app.add_option(option, path, help)->type_name("FILE")->envname(name)->take_last();
  };
  file("--tls-ca", shared.tls_ca, "CA of the server's certificate (PEM); without it no TLS",
       "CORDON_TLS_CA");
  file("--tls-cert", shared.tls_cert, "Client certificate to be known by (PEM)", "CORDON_TLS_CERT");
  file("--tls-key", shared.tls_key, "Its private key (PEM)", "CORDON_TLS_KEY");
  app.add_option("--tls-server-name", shared.tls_server_name,
                 "Name expected in the server's certificate, if not its host")
      ->type_name("NAME")
      ->envname("CORDON_TLS_SERVER_NAME")
      ->take_last();
  app.add_flag("--json", shared.json, "Answer in JSON, one object a line");
  app.set_version_flag("--version", "cordon " CORDON_VERSION, "Print the version");
}

void AddCommands(CLI::App& app, Session& session) {
  AddKeyCommands(app, session);
  AddCollectionCommands(app, session);
  AddEmbeddingCommands(app, session);
  AddPolicyCommands(app, session);
  AddDirectoryCommands(app, session);
  AddSourceCommands(app, session);
  AddIngestCommand(app, session);
  AddRetrieveCommand(app, session);
  AddDocumentCommands(app, session);
  AddExportCommands(app, session);
  AddAccessCommand(app, session);
  AddAuditCommands(app, session);
  AddSimulateCommand(app, session);
  AddBreakGlassCommands(app, session);
  AddEraseCommands(app, session);
  AddStoreCommands(app, session);
  AddServerCommands(app, session);
  AddJournalCommands(app, session);
}

// Whether the arguments ask for JSON, for errors found before they are understood.
bool AsksForJson(int argc, const char* const* argv) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
    if (std::string_view(argv[i]) == "--json") return true;
  }
  return false;
}

// The deepest command that was named, whose help is the one to point to.
std::string CommandNamed(const CLI::App& app) {
  std::string name = app.get_name();
  for (const CLI::App* command : app.get_subcommands()) name += " " + CommandNamed(*command);
  return name;
}

int UsageError(const CLI::App& app, const CLI::ParseError& error, Output& output) {
  output.Fail(Invalid("", error.what()));
  output.Note(fmt::format("usage: {} --help", CommandNamed(app)));
  return output.Finish(kUsage);
}

}  // namespace

int RunCommandLine(int argc, const char* const* argv, std::FILE* out, std::FILE* err) {
  SharedOptions shared;
  Session session(shared, out, err);
  CLI::App app("Retrieves context that the caller is entitled to. The engine is the boundary.",
               "cordon");
  app.fallthrough();  // inherited: shared options also work after COMMAND
  app.require_subcommand(1);
  app.footer(std::string(kExamples));
  AddSharedOptions(app, shared);
  AddCommands(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // help or version
    std::ostringstream text;
    app.exit(asked, text, text);
    fmt::print(out, "{}", text.str());
    return std::fflush(out) == 0 ? 0 : 1;
  } catch (const CLI::ParseError& error) {
    shared.json = AsksForJson(argc, argv);
    return UsageError(app, error, session.output());
  }
  Output& output = session.output();
  const StatusOr<int> code = session.run();
  return output.Finish(code.ok() ? *code : output.Fail(code.status()));
}

}  // namespace cordon
