// retrieve: the passages that a user is entitled to.
#include "cordon/v1/retrieval.grpc.pb.h"
#include "tools/cordon/command.h"
#include "tools/cordon/context_options.h"
#include "tools/cordon/filter_json.h"
#include "tools/cordon/gzip.h"
#include "tools/cordon/human.h"
#include "tools/cordon/message_json.h"
#include "tools/cordon/npy.h"
#include "tools/cordon/query_json.h"
#include "tools/cordon/query_run.h"

namespace cordon {
namespace {

constexpr size_t kVectorBytesMax = 1 << 20;      // 4,096 doubles and a header
constexpr size_t kQueryLineBytesMax = 16 << 20;  // far beyond 4,096 numbers and 64 KiB of text

struct RetrieveOptions {
  std::string collection;
  std::string as;
  std::string text;
  std::string vector_file;
  std::string queries_file;
  int64_t k = 10;
  std::string mode = "fast";
  std::string rank = "vector";
  std::string destination;
  std::string purpose;
  std::string break_glass;
  uint64_t at_least_revision = 0;
  std::string filter;
  std::string fusion;
  std::optional<double> min_score;
  bool no_text = false;
  double recall = 0;
  bool explain = false;
  bool stream = false;
  ContextFlags context;
  const CLI::App* command = nullptr;
};

// The question of the command line; of a file of questions what they do not say themselves.
StatusOr<v1::RetrieveRequest> Request(const RetrieveOptions& options) {
  v1::RetrieveRequest request;
  RETURN_IF_ERROR(CheckAllStated(*options.command));
  request.set_collection(options.collection);
  request.mutable_scope()->set_as(options.as);
  request.mutable_scope()->set_destination(options.destination);
  request.mutable_scope()->set_purpose(options.purpose);
  request.mutable_scope()->set_break_glass(options.break_glass);
  request.mutable_scope()->set_at_least_revision(options.at_least_revision);
  request.set_text(options.text);
  request.set_omit_text(options.no_text);
  request.set_recall_target(options.recall);
  request.set_explain(options.explain);
  const auto k = CheckK(options.k);
  if (!k.ok()) return k.status().Within("k");
  request.set_k(*k);
  ASSIGN_OR_RETURN(const v1::Mode mode, ParseMode(options.mode));
  request.set_mode(mode);
  ASSIGN_OR_RETURN(const v1::Rank rank, ParseRank(options.rank));
  request.set_rank(rank);
  if (!options.filter.empty()) {
    RETURN_IF_ERROR(ParseFilterOption(options.filter, request.mutable_filter()));
  }
  if (!options.fusion.empty()) {
    RETURN_IF_ERROR(ParseFusionOption(options.fusion, request.mutable_fusion()));
  }
  if (options.min_score) request.set_min_score(*options.min_score);
  RETURN_IF_ERROR(SetContext(options.context, &request));
  if (options.vector_file.empty()) return request;

  const auto bytes = ReadFileUnpacked(options.vector_file, kVectorBytesMax);
  if (!bytes.ok()) return Invalid("vector", bytes.status().message());
  const auto vector = ParseNpy(*bytes);
  if (!vector.ok()) return vector.status().Within("vector");
  request.mutable_vector()->Add(vector->begin(), vector->end());
  return request;
}

StatusOr<int> RetrieveOne(const v1::RetrieveRequest& request, const Connection& connection,
                          Output& output) {
  const auto stub = v1::Retrieval::NewStub(connection.channel());
  ASSIGN_OR_RETURN(const v1::RetrieveResponse response,
                   connection.Call<v1::RetrieveResponse>([&](auto* context, auto* answer) {
                     return stub->Retrieve(context, request, answer);
                   }));
  TellAnswer(output, std::nullopt, response, OkStatus());
  return 0;
}

// Tells each message as it comes.
StatusOr<int> RetrieveParts(const v1::RetrieveRequest& query, const Connection& connection,
                            Output& output) {
  v1::RetrieveStreamRequest request;
  *request.mutable_query() = query;
  grpc::ClientContext context;
  connection.Prepare(&context, kCallTimeout);
  const auto reader =
      v1::Retrieval::NewStub(connection.channel())->RetrieveStream(&context, request);
  v1::RetrieveStreamResponse part;
  for (int passages = 0; reader->Read(&part); passages += part.passages_size()) {
    if (output.json()) {
      JsonWriter json;
      WritePart(json, part);
      output.Line(json);
    } else {
      output.Line(PartText(part, passages + 1));
    }
  }
  const RpcOutcome outcome = connection.Outcome(reader->Finish());
  if (!outcome.status.ok()) return outcome.status;
  return 0;
}

StatusOr<int> Retrieve(const RetrieveOptions& options, Session& session) {
  ASSIGN_OR_RETURN(const v1::RetrieveRequest request, Request(options));
  if (options.queries_file.empty()) {
    ASSIGN_OR_RETURN(Connection * connection, session.Connect());
    return (options.stream ? RetrieveParts : RetrieveOne)(request, *connection, session.output());
  }
  ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(options.queries_file, kQueryLineBytesMax));
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  return QueryRun(*connection, session.output(), request).Run(reader);
}

void AddQuestion(CLI::App* retrieve, RetrieveOptions& options) {
  retrieve->add_option("NAME", options.collection, "The collection")->required();
  CLI::Option* const text = retrieve->add_option("--text", options.text, "The question");
  CLI::Option* const vector =
      retrieve->add_option("--vector", options.vector_file,
                           "The question's embedding: .npy, f2, f4 or f8, shape (d,) or (1,d)");
  CLI::Option* const queries = retrieve->add_option(
      "--queries", options.queries_file,
      R"(Questions, one a line: {"id","as","vector","text","k","mode","rank","destination",)"
      R"("filter","min_score","fusion","context"}; the )"
      "options are their defaults; - is standard input");
  queries->excludes(text)->excludes(vector);
}

void AddRefinements(CLI::App* retrieve, RetrieveOptions& options) {
  retrieve->add_option("--as", options.as,
                       "The user asked for, such as user:ana; else the key's own principal");
  retrieve->add_option("--k", options.k, "How many passages, 1 to 10000")->capture_default_str();
  retrieve->add_option("--mode", options.mode, "How to search")
      ->check(CLI::IsMember({"fast", "exact"}))
      ->type_name("fast|exact")
      ->capture_default_str();
  retrieve->add_option("--recall", options.recall,
                       "The part of the true best k that mode fast shall find, 0.5 to 0.999; "
                       "else 0.95");
  retrieve->add_flag("--explain", options.explain,
                     "Also says how the answer was found; needs the right audit");
  retrieve->add_option("--rank", options.rank, "What orders the passages")
      ->check(CLI::IsMember({"vector", "lexical", "hybrid"}))
      ->type_name("vector|lexical|hybrid")
      ->capture_default_str();
  retrieve->add_option("--destination", options.destination,
                       "Where the context goes; else the key's first");
  retrieve->add_option("--filter", options.filter,
                       R"(Which documents, by their attributes: {"attr":…,"eq"|"in"|"gt"|"gte"|)"
                       R"("lt"|"lte"|"prefix"|"exists":…}, {"and":[…]}, {"or":[…]}, {"not":…})");
  retrieve->add_option("--min-score", options.min_score, "Leaves out passages with a lower score");
  retrieve->add_option("--fusion", options.fusion,
                       R"(Of a hybrid answer: {"method":"relative"|"weighted"|"rrf",)"
                       R"("weights":{"vector":1,"lexical":1},"depth":100})");
  retrieve->add_flag("--no-text", options.no_text, "Leaves the passages' text out");
  retrieve->add_option("--break-glass", options.break_glass,
                       "An access that this key opened for the user: cordon break-glass open");
  retrieve->add_option("--purpose", options.purpose, "Why; recorded in the journal");
  retrieve->add_option("--at-least-revision", options.at_least_revision,
                       "Waits until this revision is visible");
  AddContextFlags(retrieve, options.context);
  retrieve
      ->add_flag("--stream", options.stream, "Tells passages as they come, and the context last")
      ->excludes("--queries");
}

}  // namespace

void AddRetrieveCommand(CLI::App& app, Session& session) {
  CLI::App* const retrieve =
      AddCommand(app, "retrieve", "Finds the passages that a user is entitled to",
                 R"(  cordon retrieve docs --as user:ana --text "parental leave" --destination chat
  cordon retrieve docs --as user:ana --vector question.npy --k 5 --mode exact
  cordon retrieve docs --as user:ana --rank hybrid --text "parental leave" \
      --filter '{"and":[{"attr":"year","gte":2020},{"not":{"attr":"lang","in":["de","fr"]}}]}'
  cordon retrieve docs --as user:ana --rank lexical --text '"wal level" CVE-2024-3094'
  cordon retrieve docs --queries questions.jsonl --json
  cordon retrieve docs --as user:ana --text "parental leave" --duplicates near --neighbours 1 \
    --token-budget 4000 --token-reserve 500 --block

  {"id":"q1","as":"user:ana","vector":[0.1,0.2],"k":10,"mode":"exact","rank":"vector"})");
  const auto options = std::make_shared<RetrieveOptions>();
  options->command = retrieve;
  AddQuestion(retrieve, *options);
  AddRefinements(retrieve, *options);
  retrieve->callback([options, &session] {
    if (options->text.empty() && options->vector_file.empty() && options->queries_file.empty()) {
      throw CLI::RequiredError("one of --text, --vector, --queries");
    }
    session.run = [options, &session] { return Retrieve(*options, session); };
  });
}

}  // namespace cordon
