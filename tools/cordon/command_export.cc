// export, destinations: what leaves for models that are trained, and where a label may go.
#include <fmt/format.h>

#include "cordon/v1/retrieval.grpc.pb.h"
#include "tools/cordon/access_json.h"
#include "tools/cordon/command.h"
#include "tools/cordon/document_writer.h"
#include "tools/cordon/human.h"
#include "tools/cordon/message_json.h"

namespace cordon {
namespace {

struct ExportOptions {
  std::string collection;
  std::string destination;
  std::string as;
  std::string prefix;
  std::string purpose;
  std::vector<std::string> documents;
  std::string min_trust;
  bool vectors = false;
  bool strip_hidden = false;
  const CLI::App* command = nullptr;
};

struct DestinationsOptions {
  std::string label;
  std::string as;
  CLI::Option* as_option = nullptr;
};

v1::ExportRequest Request(const ExportOptions& options) {
  v1::ExportRequest request;
  request.set_collection(options.collection);
  request.mutable_scope()->set_as(options.as);
  request.mutable_scope()->set_destination(options.destination);
  request.mutable_scope()->set_purpose(options.purpose);
  request.mutable_documents()->Assign(options.documents.begin(), options.documents.end());
  request.set_prefix(options.prefix);
  request.set_vectors(options.vectors);
  request.set_strip_hidden_characters(options.strip_hidden);
  request.set_min_trust(options.min_trust);
  return request;
}

StatusOr<int> Export(const ExportOptions& options, Session& session) {
  RETURN_IF_ERROR(CheckAllStated(*options.command));
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Retrieval::NewStub(connection->channel());
  grpc::ClientContext context;
  connection->Prepare(&context, std::chrono::milliseconds(0));
  const auto stream = stub->Export(&context, Request(options));
  v1::ExportResponse part;
  std::string label;
  uint64_t documents = 0;
  uint64_t with_hidden = 0;
  while (stream->Read(&part)) {
    for (const v1::Document& document : part.documents()) {
      JsonWriter json;
      WriteIngestLine(json, document);
      session.output().Line(json);
    }
    for (const uint32_t hidden : part.hidden_characters()) with_hidden += hidden > 0 ? 1 : 0;
    documents += static_cast<uint64_t>(part.documents_size());
    label = LabelText(part.model_label());
    part.Clear();
  }
  RETURN_IF_ERROR(connection->Outcome(stream->Finish()).status);
  session.output().Note(documents == 0
                            ? "nothing to export"
                            : fmt::format("{} exported; the model of {} now has the label {}",
                                          Counted(documents, "document"),
                                          Printable(options.destination), Printable(label)));
  if (with_hidden > 0) {
    session.output().Note(fmt::format("{} hold hidden characters, which were {}",
                                      Counted(with_hidden, "document"),
                                      options.strip_hidden ? "taken out"
                                                           : "left in; "
                                                             "--strip-hidden takes "
                                                             "them out"));
  }
  return 0;
}

StatusOr<int> Destinations(const DestinationsOptions& options, Session& session) {
  RETURN_IF_ERROR(CheckStated(options.as_option, "as", options.as));
  v1::AllowedDestinationsRequest request;
  ASSIGN_OR_RETURN(*request.mutable_label(), ParseLabelOption("label", options.label));
  request.mutable_scope()->set_as(options.as);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Retrieval::NewStub(connection->channel());
  ASSIGN_OR_RETURN(
      const v1::AllowedDestinationsResponse response,
      connection->Call<v1::AllowedDestinationsResponse>([&](auto* context, auto* answer) {
        return stub->AllowedDestinations(context, request, answer);
      }));
  if (!session.output().json()) {
    session.output().Line(Listed(response.destinations()));
    return 0;
  }
  JsonWriter json;
  json.BeginObject().Key("destinations").Strings(response.destinations());
  json.Key("revision").Unsigned(response.revision());
  json.Key("journal_id").String(response.journal_id());
  session.output().Line(json.EndObject());
  return 0;
}

}  // namespace

void AddExportCommands(CLI::App& app, Session& session) {
  CLI::App* const command = AddCommand(
      app, "export",
      "Exports documents for a model to be trained on, as lines that can be ingested; the label of "
      "the model rises to theirs",
      "  cordon export docs --destination tuned --as user:ana --prefix hr/ > hr.jsonl\n"
      "  cordon export docs --destination tuned --document hr/42 --document hr/43 --vectors");
  const auto options = std::make_shared<ExportOptions>();
  command->add_option("NAME", options->collection, "The collection")->required();
  command
      ->add_option("--destination", options->destination,
                   "The registered destination of scope 4 or 5")
      ->required();
  options->command = command;
  command->add_option("--as", options->as,
                      "Exports what this user may see; else the key's own principal");
  CLI::Option* const prefix =
      command->add_option("--prefix", options->prefix, "Only documents whose id begins so");
  command->add_option("--document", options->documents, "Only this document; may be repeated")
      ->allow_extra_args(false)
      ->excludes(prefix);
  command->add_flag("--vectors", options->vectors, "Chunks with their embeddings");
  command->add_flag("--strip-hidden", options->strip_hidden,
                    "Takes hidden characters out of texts, titles, uris and attributes");
  command->add_option("--min-trust", options->min_trust,
                      "Only documents of this trust tier or a higher one");
  command->add_option("--purpose", options->purpose, "Why; recorded in the journal");
  OnRun(command, session, options, Export);

  CLI::App* const destinations =
      AddCommand(app, "destinations", "Lists the destinations that may receive a label",
                 R"(  cordon destinations --label '{"level":"confidential"}' --as user:ana)");
  const auto asked = std::make_shared<DestinationsOptions>();
  destinations->add_option("--label", asked->label, R"({"level":…,"compartments":[…],"tags":[…]})")
      ->required();
  asked->as_option =
      destinations->add_option("--as", asked->as, "The user asked for, such as user:ana");
  OnRun(destinations, session, asked, Destinations);
}

}  // namespace cordon
