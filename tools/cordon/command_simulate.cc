// simulate: who would gain and lose which documents by a change, which is not made. Its commands
// are named after those that make the change, and take the options that matter.
#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include "cordon/v1/policy.grpc.pb.h"
#include "engine/base/clock.h"
#include "engine/base/limits.h"
#include "tools/cordon/access_file.h"
#include "tools/cordon/access_json.h"
#include "tools/cordon/audit_answers.h"
#include "tools/cordon/command.h"
#include "tools/cordon/directory_file.h"
#include "tools/cordon/gzip.h"
#include "tools/cordon/line_field.h"
#include "tools/cordon/message_json.h"
#include "tools/cordon/metadata_json.h"
#include "tools/cordon/policy_file.h"
#include "tools/cordon/question_time.h"
#include "tools/cordon/refused_file.h"
#include "tools/cordon/sync_flags.h"
#include "tools/cordon/tried_documents.h"
#include "tools/cordon/tried_listing.h"

namespace cordon {
namespace {

using google::protobuf::util::TimeUtil;

// Of all the changes; each has some.
struct SimulateOptions {
  std::vector<std::string> as;
  std::string destination;
  uint32_t limit = 0;
  uint64_t at_least_revision = 0;
  QuestionTime at;
  CLI::Option* destination_option = nullptr;

  std::string name;  // what the change is about: a file, a collection, an id
  std::string document;
  std::string file;
  std::string prefix;
  std::string source;
  std::string subject;
  std::string acl;
  std::string label;
  std::string set;
  std::string principal;
  std::vector<std::string> rights;
  std::string clearance;
  std::string user;
  std::string reason;
  std::string until;
  v1::SyncBegin begin;
  v1::SyncSourceBegin listing;
  SyncFlags guard;  // of either
  // Of set-access: what was given, empty or not, as set-access itself asks.
  CLI::Option* document_option = nullptr;
  CLI::Option* file_option = nullptr;
  CLI::Option* prefix_option = nullptr;
  CLI::Option* source_option = nullptr;
  CLI::Option* acl_option = nullptr;
  CLI::Option* label_option = nullptr;
};

using SimulateRequestOf = StatusOr<v1::SimulateRequest> (*)(const SimulateOptions&);

StatusOr<v1::SimulateResponse> Ask(const SimulateOptions& options, v1::SimulateRequest request,
                                   Session& session) {
  RETURN_IF_ERROR(CheckStated(options.destination_option, "destination", options.destination));
  request.mutable_as()->Assign(options.as.begin(), options.as.end());
  request.set_destination(options.destination);
  request.set_limit(options.limit);
  RETURN_IF_ERROR(SetQuestionTime(options.at, &request));
  request.set_at_least_revision(options.at_least_revision);
  if (request.ByteSizeLong() > limits::kIngestMessageBytes) {
    return Invalid("FILE", fmt::format("takes more than {} bytes, which is what a message may; of "
                                       "a larger snapshot 'directory sync --dry-run' tells the "
                                       "difference",
                                       limits::kIngestMessageBytes));
  }
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Policy::NewStub(connection->channel());
  return connection->Call<v1::SimulateResponse>(
      [&](auto* context, auto* answer) { return stub->Simulate(context, request, answer); });
}

StatusOr<int> Simulate(const SimulateOptions& options, v1::SimulateRequest request,
                       Session& session) {
  ASSIGN_OR_RETURN(const v1::SimulateResponse response, Ask(options, std::move(request), session));
  return TellAnswer(session.output(), response, WriteSimulate, SimulateText);
}

// Refused lines come first, as ingest tells them; one is enough for the exit code.
int TellTried(Session& session, const v1::SimulateResponse& response,
              const std::vector<RefusedDocument>& lines) {
  for (const RefusedDocument& refused : lines) TellRefused(session.output(), refused);
  const int code = TellAnswer(session.output(), response, WriteSimulate, SimulateText);
  return lines.empty() ? code : 1;
}

StatusOr<int> SimulateIngest(const SimulateOptions& options, Session& session) {
  ASSIGN_OR_RETURN(TriedDocuments documents, ReadTriedDocuments(options.file));
  v1::SimulateRequest request;
  request.mutable_ingest()->Swap(&documents.request);
  request.mutable_ingest()->set_collection(options.name);
  ASSIGN_OR_RETURN(const v1::SimulateResponse response, Ask(options, std::move(request), session));
  MergeRefusals(response.refused(), documents.origins, &documents.refused);
  return TellTried(session, response, documents.refused);
}

StatusOr<int> SimulateListing(const SimulateOptions& options, Session& session) {
  ASSIGN_OR_RETURN(TriedListing listing, ReadTriedListing(options.file));
  v1::SimulateRequest request;
  request.mutable_listing()->Swap(&listing.request);
  *request.mutable_listing()->mutable_begin() = options.listing;
  SetSyncFlags(options.guard, request.mutable_listing()->mutable_begin());
  ASSIGN_OR_RETURN(const v1::SimulateResponse response, Ask(options, std::move(request), session));
  listing.lines.MergeRefusals(response.refused(), &listing.refused);
  return TellTried(session, response, listing.refused);
}

StatusOr<v1::SimulateRequest> PolicyChange(const SimulateOptions& options) {
  v1::SimulateRequest request;
  ASSIGN_OR_RETURN(const std::string text, ReadFileUnpacked(options.name, kPolicyBytesMax));
  ASSIGN_OR_RETURN(*request.mutable_policy(), ParsePolicy(text));
  return request;
}

StatusOr<int> SimulateDirectory(const SimulateOptions& options, Session& session) {
  v1::SimulateRequest request;
  ASSIGN_OR_RETURN(DirectoryFile file, ReadDirectoryFile(options.name));
  *request.mutable_directory() = std::move(file.request);
  auto code = Simulate(options, std::move(request), session);
  if (!code.ok()) return AtLine(code.status(), "principals", file.lines);
  return code;
}

StatusOr<int> SimulateSnapshot(const SimulateOptions& options, Session& session) {
  v1::SimulateRequest request;
  ASSIGN_OR_RETURN(DirectoryFile file, ReadDirectoryFile(options.file));
  auto* snapshot = request.mutable_snapshot();
  *snapshot->mutable_begin() = options.begin;
  SetSyncFlags(options.guard, snapshot->mutable_begin());
  *snapshot->mutable_principals() = std::move(*file.request.mutable_principals());
  snapshot->mutable_commit()->set_principals(static_cast<uint64_t>(file.lines.size()));
  auto code = Simulate(options, std::move(request), session);
  if (!code.ok()) return AtLine(code.status(), "principals", file.lines);
  return code;
}

template <typename Request>
Status SetGivenAccess(const SimulateOptions& options, Request* request) {
  request->set_collection(options.name);
  if (options.acl_option->count() > 0) {
    ASSIGN_OR_RETURN(*request->mutable_acl(), ParseAclOption("acl", options.acl));
  }
  if (options.label_option->count() > 0) {
    ASSIGN_OR_RETURN(*request->mutable_label(), ParseLabelOption("label", options.label));
  }
  return OkStatus();
}

StatusOr<v1::SimulateRequest> AccessChangeOf(const SimulateOptions& options) {
  const bool selected = options.prefix_option->count() + options.source_option->count() > 0;
  if (selected == (options.document_option->count() > 0)) {
    return Invalid("document", "name DOCUMENT, or --file, or --prefix and --source; one of them");
  }
  RETURN_IF_ERROR(CheckStated(options.prefix_option, "prefix", options.prefix));
  RETURN_IF_ERROR(CheckStated(options.source_option, "source", options.source));
  v1::SimulateRequest request;
  if (!selected) {
    RETURN_IF_ERROR(SetGivenAccess(options, request.mutable_set_access()));
    request.mutable_set_access()->set_document(options.document);
    return request;
  }
  auto* selection = request.mutable_set_access_selected();
  RETURN_IF_ERROR(SetGivenAccess(options, selection));
  selection->set_id_prefix(options.prefix);
  selection->set_source(options.source);
  return request;
}

StatusOr<int> SimulateSetAccess(const SimulateOptions& options, Session& session) {
  if (options.file_option->count() == 0) {
    ASSIGN_OR_RETURN(v1::SimulateRequest request, AccessChangeOf(options));
    return Simulate(options, std::move(request), session);
  }
  v1::SimulateRequest request;
  ASSIGN_OR_RETURN(AccessFile file, ReadAccessFile(options.file));
  *request.mutable_set_access_many() = std::move(file.request);
  request.mutable_set_access_many()->set_collection(options.name);
  auto code = Simulate(options, std::move(request), session);
  if (!code.ok()) return AtLine(code.status(), "changes", file.lines);
  return code;
}

StatusOr<v1::SimulateRequest> DeletionOf(const SimulateOptions& options) {
  v1::SimulateRequest request;
  request.mutable_delete_document()->set_collection(options.name);
  request.mutable_delete_document()->set_document(options.document);
  return request;
}

StatusOr<v1::SimulateRequest> ErasureOf(const SimulateOptions& options) {
  if (!options.document.empty() + !options.subject.empty() + !options.source.empty() != 1) {
    return Invalid("document", "name a document, a --subject or a --source; one of them");
  }
  v1::SimulateRequest request;
  auto* erase = request.mutable_erase();
  erase->set_collection(options.name);
  if (!options.document.empty()) erase->set_document(options.document);
  if (!options.subject.empty()) erase->set_subject(options.subject);
  if (!options.source.empty()) erase->set_source(options.source);
  return request;
}

StatusOr<v1::SimulateRequest> MetadataOf(const SimulateOptions& options) {
  v1::SimulateRequest request;
  auto* update = request.mutable_update_metadata();
  update->set_collection(options.name);
  update->set_document(options.document);
  RETURN_IF_ERROR(ParseMetadataOption("set", options.set, update));
  return request;
}

StatusOr<v1::SimulateRequest> DroppedCollectionOf(const SimulateOptions& options) {
  v1::SimulateRequest request;
  request.mutable_delete_collection()->set_name(options.name);
  return request;
}

StatusOr<v1::SimulateRequest> CreatedKeyOf(const SimulateOptions& options) {
  v1::SimulateRequest request;
  v1::KeyGrant& grant = *request.mutable_create_key()->mutable_grant();
  grant.set_principal(options.principal);
  RETURN_IF_ERROR(AddRights(options.rights, &grant));
  grant.mutable_clearance()->set_symbol(v1::Clearance::SYMBOL_LOWEST);
  if (options.clearance.empty()) return request;
  ASSIGN_OR_RETURN(*grant.mutable_clearance(),
                   ParseClearanceOption("clearance", options.clearance));
  return request;
}

StatusOr<v1::SimulateRequest> RevokedKeyOf(const SimulateOptions& options) {
  v1::SimulateRequest request;
  request.mutable_revoke_key()->set_id(options.name);
  return request;
}

StatusOr<v1::SimulateRequest> OpenedAccessOf(const SimulateOptions& options) {
  v1::SimulateRequest request;
  auto* access = request.mutable_open_break_glass();
  access->set_as(options.user);
  access->set_reason(options.reason);
  const auto until = ParseTime(options.until);
  if (!until.ok()) return until.status().Within("until");
  *access->mutable_until() = TimeUtil::MicrosecondsToTimestamp(*until);
  return request;
}

StatusOr<v1::SimulateRequest> ClosedAccessOf(const SimulateOptions& options) {
  v1::SimulateRequest request;
  request.mutable_close_break_glass()->set_id(options.name);
  return request;
}

std::shared_ptr<SimulateOptions> AsksFor(CLI::App* change) {
  auto options = std::make_shared<SimulateOptions>();
  change
      ->add_option("--as", options->as,
                   "The users and services asked about; without it all that are known")
      ->delimiter(',');
  options->destination_option =
      change->add_option("--destination", options->destination, "Where answers would go");
  change->add_option("--limit", options->limit,
                     "How many documents to name of each, up to 1,000 (default 10)");
  AddQuestionTime(change, &options->at);
  change->add_option("--at-least-revision", options->at_least_revision,
                     "Wait until this revision is visible, 5 s at most");
  return options;
}

// Has `change` ask about what `request_of` makes of its options.
void OnAsk(CLI::App* change, Session& session, const std::shared_ptr<SimulateOptions>& options,
           SimulateRequestOf request_of) {
  change->callback([options, &session, request_of] {
    session.run = [options, &session, request_of]() -> StatusOr<int> {
      ASSIGN_OR_RETURN(v1::SimulateRequest request, request_of(*options));
      return Simulate(*options, std::move(request), session);
    };
  });
}

void AddFiles(CLI::App& simulate, Session& session) {
  CLI::App* const policy =
      AddCommand(simulate, "policy", "Simulates 'policy apply'",
                 "  cordon simulate policy policy.yaml --as user:ana --limit 100");
  auto options = AsksFor(policy);
  policy->add_option("FILE", options->name, "The policy file")->required();
  OnAsk(policy, session, options, PolicyChange);
  CLI::App* const directory =
      AddCommand(simulate, "directory", "Simulates 'directory apply'",
                 "  cordon simulate directory people.jsonl --as user:ana,user:bo");
  options = AsksFor(directory);
  directory->add_option("FILE", options->name, "The file; - is standard input")->required();
  OnRun(directory, session, options, SimulateDirectory);
}

void AddSnapshot(CLI::App& simulate, Session& session) {
  CLI::App* const sync =
      AddCommand(simulate, "directory-sync", "Simulates 'directory sync'; up to 16 MiB of records",
                 "  cordon simulate directory-sync hris people.jsonl --as user:ana");
  const auto options = AsksFor(sync);
  v1::SyncBegin& begin = options->begin;
  sync->add_option("SOURCE", *begin.mutable_source(), "The source, such as hris")->required();
  sync->add_option("FILE", options->file, "The snapshot; - is standard input")->required();
  sync->add_option_function<uint64_t>(
          "--sequence", [options](uint64_t at) { options->begin.set_sequence(at); },
          "The place of the snapshot in the history of its source")
      ->type_name("N");
  AddGuardFlags(sync, "records and memberships",
                "the source's records, or of the memberships in its groups", &options->guard);
  OnRun(sync, session, options, SimulateSnapshot);
}

void AddListing(CLI::App& simulate, Session& session) {
  CLI::App* const sync =
      AddCommand(simulate, "source-sync", "Simulates 'source sync' of what one message holds",
                 "  cordon simulate source-sync docs wiki listing.jsonl --as user:ana");
  const auto options = AsksFor(sync);
  v1::SyncSourceBegin& begin = options->listing;
  sync->add_option("NAME", *begin.mutable_collection(), "The collection")->required();
  sync->add_option("SOURCE", *begin.mutable_source(), "The source, such as wiki")->required();
  sync->add_option("FILE", options->file, "The listing; - is standard input")->required();
  AddGuardFlags(sync, "documents", "the source's documents", &options->guard);
  OnRun(sync, session, options, SimulateListing);
}

void AddIngest(CLI::App& simulate, Session& session) {
  CLI::App* const ingest =
      AddCommand(simulate, "ingest", "Simulates 'ingest' of a file that one message holds",
                 "  cordon simulate ingest docs corpus.jsonl --as user:ana\n\n"
                 "Embeddings may be left out of the lines. Replaced documents count as well.");
  const auto options = AsksFor(ingest);
  ingest->add_option("NAME", options->name, "The collection")->required();
  ingest
      ->add_option("FILE", options->file, "Lines of JSON (plain, .gz or .zst; - is standard input)")
      ->required();
  OnRun(ingest, session, options, SimulateIngest);
}

void AddAccessChange(CLI::App& simulate, Session& session) {
  CLI::App* const access =
      AddCommand(simulate, "set-access", "Simulates 'set-access'",
                 R"(  cordon simulate set-access docs hr/42 --label '{"level":"restricted"}'
  cordon simulate set-access docs --prefix hr/ --acl '{"inherit":["folder:/hr"]}'
  cordon simulate set-access docs --file changes.jsonl

What takes more than one revision, such as more than 4,096 documents, is refused.)");
  const auto options = AsksFor(access);
  access->add_option("NAME", options->name, "The collection")->required();
  options->document_option = access->add_option("DOCUMENT", options->document, "The document's id");
  options->acl_option = access->add_option("--acl", options->acl, "The new list");
  options->label_option = access->add_option("--label", options->label, "The new label");
  options->prefix_option =
      access->add_option("--prefix", options->prefix, "Documents whose ids begin so");
  options->source_option =
      access->add_option("--source", options->source, "Documents whose provenance.source it is");
  options->file_option =
      access->add_option("--file", options->file, "The file of changes; - is standard input")
          ->excludes(options->document_option)
          ->excludes(options->acl_option)
          ->excludes(options->label_option)
          ->excludes(options->prefix_option)
          ->excludes(options->source_option);
  OnRun(access, session, options, SimulateSetAccess);
}

void AddMetadataChange(CLI::App& simulate, Session& session) {
  CLI::App* const update = AddCommand(
      simulate, "update", "Simulates 'update': validity and source decide who sees a document",
      R"(  cordon simulate update docs hr/42 --set '{"provenance":{"source":"wiki"}}')");
  const auto options = AsksFor(update);
  update->add_option("NAME", options->name, "The collection")->required();
  update->add_option("DOCUMENT", options->document, "The document's id")->required();
  update->add_option("--set", options->set, "What changes, as JSON")->required();
  OnAsk(update, session, options, MetadataOf);
}

void AddRemovals(CLI::App& simulate, Session& session) {
  CLI::App* const remove =
      AddCommand(simulate, "delete", "Simulates 'delete'", "  cordon simulate delete docs hr/42");
  auto options = AsksFor(remove);
  remove->add_option("NAME", options->name, "The collection")->required();
  remove->add_option("DOCUMENT", options->document, "The document's id")->required();
  OnAsk(remove, session, options, DeletionOf);

  CLI::App* const erase =
      AddCommand(simulate, "erase", "Simulates 'erase'",
                 "  cordon simulate erase docs hr/42\n"
                 "  cordon simulate erase docs --subject person:123 --as user:ana");
  options = AsksFor(erase);
  erase->add_option("NAME", options->name, "The collection")->required();
  erase->add_option("DOCUMENT", options->document, "The document's id");
  erase->add_option("--subject", options->subject, "Instead: all documents about it");
  erase->add_option("--source", options->source, "Instead: all documents from it");
  OnAsk(erase, session, options, ErasureOf);

  CLI::App* const drop = AddCommand(simulate, "collection-delete", "Simulates 'collection delete'",
                                    "  cordon simulate collection-delete docs --as user:ana");
  options = AsksFor(drop);
  drop->add_option("NAME", options->name, "The collection")->required();
  OnAsk(drop, session, options, DroppedCollectionOf);
}

void AddCallers(CLI::App& simulate, Session& session) {
  CLI::App* const create = AddCommand(
      simulate, "key-create", "Simulates 'key create': a service has the clearances of its keys",
      R"(  cordon simulate key-create --principal service:x --clearance '{"level":"restricted"}')");
  auto options = AsksFor(create);
  options->rights = {"query"};
  create->add_option("--principal", options->principal, "The key's principal")->required();
  create->add_option("--rights", options->rights, "The key's rights (default query)")
      ->delimiter(',');
  create->add_option("--clearance", options->clearance, "The key's clearance");
  OnAsk(create, session, options, CreatedKeyOf);

  CLI::App* const revoke = AddCommand(simulate, "key-revoke", "Simulates 'key revoke'",
                                      "  cordon simulate key-revoke default.3fQ2…");
  options = AsksFor(revoke);
  revoke->add_option("ID", options->name, "The key's id")->required();
  OnAsk(revoke, session, options, RevokedKeyOf);

  CLI::App* const open = AddCommand(
      simulate, "break-glass-open", "Simulates 'break-glass open': what its user would gain by it",
      "  cordon simulate break-glass-open --for user:ana --reason 'incident 7' "
      "--until 2026-12-01T18:00:00Z");
  options = AsksFor(open);
  open->add_option("--for", options->user, "The user; else the key's own principal");
  open->add_option("--reason", options->reason, "Why")->required();
  open->add_option("--until", options->until, "When it would end")->required();
  OnAsk(open, session, options, OpenedAccessOf);

  CLI::App* const close = AddCommand(simulate, "break-glass-close", "Simulates 'break-glass close'",
                                     "  cordon simulate break-glass-close 5f0c…");
  options = AsksFor(close);
  close->add_option("ID", options->name, "The access's id")->required();
  OnAsk(close, session, options, ClosedAccessOf);
}

}  // namespace

void AddSimulateCommand(CLI::App& app, Session& session) {
  CLI::App* const simulate = AddCommand(
      app, "simulate", "Tells who would gain and lose which documents by a change, not made",
      "  cordon simulate policy policy.yaml\n"
      "  cordon simulate directory people.jsonl --as user:ana,user:bo\n"
      R"(  cordon simulate set-access docs hr/42 --acl '{"allow":["group:hr"]}')"
      "\n  cordon simulate erase docs --subject person:123");
  simulate->require_subcommand(1);
  AddFiles(*simulate, session);
  AddSnapshot(*simulate, session);
  AddIngest(*simulate, session);
  AddListing(*simulate, session);
  AddAccessChange(*simulate, session);
  AddMetadataChange(*simulate, session);
  AddRemovals(*simulate, session);
  AddCallers(*simulate, session);
}

}  // namespace cordon
