// who-can-see, access-report: what an auditor asks. (why: command_document.cc; simulate:
// command_simulate.cc.)
#include "cordon/v1/policy.grpc.pb.h"
#include "tools/cordon/audit_answers.h"
#include "tools/cordon/command.h"
#include "tools/cordon/question_time.h"

namespace cordon {
namespace {

struct WhoOptions {
  v1::WhoCanSeeRequest request;
  QuestionTime at;
  CLI::Option* destination = nullptr;
  CLI::Option* key = nullptr;
};

struct ReportOptions {
  std::string as;
  std::string key_id;
  std::string destination;
  std::string collection;
  QuestionTime at;
  CLI::Option* as_option = nullptr;
  CLI::Option* key_option = nullptr;
  CLI::Option* destination_option = nullptr;
  CLI::Option* collection_option = nullptr;
};

StatusOr<int> Who(const WhoOptions& options, Session& session) {
  RETURN_IF_ERROR(CheckStated(options.destination, "destination", options.request.destination()));
  RETURN_IF_ERROR(CheckStated(options.key, "key", options.request.key_id()));
  v1::WhoCanSeeRequest request = options.request;
  RETURN_IF_ERROR(SetQuestionTime(options.at, &request));
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Policy::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::WhoCanSeeResponse response,
                   connection->Call<v1::WhoCanSeeResponse>([&](auto* context, auto* answer) {
                     return stub->WhoCanSee(context, request, answer);
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
  RETURN_IF_ERROR(SetQuestionTime(options.at, &request));
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Policy::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::AccessReportResponse response,
                   connection->Call<v1::AccessReportResponse>([&](auto* context, auto* answer) {
                     return stub->AccessReport(context, request, answer);
                   }));
  return TellAnswer(session.output(), response, WriteAccessReport, AccessReportText);
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
  options->key = who->add_option("--key", *request.mutable_key_id(),
                                 "Only through the application that has this key's id");
  AddQuestionTime(who, &options->at);
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
  AddQuestionTime(report, &options->at);
  report->callback([options, &session] {
    if (options->as_option->count() + options->key_option->count() == 0) {
      throw CLI::RequiredError("--as or --key");
    }
    session.run = [options, &session] { return Report(*options, session); };
  });
}

}  // namespace

void AddAuditCommands(CLI::App& app, Session& session) {
  AddWho(app, session);
  AddReport(app, session);
}

}  // namespace cordon
