// embedding begin | fill | status | switch | drop.
#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <thread>

#include "cordon/v1/admin.grpc.pb.h"
#include "tools/cordon/access_json.h"
#include "tools/cordon/command.h"
#include "tools/cordon/human.h"
#include "tools/cordon/ingest_run.h"
#include "tools/cordon/ingest_source.h"
#include "tools/cordon/message_json.h"

namespace cordon {
namespace {

constexpr auto kLookEvery = std::chrono::seconds(1);

struct EmbeddingOptions {
  std::string collection;
  std::string model;
  int64_t dimension = 0;
  std::string embedder = "http";
  std::string endpoint;
  std::string path;
  std::string vectors;
  std::string reason;
  bool wait = false;
  bool allow_missing = false;
};

StatusOr<v1::EmbeddingSpace> SpaceOf(const EmbeddingOptions& options) {
  v1::EmbeddingSpace space;
  if (options.dimension < 0 || options.dimension > std::numeric_limits<uint32_t>::max()) {
    return Invalid("dim", "must be an integer, 1 to 4096");
  }
  space.set_model(options.model);
  space.set_dimension(static_cast<uint32_t>(options.dimension));
  space.set_embedder(options.embedder == "http"   ? v1::EMBEDDER_HTTP
                     : options.embedder == "none" ? v1::EMBEDDER_NONE
                                                  : v1::EMBEDDER_BUILTIN);
  space.set_embedding_endpoint(options.endpoint);
  return space;
}

StatusOr<v1::EmbeddingStatusResponse> AskStatus(v1::Admin::Stub* stub, Connection* connection,
                                                const std::string& collection) {
  v1::EmbeddingStatusRequest request;
  request.set_collection(collection);
  return connection->Call<v1::EmbeddingStatusResponse>(
      [&](auto* context, auto* answer) { return stub->EmbeddingStatus(context, request, answer); });
}

StatusOr<int> Begin(const EmbeddingOptions& options, Session& session) {
  v1::BeginEmbeddingRequest request;
  request.set_collection(options.collection);
  ASSIGN_OR_RETURN(*request.mutable_space(), SpaceOf(options));
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::BeginEmbeddingResponse response,
                   connection->Call<v1::BeginEmbeddingResponse>([&](auto* context, auto* answer) {
                     return stub->BeginEmbedding(context, request, answer);
                   }));
  return TellRevision(session.output(), response.revision());
}

StatusOr<int> Fill(const EmbeddingOptions& options, Session& session) {
  if (options.model.empty()) return Invalid("model", "missing; name the one that made the vectors");
  ASSIGN_OR_RETURN(auto lines, options.vectors.empty()
                                   ? OpenLines(options.path)
                                   : OpenLinesWithVectors(options.path, options.vectors));
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  IngestSettings settings{options.collection, options.reason, std::nullopt};
  settings.model = options.model;
  const auto vectors = VectorsOf(std::move(lines));
  return IngestRun(*connection, session.output(), std::move(settings)).Run(*vectors);
}

std::string SpaceText(const v1::EmbeddingSpace& space) {
  std::string text = fmt::format("{}, dimension {}, {}",
                                 space.model().empty() ? "no model" : Printable(space.model()),
                                 space.dimension(), EmbedderName(space.embedder()));
  if (!space.embedding_endpoint().empty()) text += " " + Printable(space.embedding_endpoint());
  return text;
}

void WriteSpace(JsonWriter& json, const v1::EmbeddingSpace& space) {
  json.BeginObject().Key("model").String(space.model());
  json.Key("dim").Unsigned(space.dimension());
  json.Key("embedder").String(EmbedderName(space.embedder()));
  if (!space.embedding_endpoint().empty()) {
    json.Key("embedding_endpoint").String(space.embedding_endpoint());
  }
  json.EndObject();
}

// What there is still to do; 0 if all is done.
uint64_t Left(const v1::EmbeddingStatusResponse& status) {
  return status.to_clean() + (status.has_other() ? status.documents() - status.embedded() : 0);
}

std::string ProgressText(const v1::EmbeddingStatusResponse& status) {
  if (!status.has_other()) return Counted(status.to_clean(), "document") + " to clean up";
  std::string text =
      fmt::format("{} of {} embedded", Grouped(status.embedded()), Grouped(status.documents()));
  if (status.left_out() > 0) text += fmt::format(", {} left out", Grouped(status.left_out()));
  return text;
}

void TellStatus(Output& output, const v1::EmbeddingStatusResponse& status) {
  if (!output.json()) {
    output.Line("searched  " + SpaceText(status.searched()));
    output.Line("other     " + (status.has_other() ? SpaceText(status.other()) : "none"));
    if (status.has_other() || status.to_clean() > 0)
      output.Line("          " + ProgressText(status));
    if (!status.waits_for().empty()) output.Line("waits     " + Printable(status.waits_for()));
    return;
  }
  JsonWriter json;
  json.BeginObject().Key("searched");
  WriteSpace(json, status.searched());
  if (status.has_other()) {
    json.Key("other");
    WriteSpace(json, status.other());
    json.Key("embedded").Unsigned(status.embedded()).Key("left_out").Unsigned(status.left_out());
  }
  json.Key("documents").Unsigned(status.documents()).Key("to_clean").Unsigned(status.to_clean());
  if (!status.waits_for().empty()) json.Key("waits_for").String(status.waits_for());
  output.Line(json.Key("revision").Unsigned(status.revision()).EndObject());
}

// With --wait until nothing is left but what the endpoint may not have or refuses; then 1.
StatusOr<int> TellProgress(const EmbeddingOptions& options, Session& session) {
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Admin::NewStub(connection->channel());
  while (true) {
    ASSIGN_OR_RETURN(const v1::EmbeddingStatusResponse status,
                     AskStatus(stub.get(), connection, options.collection));
    const bool goes_on = Left(status) > 0 && Left(status) != status.left_out();
    if (options.wait && goes_on) {
      const bool waits = !status.waits_for().empty();
      session.output().Progress(ProgressText(status) +
                                (waits ? "; waits: " + Printable(status.waits_for()) : ""));
      std::this_thread::sleep_for(kLookEvery);
      continue;
    }
    session.output().ClearProgress();
    TellStatus(session.output(), status);
    return options.wait && Left(status) > 0 ? 1 : 0;
  }
}

StatusOr<int> Switch(const EmbeddingOptions& options, Session& session) {
  v1::SwitchEmbeddingRequest request;
  request.set_collection(options.collection);
  request.set_model(options.model);
  request.set_allow_missing(options.allow_missing);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::SwitchEmbeddingResponse response,
                   connection->Call<v1::SwitchEmbeddingResponse>(
                       [&](auto* context, auto* answer) {
                         return stub->SwitchEmbedding(context, request, answer);
                       },
                       kLongCallTimeout));
  return TellRevision(session.output(), response.revision());
}

StatusOr<int> Drop(const EmbeddingOptions& options, Session& session) {
  v1::DropEmbeddingRequest request;
  request.set_collection(options.collection);
  request.set_model(options.model);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::DropEmbeddingResponse response,
                   connection->Call<v1::DropEmbeddingResponse>([&](auto* context, auto* answer) {
                     return stub->DropEmbedding(context, request, answer);
                   }));
  return TellRevision(session.output(), response.revision());
}

using Options = std::shared_ptr<EmbeddingOptions>;

Options WithCollection(CLI::App* command) {
  const auto options = std::make_shared<EmbeddingOptions>();
  command->add_option("COLLECTION", options->collection, "The collection")->required();
  return options;
}

void AddBegin(CLI::App& embedding, Session& session) {
  CLI::App* const begin = AddCommand(
      embedding, "begin", "Begins to embed all documents with another model, beside all other work",
      R"(  cordon embedding begin docs --embedding-endpoint embed-new --reason CHG-7
  cordon embedding begin docs --embedder builtin --dim 512 --model hashed-512)");
  const Options options = WithCollection(begin);
  begin
      ->add_option("--embedder", options->embedder,
                   "What embeds: http (an endpoint of the server's), none (you bring the vectors: "
                   "embedding fill) or builtin (for trying)")
      ->check(CLI::IsMember({"builtin", "http", "none"}))
      ->type_name("builtin|http|none")
      ->capture_default_str();
  begin->add_option("--embedding-endpoint", options->endpoint,
                    "With --embedder http: the endpoint, which is a destination of the policy too");
  begin->add_option("--model", options->model, "The model's name; else the endpoint's own");
  begin->add_option("--dim", options->dimension, "Numbers in an embedding; else the endpoint's");
  AddReason(begin, &options->reason);
  OnRun(begin, session, options, Begin);
}

void AddFill(CLI::App& embedding, Session& session) {
  CLI::App* const fill =
      AddCommand(embedding, "fill", "Brings the vectors that another model made of what is stored",
                 R"(  cordon embedding fill docs vectors.jsonl --model own-2
  cordon embedding fill docs corpus.jsonl --vectors own-2.npy --model own-2

  {"id":"hr/42","chunks":[{"text":"…","embedding":[0.1,0.2]}]}       (on one line)
  Texts are sent to be compared: a document that was written anew keeps what it has.)");
  const Options options = WithCollection(fill);
  fill->add_option(
          "FILE", options->path,
          "Lines of JSON as for ingest, all but ids, ordinals, texts and embeddings is left "
          "alone; - is standard input")
      ->required();
  fill->add_option("--model", options->model, "The model, as embedding begin named it")->required();
  fill->add_option("--vectors", options->vectors,
                   "The embeddings of the lines: one row (.npy, .fvecs) for each line that is not "
                   "empty")
      ->type_name("FILE");
  AddReason(fill, &options->reason);
  OnRun(fill, session, options, Fill);
}

void AddSwitch(CLI::App& embedding, Session& session) {
  CLI::App* const change = AddCommand(
      embedding, "switch", "Searches by the other model from now on, at once and for all",
      "  cordon embedding switch docs --model bge-m3 --reason CHG-7");
  const Options options = WithCollection(change);
  change->add_option("--model", options->model, "Which is to be searched; may be \"\"")->required();
  change->add_flag("--allow-missing", options->allow_missing,
                   "Also if its endpoint may not have some texts: their documents are then found "
                   "by words alone");
  AddReason(change, &options->reason);
  OnRun(change, session, options, Switch);
}

}  // namespace

void AddEmbeddingCommands(CLI::App& app, Session& session) {
  CLI::App* const embedding =
      AddCommand(app, "embedding", "Changes the model that a collection is embedded with",
                 R"(  cordon embedding begin docs --embedding-endpoint embed-new
  cordon embedding status docs --wait
  cordon embedding switch docs --model bge-m3
  cordon embedding drop docs --model bge-base)");
  embedding->require_subcommand(1);
  AddBegin(*embedding, session);
  AddFill(*embedding, session);
  CLI::App* const status =
      AddCommand(*embedding, "status", "Tells what is searched and how far the other model is",
                 "  cordon embedding status docs\n  cordon embedding status docs --wait --json");
  const Options asked = WithCollection(status);
  status->add_flag("--wait", asked->wait,
                   "Waits until all is embedded; 1 if something is left out then");
  OnRun(status, session, asked, TellProgress);
  AddSwitch(*embedding, session);
  CLI::App* const drop = AddCommand(*embedding, "drop", "Drops the model that is not searched",
                                    "  cordon embedding drop docs --model bge-base");
  const Options dropped = WithCollection(drop);
  drop->add_option("--model", dropped->model, "Its name; may be \"\"")->required();
  AddReason(drop, &dropped->reason);
  OnRun(drop, session, dropped, Drop);
}

}  // namespace cordon
