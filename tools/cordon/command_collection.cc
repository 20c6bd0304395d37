// collection create | list | delete.
#include <fmt/format.h>

#include <limits>
#include <optional>

#include "cordon/v1/admin.grpc.pb.h"
#include "tools/cordon/access_json.h"
#include "tools/cordon/command.h"
#include "tools/cordon/gzip.h"
#include "tools/cordon/human.h"
#include "tools/cordon/message_json.h"

namespace cordon {
namespace {

constexpr size_t kAttributesBytesMax = 1 << 20;  // 64 attributes

struct CreateOptions {
  std::string name;
  int64_t dimension = 0;
  std::string metric;
  std::string embedder = "none";
  std::string endpoint;
  std::string model;
  std::string default_label;
  std::string default_acl;
  std::string attributes_file;
  std::string language;
  std::optional<double> k1;
  std::optional<double> b;
  std::string reason;
  bool pin_geometry = false;
  std::optional<uint64_t> erase_after_s;
};

struct NameOptions {
  std::string name;
  std::string reason;
};

v1::Metric MetricByName(std::string_view name) {
  if (name == "cosine") return v1::METRIC_COSINE;
  return name == "ip" ? v1::METRIC_INNER_PRODUCT : v1::METRIC_L2;
}

v1::Embedder EmbedderByName(std::string_view name) {
  if (name == "builtin") return v1::EMBEDDER_BUILTIN;
  return name == "http" ? v1::EMBEDDER_HTTP : v1::EMBEDDER_NONE;
}

Status ReadAttributesFile(const std::string& path, v1::CollectionConfig* config) {
  const auto text = ReadFileUnpacked(path, kAttributesBytesMax);
  if (!text.ok()) return Invalid("attributes", text.status().message());
  JsonParser parser;
  const auto value = parser.Parse(*text);
  if (!value.ok()) return value.status().Within("attributes");
  return ReadAttributeSpecs(*value, config->mutable_attributes()).Within("attributes");
}

StatusOr<v1::CollectionConfig> Config(const CreateOptions& options) {
  v1::CollectionConfig config;
  config.set_name(options.name);
  if (options.dimension < 1 || options.dimension > std::numeric_limits<uint32_t>::max()) {
    return Invalid("dim", "must be an integer, 1 to 4096");
  }
  config.set_dimension(static_cast<uint32_t>(options.dimension));
  config.set_metric(MetricByName(options.metric));
  config.set_embedder(EmbedderByName(options.embedder));
  config.set_embedding_endpoint(options.endpoint);
  config.set_model(options.model);
  config.set_language(options.language);
  if (options.k1) config.mutable_bm25()->set_k1(*options.k1);
  if (options.b) config.mutable_bm25()->set_b(*options.b);
  config.set_pin_geometry(options.pin_geometry);
  if (!options.default_label.empty()) {
    ASSIGN_OR_RETURN(*config.mutable_default_label(),
                     ParseLabelOption("default-label", options.default_label));
  }
  if (!options.default_acl.empty()) {
    ASSIGN_OR_RETURN(*config.mutable_default_acl(),
                     ParseAclOption("default-acl", options.default_acl));
  }
  if (options.erase_after_s) config.set_erase_after_s(*options.erase_after_s);
  if (!options.attributes_file.empty()) {
    RETURN_IF_ERROR(ReadAttributesFile(options.attributes_file, &config));
  }
  return config;
}

StatusOr<int> Create(const CreateOptions& options, Session& session) {
  v1::CreateCollectionRequest request;
  ASSIGN_OR_RETURN(*request.mutable_config(), Config(options));
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::CreateCollectionResponse response,
                   connection->Call<v1::CreateCollectionResponse>([&](auto* context, auto* answer) {
                     return stub->CreateCollection(context, request, answer);
                   }));
  return TellRevision(session.output(), response.revision());
}

std::string CollectionsText(const v1::ListCollectionsResponse& response) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::CollectionConfig& config : response.collections()) {
    const v1::Bm25 bm25 = Bm25Of(config);
    rows.push_back(
        {Printable(config.name()), fmt::format("{}", config.dimension()),
         std::string(MetricName(config.metric())), std::string(EmbedderName(config.embedder())),
         Printable(config.model()),
         config.has_default_label() ? LabelText(config.default_label()) : "none",
         config.has_default_acl() ? "set" : "none", Printable(LanguageName(config)),
         fmt::format("{}, {}", bm25.k1(), bm25.b()),
         config.has_erase_after_s() ? fmt::format("{} s", config.erase_after_s()) : "never"});
  }
  return Table({"NAME", "DIM", "METRIC", "EMBEDDER", "MODEL", "DEFAULT LABEL", "DEFAULT ACL",
                "LANGUAGE", "BM25 K1, B", "ERASE AFTER"},
               rows);
}

StatusOr<int> List(const NoOptions&, Session& session) {
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::ListCollectionsResponse response,
                   connection->Call<v1::ListCollectionsResponse>([&](auto* context, auto* answer) {
                     return stub->ListCollections(context, v1::ListCollectionsRequest(), answer);
                   }));
  if (!session.output().json()) {
    session.output().Line(CollectionsText(response));
    return 0;
  }
  JsonWriter json;
  json.BeginObject().Key("collections").BeginArray();
  for (const v1::CollectionConfig& config : response.collections()) WriteCollection(json, config);
  json.EndArray().Key("revision").Unsigned(response.revision()).EndObject();
  session.output().Line(json);
  return 0;
}

StatusOr<int> Delete(const NameOptions& options, Session& session) {
  v1::DeleteCollectionRequest request;
  request.set_name(options.name);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::DeleteCollectionResponse response,
                   connection->Call<v1::DeleteCollectionResponse>([&](auto* context, auto* answer) {
                     return stub->DeleteCollection(context, request, answer);
                   }));
  return TellRevision(session.output(), response.revision());
}

void AddCreate(CLI::App& collection, Session& session) {
  CLI::App* const create =
      AddCommand(collection, "create", "Creates a collection: documents of one embedding space",
                 R"(  cordon collection create docs --dim 768 --metric cosine --model bge-base
  cordon collection create notes --dim 256 --metric cosine --embedder builtin \
      --default-label '{"level":"internal"}' --default-acl '{"allow":["everyone"]}'
  cordon collection create docs --dim 1536 --metric cosine --embedder http \
      --embedding-endpoint embed-eu)");
  const auto options = std::make_shared<CreateOptions>();
  create->add_option("NAME", options->name, "Its name")->required();
  create->add_option("--dim", options->dimension, "Numbers in an embedding, 1 to 4096")->required();
  create->add_option("--erase-after", options->erase_after_s,
                     "Erases documents so many seconds after their valid_until; else never");
  create->add_option("--metric", options->metric, "How near two embeddings are: cosine, ip or l2")
      ->required()
      ->check(CLI::IsMember({"cosine", "ip", "l2"}))
      ->type_name("cosine|ip|l2");
  create
      ->add_option("--embedder", options->embedder,
                   "What embeds text: none (bring vectors), builtin (for trying and testing) or "
                   "http (an endpoint of the server's)")
      ->check(CLI::IsMember({"builtin", "none", "http"}))
      ->type_name("builtin|none|http")
      ->capture_default_str();
  create->add_option(
      "--embedding-endpoint", options->endpoint,
      "With --embedder http: the endpoint, which is a destination of the policy too");
  create->add_option("--model", options->model,
                     "The model that made the vectors; with --embedder http the endpoint's own");
  create->add_option(
      "--default-label", options->default_label,
      R"(Label of documents without one: {"level":…,"compartments":[…],"tags":[…]})");
  create->add_option("--default-acl", options->default_acl,
                     R"(List of documents without one: {"allow":[…],"deny":[…],"inherit":[…]})");
  create->add_flag("--pin-geometry", options->pin_geometry,
                   "Trains the index once and never again");
  create->add_option("--attributes", options->attributes_file,
                     R"(JSON file: [{"name":…,"type":int|float|bool|string|time,"label":{…}}])");
  create->add_option("--language", options->language,
                     "Of its texts, for lexical ranking: en (the default), de, fr, …, or none");
  create->add_option("--k1", options->k1, "BM25: how soon repeated words count no more; else 1.2");
  create->add_option("--b", options->b, "BM25: how much long texts are held back; else 0.75");
  AddReason(create, &options->reason);
  OnRun(create, session, options, Create);
}

}  // namespace

void AddCollectionCommands(CLI::App& app, Session& session) {
  CLI::App* const collection =
      AddCommand(app, "collection", "Creates, lists and deletes collections",
                 "  cordon collection list\n  cordon collection create --help");
  collection->require_subcommand(1);
  AddCreate(*collection, session);
  CLI::App* const list =
      AddCommand(*collection, "list", "Lists the collections that the key may use",
                 "  cordon collection list --json");
  OnRun(list, session, std::make_shared<NoOptions>(), List);
  CLI::App* const remove =
      AddCommand(*collection, "delete", "Deletes a collection and all its documents",
                 "  cordon collection delete docs");
  const auto options = std::make_shared<NameOptions>();
  remove->add_option("NAME", options->name, "Its name")->required();
  AddReason(remove, &options->reason);
  OnRun(remove, session, options, Delete);
}

}  // namespace cordon
