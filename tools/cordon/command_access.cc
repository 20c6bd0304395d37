// set-access: of one document, of those that a file names, or of a selection.
#include <fmt/format.h>

#include "cordon/v1/ingest.grpc.pb.h"
#include "engine/base/limits.h"
#include "tools/cordon/access_file.h"
#include "tools/cordon/access_json.h"
#include "tools/cordon/command.h"
#include "tools/cordon/human.h"
#include "tools/cordon/line_field.h"

namespace cordon {
namespace {

struct AccessOptions {
  std::string collection;
  std::string document;
  std::string file;
  std::string prefix;
  std::string source;
  std::string acl;
  std::string label;
  std::string reason;
  CLI::Option* document_option = nullptr;
  CLI::Option* file_option = nullptr;
  CLI::Option* prefix_option = nullptr;
  CLI::Option* source_option = nullptr;
  CLI::Option* acl_option = nullptr;
  CLI::Option* label_option = nullptr;

  bool one() const { return document_option->count() > 0; }
  bool listed() const { return file_option->count() > 0; }
  bool selected() const { return prefix_option->count() + source_option->count() > 0; }
  bool given() const { return acl_option->count() + label_option->count() > 0; }
};

template <typename Request>
Status ReadGiven(const AccessOptions& options, Request* request) {
  request->set_collection(options.collection);
  request->set_reason(options.reason);
  if (options.acl_option->count() > 0) {
    ASSIGN_OR_RETURN(*request->mutable_acl(), ParseAclOption("acl", options.acl));
  }
  if (options.label_option->count() > 0) {
    ASSIGN_OR_RETURN(*request->mutable_label(), ParseLabelOption("label", options.label));
  }
  return OkStatus();
}

StatusOr<int> SetOne(const AccessOptions& options, Session& session) {
  v1::SetAccessRequest request;
  RETURN_IF_ERROR(ReadGiven(options, &request));
  request.set_document(options.document);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Ingest::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::SetAccessResponse response,
                   connection->Call<v1::SetAccessResponse>([&](auto* context, auto* answer) {
                     return stub->SetAccess(context, request, answer);
                   }));
  return TellRevision(session.output(), response.revision(), Existed(response));
}

// The file's changes from `from` on that one call may bring.
v1::SetAccessManyRequest NextPart(const AccessFile& file, const AccessOptions& options, int from) {
  constexpr size_t kBytesMax = limits::kIngestMessageBytes / 2;
  v1::SetAccessManyRequest part;
  part.set_collection(options.collection);
  part.set_reason(options.reason);
  size_t bytes = 0;
  for (int i = from; i < file.request.changes_size(); ++i) {
    if (static_cast<size_t>(part.changes_size()) == limits::kDocumentsPerBatch) break;
    bytes += file.request.changes(i).ByteSizeLong();
    if (bytes > kBytesMax && part.changes_size() > 0) break;
    *part.add_changes() = file.request.changes(i);
  }
  return part;
}

struct Told {
  uint64_t documents = 0;
  uint64_t revision = 0;
  std::optional<uint64_t> existed;
};

int Tell(Output& output, const Told& told) {
  if (!output.json()) {
    std::string text =
        fmt::format("documents {}, revision {}", Grouped(told.documents), told.revision);
    if (told.existed) text += fmt::format(", {} existed", Grouped(*told.existed));
    output.Line(text);
    return 0;
  }
  JsonWriter json;
  json.BeginObject().Key("documents").Unsigned(told.documents);
  json.Key("revision").Unsigned(told.revision);
  if (told.existed) json.Key("existed").Unsigned(*told.existed);
  output.Line(json.EndObject());
  return 0;
}

StatusOr<int> SetListed(const AccessOptions& options, Session& session) {
  ASSIGN_OR_RETURN(const AccessFile file, ReadAccessFile(options.file));
  if (file.lines.empty()) return Invalid("FILE", "holds no line");
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Ingest::NewStub(connection->channel());
  Told told;
  const int all = file.request.changes_size();
  for (int from = 0; from < all; from = static_cast<int>(told.documents)) {
    const auto part = NextPart(file, options, from);
    const auto response = connection->Call<v1::SetAccessManyResponse>(
        [&](auto* context, auto* answer) { return stub->SetAccessMany(context, part, answer); });
    if (!response.ok()) {
      if (from > 0) session.output().Note(fmt::format("the first {} are changed", from));
      return AtLine(response.status(), "changes", {file.lines.begin() + from, file.lines.end()});
    }
    told.documents += static_cast<uint64_t>(part.changes_size());
    told.revision = response->revision();
    if (response->existed_size() > 0) {
      told.existed = told.existed.value_or(0) +
                     static_cast<uint64_t>(
                         std::count(response->existed().begin(), response->existed().end(), true));
    }
    session.output().Progress(
        fmt::format("{} of {}", Grouped(told.documents), Grouped(static_cast<uint64_t>(all))));
  }
  session.output().ClearProgress();
  return Tell(session.output(), told);
}

int TellSelected(Output& output, uint64_t revision, const std::optional<uint64_t>& changed) {
  if (!output.json()) {
    output.Line(changed ? fmt::format("revision {}, {} changed", revision, Grouped(*changed))
                        : fmt::format("revision {}", revision));
    return 0;
  }
  JsonWriter json;
  json.BeginObject().Key("revision").Unsigned(revision);
  if (changed) json.Key("changed").Unsigned(*changed);
  output.Line(json.EndObject());
  return 0;
}

StatusOr<int> SetSelected(const AccessOptions& options, Session& session) {
  RETURN_IF_ERROR(CheckStated(options.prefix_option, "prefix", options.prefix));
  RETURN_IF_ERROR(CheckStated(options.source_option, "source", options.source));
  v1::SetAccessSelectedRequest request;
  RETURN_IF_ERROR(ReadGiven(options, &request));
  request.set_id_prefix(options.prefix);
  request.set_source(options.source);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Ingest::NewStub(connection->channel());
  std::optional<uint64_t> changed;
  while (true) {
    ASSIGN_OR_RETURN(const v1::SetAccessSelectedResponse response,
                     connection->Call<v1::SetAccessSelectedResponse>(
                         [&](auto* context, auto* answer) {
                           return stub->SetAccessSelected(context, request, answer);
                         },
                         kLongCallTimeout));
    if (response.has_changed()) changed = changed.value_or(0) + response.changed();
    if (!response.more()) return TellSelected(session.output(), response.revision(), changed);
    session.output().Progress(fmt::format("revision {}, more to do", response.revision()));
  }
}

// Exactly one way of naming documents, and what they shall get.
void CheckUsage(const AccessOptions& options) {
  if (options.one() + options.listed() + options.selected() != 1) {
    throw CLI::ValidationError("name DOCUMENT, or --file, or --prefix and --source; one of them");
  }
  if (options.listed() && options.given()) {
    throw CLI::ValidationError(
        "--file brings each document's own list and label; leave out --acl "
        "and --label");
  }
  if (!options.listed() && !options.given()) throw CLI::RequiredError("--acl or --label");
}

}  // namespace

void AddAccessCommand(CLI::App& app, Session& session) {
  CLI::App* const command = AddCommand(
      app, "set-access",
      "Replaces lists, labels, or both: of a document, of those in a file, or of a selection; what "
      "is not given stays",
      R"(  cordon set-access docs hr/42 --acl '{"allow":["group:hr"],"deny":["user:eve"]}'
  cordon set-access docs hr/42 --label '{"level":"restricted","compartments":["people"]}'
  cordon set-access docs --file changes.jsonl
  cordon set-access docs --prefix hr/ --acl '{"inherit":["folder:/hr"]}'
  cordon set-access docs --source hris --label '{"level":"confidential"}'

A file's lines: {"id":"hr/42","acl":{"allow":["group:hr"]},"label":{"level":"internal"}}; up to
4,096 of them become one revision, all or nothing. A selection matches prefix and source, if both
are given; it is changed in pages of up to 4,096 documents, each all or nothing.)");
  const auto options = std::make_shared<AccessOptions>();
  command->add_option("NAME", options->collection, "The collection")->required();
  options->document_option =
      command->add_option("DOCUMENT", options->document, "The document's id");
  options->file_option =
      command->add_option("--file", options->file, "The file of changes; - is standard input");
  options->prefix_option =
      command->add_option("--prefix", options->prefix, "Documents whose ids begin so");
  options->source_option =
      command->add_option("--source", options->source, "Documents whose provenance.source it is");
  options->acl_option = command->add_option(
      "--acl", options->acl, R"(The new list: {"allow":[…],"deny":[…],"inherit":[…]})");
  options->label_option = command->add_option(
      "--label", options->label, R"(The new label: {"level":…,"compartments":[…],"tags":[…]})");
  AddReason(command, &options->reason);
  command->callback([options, &session] {
    CheckUsage(*options);
    session.run = [options, &session] {
      if (options->one()) return SetOne(*options, session);
      return options->listed() ? SetListed(*options, session) : SetSelected(*options, session);
    };
  });
}

}  // namespace cordon
