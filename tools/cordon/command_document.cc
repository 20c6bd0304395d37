// get, update, delete, why: what concerns one document.
#include <fmt/format.h>

#include "cordon/v1/ingest.grpc.pb.h"
#include "cordon/v1/policy.grpc.pb.h"
#include "cordon/v1/retrieval.grpc.pb.h"
#include "tools/cordon/command.h"
#include "tools/cordon/human.h"
#include "tools/cordon/message_json.h"
#include "tools/cordon/metadata_json.h"
#include "tools/cordon/question_time.h"

namespace cordon {
namespace {

struct DocumentOptions {
  std::string collection;
  std::string document;
  std::string as;
  std::string destination;
  std::string purpose;
  std::string break_glass;
  std::string reason;
  std::string set;
  bool strip_hidden = false;
  QuestionTime at;
  std::string key_id;
  CLI::Option* key_option = nullptr;
  CLI::Option* as_option = nullptr;
  CLI::Option* destination_option = nullptr;
  const CLI::App* command = nullptr;
};

StatusOr<int> Get(const DocumentOptions& options, Session& session) {
  RETURN_IF_ERROR(CheckAllStated(*options.command));
  v1::GetDocumentRequest request;
  request.set_collection(options.collection);
  request.set_document(options.document);
  request.mutable_scope()->set_as(options.as);
  request.mutable_scope()->set_destination(options.destination);
  request.mutable_scope()->set_purpose(options.purpose);
  request.mutable_scope()->set_break_glass(options.break_glass);
  request.set_strip_hidden_characters(options.strip_hidden);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Retrieval::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::GetDocumentResponse response,
                   connection->Call<v1::GetDocumentResponse>([&](auto* context, auto* answer) {
                     return stub->GetDocument(context, request, answer);
                   }));
  if (!session.output().json()) {
    session.output().Line(DocumentText(response));
    return 0;
  }
  JsonWriter json;
  json.BeginObject();
  WriteDocument(json, response);
  session.output().Line(json.EndObject());
  return 0;
}

StatusOr<int> Update(const DocumentOptions& options, Session& session) {
  v1::UpdateMetadataRequest request;
  request.set_collection(options.collection);
  request.set_document(options.document);
  request.set_reason(options.reason);
  RETURN_IF_ERROR(ParseMetadataOption("set", options.set, &request));
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Ingest::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::UpdateMetadataResponse response,
                   connection->Call<v1::UpdateMetadataResponse>([&](auto* context, auto* answer) {
                     return stub->UpdateMetadata(context, request, answer);
                   }));
  return TellRevision(session.output(), response.revision(), Existed(response));
}

StatusOr<int> Delete(const DocumentOptions& options, Session& session) {
  v1::DeleteRequest request;
  request.set_collection(options.collection);
  request.set_document(options.document);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Ingest::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::DeleteResponse response,
                   connection->Call<v1::DeleteResponse>([&](auto* context, auto* answer) {
                     return stub->Delete(context, request, answer);
                   }));
  return TellRevision(session.output(), response.revision(), Existed(response));
}

std::string ExplainText(const v1::ExplainResponse& response) {
  std::string text = response.permitted() ? "permitted" : "not permitted";
  for (const v1::ClauseVerdict& clause : response.clauses()) {
    text += fmt::format("\n  {}  {}: {}", clause.permitted() ? "yes" : "no ",
                        Printable(clause.name()), Printable(clause.because()));
  }
  return text +
         fmt::format("\nrevision {}, journal {}", response.revision(), response.journal_id());
}

StatusOr<int> Why(const DocumentOptions& options, Session& session) {
  RETURN_IF_ERROR(CheckStated(options.as_option, "as", options.as));
  RETURN_IF_ERROR(CheckStated(options.destination_option, "destination", options.destination));
  v1::ExplainRequest request;
  request.set_collection(options.collection);
  request.set_document(options.document);
  request.set_as(options.as);
  request.set_destination(options.destination);
  request.set_break_glass(options.break_glass);
  RETURN_IF_ERROR(SetQuestionTime(options.at, &request));
  RETURN_IF_ERROR(CheckStated(options.key_option, "key", options.key_id));
  request.set_key_id(options.key_id);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Policy::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::ExplainResponse response,
                   connection->Call<v1::ExplainResponse>([&](auto* context, auto* answer) {
                     return stub->Explain(context, request, answer);
                   }));
  if (!session.output().json()) {
    session.output().Line(ExplainText(response));
    return 0;
  }
  JsonWriter json;
  json.BeginObject();
  WriteExplain(json, response);
  session.output().Line(json.EndObject());
  return 0;
}

std::shared_ptr<DocumentOptions> AddDocument(CLI::App* command) {
  auto options = std::make_shared<DocumentOptions>();
  command->add_option("NAME", options->collection, "The collection")->required();
  command->add_option("DOCUMENT", options->document, "The document's id")->required();
  return options;
}

void AddScope(CLI::App* command, DocumentOptions& options) {
  options.as_option =
      command->add_option("--as", options.as, "The user asked for, such as user:ana");
  options.destination_option =
      command->add_option("--destination", options.destination, "Where the answer goes");
}

}  // namespace

void AddDocumentCommands(CLI::App& app, Session& session) {
  CLI::App* const get = AddCommand(app, "get", "Prints the permitted part of one document",
                                   "  cordon get docs hr/42 --as user:ana");
  const auto get_options = AddDocument(get);
  get_options->command = get;
  AddScope(get, *get_options);
  get->add_option("--break-glass", get_options->break_glass,
                  "An access that this key opened for the user: cordon break-glass open");
  get->add_option("--purpose", get_options->purpose, "Why; recorded in the journal");
  get->add_flag("--strip-hidden", get_options->strip_hidden,
                "Takes invisible and bidirectional control characters out of all but the id");
  OnRun(get, session, get_options, Get);

  CLI::App* const update = AddCommand(
      app, "update", "Changes what is said of a document; its chunks, list and label stay",
      R"(  cordon update docs hr/42 --set '{"title":"Leave","attributes":{"lang":"en","year":null}}'
  cordon update docs hr/42 --set '{"valid_from":null,"valid_until":"2027-01-01T00:00:00Z"}'

A merge patch (RFC 7396) of title, uri, valid_from and valid_until (both or neither), erase_after,
subjects, attributes and provenance, as in a line for ingest: what is named changes, null clears,
the rest stays.)");
  const auto update_options = AddDocument(update);
  update->add_option("--set", update_options->set, "What changes, as JSON")->required();
  AddReason(update, &update_options->reason);
  OnRun(update, session, update_options, Update);

  CLI::App* const remove =
      AddCommand(app, "delete", "Deletes a document", "  cordon delete docs hr/42");
  const auto remove_options = AddDocument(remove);
  AddReason(remove, &remove_options->reason);
  OnRun(remove, session, remove_options, Delete);

  CLI::App* const why = AddCommand(app, "why", "Tells why a user may or may not see a document",
                                   "  cordon why docs hr/42 --as user:ana --destination chat");
  const auto why_options = AddDocument(why);
  AddScope(why, *why_options);
  why_options->as_option->required();
  why->add_option("--break-glass", why_options->break_glass,
                  "Judged under this access, while it is open");
  AddQuestionTime(why, &why_options->at);
  why_options->key_option = why->add_option("--key", why_options->key_id,
                                            "Through the application that has this key's id");
  OnRun(why, session, why_options, Why);
}

}  // namespace cordon
