// erase, hold: what must go for good, and what must not.
#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "cordon/v1/ingest.grpc.pb.h"
#include "tools/cordon/command.h"
#include "tools/cordon/human.h"
#include "tools/cordon/message_json.h"
#include "tools/cordon/offline_paths.h"
#include "tools/cordon/run_cordond.h"

namespace cordon {
namespace {

constexpr auto kVerifyTimeout = std::chrono::minutes(10);  // a large collection is written anew

struct EraseOptions {
  std::string collection;
  std::string document;
  std::string subject;
  std::string source;
  std::string name;
  std::string reason;
  bool wait = false;
};

struct SearchOptions {
  OfflinePaths paths;
  std::vector<std::string> needles;
  const CLI::App* command = nullptr;
};

// Exactly one of document and subject must be given.
template <typename Request>
Status SetWhich(const EraseOptions& options, Request* request) {
  request->set_collection(options.collection);
  request->set_reason(options.reason);
  const bool document = !options.document.empty();
  if (document == !options.subject.empty()) {
    return Invalid("document", "name either a document or a --subject");
  }
  if (document) request->set_document(options.document);
  if (!document) request->set_subject(options.subject);
  return OkStatus();
}

StatusOr<v1::EraseRequest> RequestOf(const EraseOptions& options) {
  v1::EraseRequest request;
  if (options.source.empty()) {
    RETURN_IF_ERROR(SetWhich(options, &request));
    return request;
  }
  if (!options.document.empty() || !options.subject.empty()) {
    return Invalid("source", "name a document, a --subject or a --source, not several");
  }
  request.set_collection(options.collection);
  request.set_reason(options.reason);
  request.set_source(options.source);
  return request;
}

// Asks until the erasure has its receipt.
Status WaitVerified(v1::Ingest::Stub* stub, Connection* connection, const std::string& collection,
                    uint64_t revision) {
  v1::EraseStatusRequest request;
  request.set_collection(collection);
  request.set_revision(revision);
  for (const auto until = std::chrono::steady_clock::now() + kVerifyTimeout;;) {
    ASSIGN_OR_RETURN(const v1::EraseStatusResponse status,
                     connection->Call<v1::EraseStatusResponse>([&](auto* context, auto* answer) {
                       return stub->EraseStatus(context, request, answer);
                     }));
    if (status.verified()) return OkStatus();
    if (std::chrono::steady_clock::now() > until) {
      return Status(
          StatusCode::kDeadlineExceeded, "wait",
          fmt::format("erased at revision {}, but not verified yet: the server's log says "
                      "what keeps it; the journal gets ErasureVerified when it is",
                      revision));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

StatusOr<int> Erase(const EraseOptions& options, Session& session) {
  ASSIGN_OR_RETURN(const v1::EraseRequest request, RequestOf(options));
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Ingest::NewStub(connection->channel());
  ASSIGN_OR_RETURN(
      const v1::EraseResponse response,
      connection->Call<v1::EraseResponse>(
          [&](auto* context, auto* answer) { return stub->Erase(context, request, answer); },
          kLongCallTimeout));
  if (options.wait) {
    RETURN_IF_ERROR(WaitVerified(stub.get(), connection, options.collection, response.revision()));
  }
  if (!session.output().json()) {
    std::string text = fmt::format("revision {}", response.revision());
    if (response.has_erased()) text += ", " + Counted(response.erased(), "document") + " erased";
    if (options.wait) text += ", verified";
    session.output().Line(text);
    return 0;
  }
  JsonWriter json;
  json.BeginObject().Key("revision").Unsigned(response.revision());
  if (response.has_erased()) json.Key("erased").Unsigned(response.erased());
  if (options.wait) json.Key("verified").Bool(true);
  session.output().Line(json.EndObject());
  return 0;
}

StatusOr<int> VerifyErasure(const SearchOptions& options, Session& session) {
  return RunCordond(*options.command, session.output().json());
}

StatusOr<int> ChangeHold(const EraseOptions& options, Session& session, bool release) {
  v1::SetHoldRequest request;
  RETURN_IF_ERROR(SetWhich(options, &request));
  request.set_name(options.name);
  request.set_release(release);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Ingest::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::SetHoldResponse response,
                   connection->Call<v1::SetHoldResponse>([&](auto* context, auto* answer) {
                     return stub->SetHold(context, request, answer);
                   }));
  return TellRevision(session.output(), response.revision());
}

StatusOr<int> SetHold(const EraseOptions& options, Session& session) {
  return ChangeHold(options, session, /*release=*/false);
}
StatusOr<int> ReleaseHold(const EraseOptions& options, Session& session) {
  return ChangeHold(options, session, /*release=*/true);
}

StatusOr<int> ListHolds(const EraseOptions& options, Session& session) {
  v1::ListHoldsRequest request;
  request.set_collection(options.collection);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Ingest::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::ListHoldsResponse response,
                   connection->Call<v1::ListHoldsResponse>([&](auto* context, auto* answer) {
                     return stub->ListHolds(context, request, answer);
                   }));
  if (!session.output().json()) {
    std::vector<std::vector<std::string>> rows;
    for (const v1::Hold& hold : response.holds()) {
      rows.push_back(
          {Printable(hold.name()), hold.kind(), hold.pseudonym(), TimeText(hold.since())});
    }
    session.output().Line(Table({"NAME", "KIND", "PSEUDONYM", "SINCE"}, rows));
    return 0;
  }
  JsonWriter json;
  json.BeginObject().Key("holds").BeginArray();
  for (const v1::Hold& hold : response.holds()) {
    json.BeginObject().Key("name").String(hold.name()).Key("kind").String(hold.kind());
    json.Key("pseudonym").String(hold.pseudonym());
    json.Key("since").String(TimeText(hold.since())).EndObject();
  }
  session.output().Line(json.EndArray().Key("revision").Unsigned(response.revision()).EndObject());
  return 0;
}

std::shared_ptr<EraseOptions> AddWhich(CLI::App* command) {
  auto options = std::make_shared<EraseOptions>();
  command->add_option("NAME", options->collection, "The collection");
  command->add_option("DOCUMENT", options->document, "The document's id");
  command->add_option("--subject", options->subject,
                      "Instead: all documents about this data subject");
  AddReason(command, &options->reason);
  return options;
}

void AddErase(CLI::App& app, Session& session) {
  CLI::App* const erase = AddCommand(
      app, "erase",
      "Erases documents for good, in backups too; prints the revision from which they are gone",
      "  cordon erase docs hr/42 --wait\n  cordon erase docs --subject person:123 --reason CASE-7\n"
      "  cordon erase verify --data-dir /srv/cordon --needle text.bin   (no server)");
  const auto options = AddWhich(erase);
  erase->add_option("--source", options->source, "Instead: all documents from this source");
  erase->add_flag(
      "--wait", options->wait,
      "Waits until nothing of them is on the disk and the journal says so; 10 minutes at "
      "most");
  CLI::App* const verify = AddCommand(
      *erase, "verify", "Searches every file of a store that no server has open; exit 1 on a hit",
      "  cordon erase verify --data-dir /srv/cordon --needle text.bin --needle vector.bin");
  const auto search = std::make_shared<SearchOptions>();
  search->command = verify;
  AddOfflinePaths(verify, &search->paths);
  verify->add_option("--needle", search->needles, "File whose bytes, as they are, must be nowhere")
      ->type_name("FILE");
  OnRun(verify, session, search, VerifyErasure);
  erase->callback([erase, options, &session] {
    if (!erase->get_subcommands().empty()) return;  // whose own callback has run
    if (options->collection.empty()) throw CLI::RequiredError("NAME");
    session.run = [options, &session] { return Erase(*options, session); };
  });
}

}  // namespace

void AddEraseCommands(CLI::App& app, Session& session) {
  AddErase(app, session);
  CLI::App* const hold =
      AddCommand(app, "hold", "Holds documents back from erasure",
                 "  cordon hold set docs hr/42 --name case-7\n"
                 "  cordon hold set docs --subject person:123 --name case-7\n"
                 "  cordon hold release docs hr/42 --name case-7\n  cordon hold list docs");
  hold->require_subcommand(1);
  const auto change = [&](const std::string& name, const std::string& description,
                          StatusOr<int> (*run)(const EraseOptions&, Session&)) {
    CLI::App* const command =
        AddCommand(*hold, name, description,
                   fmt::format("  cordon hold {} docs --subject person:123 --name case-7", name));
    const auto options = AddWhich(command);
    command->get_option("NAME")->required();
    command->add_option("--name", options->name, "The hold's name, such as a case number")
        ->required();
    OnRun(command, session, options, run);
  };
  change("set", "Holds a document, or a subject's documents", SetHold);
  change("release", "Ends a hold", ReleaseHold);
  CLI::App* const list = AddCommand(*hold, "list", "Lists what is held", "  cordon hold list docs");
  const auto options = std::make_shared<EraseOptions>();
  list->add_option("NAME", options->collection, "The collection")->required();
  OnRun(list, session, options, ListHolds);
}

}  // namespace cordon
