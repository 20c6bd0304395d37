// who-can-see, access-report, simulate: what an auditor asks. (why: command_document.cc.)
#include "cordon/v1/policy.grpc.pb.h"
#include "engine/base/limits.h"
#include "tools/cordon/access_json.h"
#include "tools/cordon/audit_answers.h"
#include "tools/cordon/command.h"
#include "tools/cordon/directory_file.h"
#include "tools/cordon/gzip.h"
#include "tools/cordon/line_field.h"
#include "tools/cordon/policy_file.h"

namespace cordon {
namespace {

constexpr size_t kPolicyBytesMax = 64 << 20;  // as for policy apply

struct WhoOptions {
  v1::WhoCanSeeRequest request;
  CLI::Option* destination = nullptr;
};

struct ReportOptions {
  std::string as;
  std::string key_id;
  std::string destination;
  std::string collection;
  CLI::Option* as_option = nullptr;
  CLI::Option* key_option = nullptr;
  CLI::Option* destination_option = nullptr;
  CLI::Option* collection_option = nullptr;
};

struct SimulateOptions {
  std::string file;
  std::string collection;
  std::string document;
  std::string acl;
  std::string label;
  std::vector<std::string> as;
  std::string destination;
  uint32_t limit = 0;
  CLI::Option* acl_option = nullptr;
  CLI::Option* label_option = nullptr;
  CLI::Option* destination_option = nullptr;
};

// The answer in the form asked for.
template <typename Response>
int TellAnswer(Output& output, const Response& response,
               void (*write)(JsonWriter&, const Response&), std::string (*text)(const Response&)) {
  if (!output.json()) {
    output.Line(text(response));
    return 0;
  }
  JsonWriter json;
  json.BeginObject();
  write(json, response);
  output.Line(json.EndObject());
  return 0;
}

StatusOr<int> Who(const WhoOptions& options, Session& session) {
  RETURN_IF_ERROR(CheckStated(options.destination, "destination", options.request.destination()));
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Policy::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::WhoCanSeeResponse response,
                   connection->Call<v1::WhoCanSeeResponse>([&](auto* context, auto* answer) {
                     return stub->WhoCanSee(context, options.request, answer);
                   }));
  return TellAnswer(session.output(), response, WriteWhoCanSee, WhoCanSeeText);
}

StatusOr<int> Report(const ReportOptions& options, Session& session) {
  RETURN_IF_ERROR(CheckStated(options.as_option, "as", options.as));
  RETURN_IF_ERROR(CheckStated(options.key_option, "key", options.key_id));
  RETURN_IF_ERROR(CheckStated(options.destination_option, "destination", options.destination));
  RETURN_IF_ERROR(CheckStated(options.collection_option, "collection", options.collection));
  v1::AccessReportRequest request;
  if (options.as_option->count() > 0) request.set_as(options.as);
  if (options.key_option->count() > 0) request.set_key_id(options.key_id);
  request.set_destination(options.destination);
  request.set_collection(options.collection);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Policy::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::AccessReportResponse response,
                   connection->Call<v1::AccessReportResponse>([&](auto* context, auto* answer) {
                     return stub->AccessReport(context, request, answer);
                   }));
  return TellAnswer(session.output(), response, WriteAccessReport, AccessReportText);
}

StatusOr<int> Simulate(const SimulateOptions& options, v1::SimulateRequest request,
                       Session& session) {
  RETURN_IF_ERROR(CheckStated(options.destination_option, "destination", options.destination));
  request.mutable_as()->Assign(options.as.begin(), options.as.end());
  request.set_destination(options.destination);
  request.set_limit(options.limit);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Policy::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::SimulateResponse response,
                   connection->Call<v1::SimulateResponse>([&](auto* context, auto* answer) {
                     return stub->Simulate(context, request, answer);
                   }));
  return TellAnswer(session.output(), response, WriteSimulate, SimulateText);
}

StatusOr<int> SimulatePolicy(const SimulateOptions& options, Session& session) {
  v1::SimulateRequest request;
  ASSIGN_OR_RETURN(const std::string text, ReadFileMaybeGzip(options.file, kPolicyBytesMax));
  ASSIGN_OR_RETURN(*request.mutable_policy(), ParsePolicy(text));
  return Simulate(options, std::move(request), session);
}

StatusOr<int> SimulateDirectory(const SimulateOptions& options, Session& session) {
  v1::SimulateRequest request;
  ASSIGN_OR_RETURN(DirectoryFile file, ReadDirectoryFile(options.file));
  *request.mutable_directory() = std::move(file.request);
  auto code = Simulate(options, std::move(request), session);
  if (!code.ok()) return AtLine(code.status(), "principals", file.lines);
  return code;
}

StatusOr<int> SimulateSetAccess(const SimulateOptions& options, Session& session) {
  v1::SimulateRequest request;
  auto* access = request.mutable_set_access();
  access->set_collection(options.collection);
  access->set_document(options.document);
  if (options.acl_option->count() > 0) {
    ASSIGN_OR_RETURN(*access->mutable_acl(), ParseAclOption("acl", options.acl));
  }
  if (options.label_option->count() > 0) {
    ASSIGN_OR_RETURN(*access->mutable_label(), ParseLabelOption("label", options.label));
  }
  return Simulate(options, std::move(request), session);
}

StatusOr<int> SimulateDelete(const SimulateOptions& options, Session& session) {
  v1::SimulateRequest request;
  request.mutable_delete_document()->set_collection(options.collection);
  request.mutable_delete_document()->set_document(options.document);
  return Simulate(options, std::move(request), session);
}

void AddWho(CLI::App& app, Session& session) {
  CLI::App* const who = AddCommand(app, "who-can-see", "Lists who may see a document",
                                   "  cordon who-can-see docs hr/42\n"
                                   "  cordon who-can-see docs hr/42 --destination chat --json");
  const auto options = std::make_shared<WhoOptions>();
  v1::WhoCanSeeRequest& request = options->request;
  who->add_option("NAME", *request.mutable_collection(), "The collection")->required();
  who->add_option("DOCUMENT", *request.mutable_document(), "The document's id")->required();
  options->destination =
      who->add_option("--destination", *request.mutable_destination(), "Where the answer would go");
  who->add_option("--after", *request.mutable_after(), "Go on after this name");
  who->add_option_function<uint32_t>(
         "--limit", [options](uint32_t limit) { options->request.set_limit(limit); },
         "How many names at most, up to 1,000")
      ->type_name("N");
  OnRun(who, session, options, Who);
}

void AddReport(CLI::App& app, Session& session) {
  CLI::App* const report =
      AddCommand(app, "access-report", "Counts what a user, a service or a key could ever retrieve",
                 "  cordon access-report --as user:ana\n"
                 "  cordon access-report --key default.3fQ2… --destination chat --collection docs");
  const auto options = std::make_shared<ReportOptions>();
  options->as_option = report->add_option("--as", options->as, "The user or service");
  options->key_option = report->add_option("--key", options->key_id,
                                           "A key's id: for itself and all whom it may act for");
  options->as_option->excludes(options->key_option);
  options->destination_option =
      report->add_option("--destination", options->destination, "Where the answers would go");
  options->collection_option =
      report->add_option("--collection", options->collection, "Only this collection");
  report->callback([options, &session] {
    if (options->as_option->count() + options->key_option->count() == 0) {
      throw CLI::RequiredError("--as or --key");
    }
    session.run = [options, &session] { return Report(*options, session); };
  });
}

// A change to simulate, with the options that all of them have.
std::pair<CLI::App*, std::shared_ptr<SimulateOptions>> AddChange(CLI::App& simulate,
                                                                 const std::string& name,
                                                                 const std::string& description,
                                                                 const std::string& examples) {
  CLI::App* const change = AddCommand(simulate, name, description, examples);
  const auto options = std::make_shared<SimulateOptions>();
  change
      ->add_option("--as", options->as,
                   "The users and services asked about; without it all that are known")
      ->delimiter(',');
  options->destination_option =
      change->add_option("--destination", options->destination, "Where answers would go");
  change->add_option("--limit", options->limit,
                     "How many documents to name of each, up to 1,000 (default 10)");
  return {change, options};
}

void AddDocument(CLI::App* change, SimulateOptions& options) {
  change->add_option("NAME", options.collection, "The collection")->required();
  change->add_option("DOCUMENT", options.document, "The document's id")->required();
}

void AddSimulate(CLI::App& app, Session& session) {
  CLI::App* const simulate = AddCommand(
      app, "simulate", "Tells who would gain and lose which documents by a change, not made",
      "  cordon simulate policy policy.yaml\n"
      "  cordon simulate directory people.jsonl --as user:ana,user:bo\n"
      R"(  cordon simulate set-access docs hr/42 --acl '{"allow":["group:hr"]}')"
      "\n  cordon simulate delete docs hr/42");
  simulate->require_subcommand(1);
  const auto [policy, policy_options] =
      AddChange(*simulate, "policy", "Simulates 'policy apply'",
                "  cordon simulate policy policy.yaml --as user:ana --limit 100");
  policy->add_option("FILE", policy_options->file, "The policy file")->required();
  OnRun(policy, session, policy_options, SimulatePolicy);

  const auto [directory, directory_options] =
      AddChange(*simulate, "directory", "Simulates 'directory apply'",
                "  cordon simulate directory people.jsonl --as user:ana,user:bo");
  directory->add_option("FILE", directory_options->file, "The file; - is standard input")
      ->required();
  OnRun(directory, session, directory_options, SimulateDirectory);

  const auto [access, access_options] =
      AddChange(*simulate, "set-access", "Simulates 'set-access'",
                R"(  cordon simulate set-access docs hr/42 --label '{"level":"restricted"}')");
  AddDocument(access, *access_options);
  access_options->acl_option = access->add_option("--acl", access_options->acl, "The new list");
  access_options->label_option =
      access->add_option("--label", access_options->label, "The new label");
  OnRun(access, session, access_options, SimulateSetAccess);

  const auto [remove, remove_options] =
      AddChange(*simulate, "delete", "Simulates 'delete'", "  cordon simulate delete docs hr/42");
  AddDocument(remove, *remove_options);
  OnRun(remove, session, remove_options, SimulateDelete);
}

}  // namespace

void AddAuditCommands(CLI::App& app, Session& session) {
  AddWho(app, session);
  AddReport(app, session);
  AddSimulate(app, session);
}

}  // namespace cordon
