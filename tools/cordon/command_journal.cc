// journal verify | show.
#include <fmt/format.h>

#include "cordon/v1/admin.grpc.pb.h"
#include "tools/cordon/command.h"
#include "tools/cordon/human.h"
#include "tools/cordon/journal_verdict.h"
#include "tools/cordon/message_json.h"
#include "tools/cordon/run_cordond.h"

namespace cordon {
namespace {

struct VerifyOptions {
  std::string data_dir;
  std::string journal_dir;
  std::string journal_key;
  const CLI::App* command = nullptr;
};

struct ShowOptions {
  uint32_t limit = 20;
  std::string journal_id;
};

StatusOr<JournalVerdict> VerifyOnline(Session& session) {
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::VerifyJournalResponse response,
                   connection->Call<v1::VerifyJournalResponse>(
                       [&](auto* context, auto* answer) {
                         return stub->VerifyJournal(context, v1::VerifyJournalRequest(), answer);
                       },
                       kLongCallTimeout));
  JournalVerdict verdict{response.records(), response.ok(), std::nullopt, response.problem()};
  if (response.has_first_bad()) verdict.first_bad = response.first_bad();
  return verdict;
}

StatusOr<int> Verify(const VerifyOptions& options, Session& session) {
  if (!options.data_dir.empty() || !options.journal_dir.empty()) {
    return RunCordond(*options.command, session.output().json());
  }
  ASSIGN_OR_RETURN(const JournalVerdict verdict, VerifyOnline(session));
  return Tell(verdict, session.output());
}

std::string JournalText(const v1::JournalLine& line) {
  std::string text = fmt::format("{}  {}  {} {}", line.journal_id(), TimeText(line.time()),
                                 Printable(line.call()), Printable(line.outcome()));
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) text += fmt::format("  {} {}", name, Printable(value));
  };
  add("key", line.key_id());
  add("actor", line.actor());
  add("for", line.subject());
  if (line.verified_user()) text += "  verified";
  add("collection", line.collection());
  if (line.dropped_collection() > 0) text += fmt::format("  dropped {}", line.dropped_collection());
  add("to", line.destination());
  add("purpose", line.purpose());
  if (line.reason() != line.purpose()) add("because", line.reason());  // of an export the same
  text += fmt::format("  revision {}", line.revision());
  if (!line.documents().empty()) {
    text += "  " + Counted(static_cast<uint64_t>(line.documents_size()), "document");
  }
  if (line.has_context_label()) text += "  context " + LabelText(line.context_label());
  if (line.recovered()) text += "  recovered";
  return text;
}

StatusOr<int> Show(const ShowOptions& options, Session& session) {
  if (options.limit == 0) return Invalid("n", "must be an integer, 1 to 1000");
  v1::QueryJournalRequest request;
  request.set_limit(options.limit);
  request.set_journal_id(options.journal_id);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::QueryJournalResponse response,
                   connection->Call<v1::QueryJournalResponse>([&](auto* context, auto* answer) {
                     return stub->QueryJournal(context, request, answer);
                   }));
  if (!session.output().json()) {
    for (const v1::JournalLine& line : response.lines()) session.output().Line(JournalText(line));
    return 0;
  }
  JsonWriter json;
  json.BeginObject().Key("lines").BeginArray();
  for (const v1::JournalLine& line : response.lines()) WriteJournalLine(json, line);
  json.EndArray().Key("journal_id").String(response.journal_id());
  session.output().Line(json.EndObject());
  return 0;
}

}  // namespace

void AddJournalCommands(CLI::App& app, Session& session) {
  CLI::App* const journal = AddCommand(app, "journal", "Reads and verifies the journal",
                                       "  cordon journal show -n 5\n  cordon journal verify");
  journal->require_subcommand(1);
  CLI::App* const verify = AddCommand(
      *journal, "verify", "Verifies the whole chain; exit 1 if a record is bad",
      "  cordon journal verify\n  cordon journal verify --data-dir /var/lib/cordon   (no server)");
  const auto verify_options = std::make_shared<VerifyOptions>();
  verify_options->command = verify;
  CLI::Option* const data_dir = verify->add_option("--data-dir", verify_options->data_dir,
                                                   "Verifies this data directory without a server");
  verify->add_option("--journal-dir", verify_options->journal_dir, "Where its journal is")
      ->needs(data_dir);
  verify->add_option("--journal-key", verify_options->journal_key, "File with the journal's key")
      ->needs(data_dir);
  OnRun(verify, session, verify_options, Verify);

  CLI::App* const show = AddCommand(*journal, "show", "Prints the newest records, oldest first",
                                    "  cordon journal show -n 5 --json");
  show->alias("query");
  const auto show_options = std::make_shared<ShowOptions>();
  show->add_option("-n,--limit", show_options->limit, "How many, 1 to 1000")->capture_default_str();
  show->add_option("--id", show_options->journal_id, "Only the record of this journal id");
  OnRun(show, session, show_options, Show);
}

}  // namespace cordon
