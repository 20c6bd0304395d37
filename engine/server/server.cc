#include "engine/server/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <limits>
#include <thread>

#include "engine/base/stand_back.h"
#include "engine/crypto/key_file.h"
#include "engine/server/find_keys.h"
#include "engine/server/metrics.h"
#include "engine/server/services.h"
#include "engine/server/tls_files.h"
#include "engine/text/byte_pairs.h"

namespace cordon {
namespace {

// Longer than any call waits (limits::kRevisionWait_ms); a client that does not read its answers
// must not keep the server beyond the 10 s after which supervisors kill it.
constexpr auto kDrain = std::chrono::seconds(7);

void SetLimits(const ConnectionTimes& times, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(static_cast<int>(limits::kIngestMessageBytes));
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(limits::kMetadataBytes));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits::kStreamsPerConnection);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              limits::kPingPause_ms);
  // Idle connections are asked, too, and their clients may ask.
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, times.ping_every_ms);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, times.ping_timeout_ms);
  // An old connection takes no new calls, and has all the time for those under way: a stream may
  // last for days, and each of its messages is authenticated. Idle ones have no other end than
  // their age: gRPC 1.51 drops those (MAX_CONNECTION_IDLE) under a call that is just coming.
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, times.age_ms);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                              std::numeric_limits<int>::max());
  // Without this a second server would share the port instead of failing.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  grpc::ResourceQuota quota("cordon");
  quota.Resize(limits::kTransportBytes);
  builder->SetResourceQuota(quota);
}

// The reflection library registers itself with every server of a process that links it, asked or
// not. In production strangers must not list what is served.
class NoPlugins : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->clear();
  }
};

int ThreadsOf(const Config& config) {
  if (config.threads > 0) return config.threads;
  return std::max(2, static_cast<int>(std::thread::hardware_concurrency()));
}

// The development key, made at the first start with --dev.
StatusOr<std::string> DevKey(const DataPaths& paths) {
  const std::string path = paths.DevDir() + "/admin.key";
  constexpr size_t kBytesMax = 512;
  auto stored = ReadSecretFile(path, kBytesMax);
  if (!stored.ok()) {
    if (stored.status().code() != StatusCode::kNotFound) return stored.status();
    std::error_code error;
    std::filesystem::create_directories(paths.DevDir(), error);
    ASSIGN_OR_RETURN(const NewKey key, MakeDevKey(kFirstTenant));
    RETURN_IF_ERROR(WriteSecretFile(path, key.bearer + "\n"));
    return key.bearer;
  }
  stored->erase(stored->find_last_not_of(" \r\n\t") + 1);
  if (!ParseKey(*stored)) {
    return Status(StatusCode::kFailedPrecondition, "data_dir",
                  path + " holds no key; delete it and start again");
  }
  return *stored;
}

StatusOr<Engine::Options> OptionsOf(const Config& config) {
  Engine::Options options{config.paths, config.journal, config.accept_loss_to};
  options.backup_dir = config.backup_dir;
  if (!config.token_vocabulary.empty()) {
    ASSIGN_OR_RETURN(options.tokens, BytePairs::Read(config.token_vocabulary));
  }
  if (!config.endpoints.empty()) options.endpoints = std::make_shared<Endpoints>(config.endpoints);
  return options;
}

}  // namespace

struct Server::Parts {
  std::unique_ptr<Engine> engine;
  std::unique_ptr<TokenVerifier> tokens;
  std::unique_ptr<Authenticator> authenticator;
  std::unique_ptr<CertificateAuthenticator> certificates;
  std::unique_ptr<TlsFiles> tls;  // null: plain text
  std::unique_ptr<Executor> executor;
  std::unique_ptr<Executor> bulk;
  std::unique_ptr<Executor> backups;
  Front front;
  std::unique_ptr<RetrievalService> retrieval;
  std::unique_ptr<IngestService> ingest;
  std::unique_ptr<DirectoryService> directory;
  std::unique_ptr<PolicyService> policy;
  std::unique_ptr<AdminService> admin;
  std::unique_ptr<Metrics> metrics;  // null: none
  std::string metrics_address;
  std::unique_ptr<grpc::Server> server;
  std::string address;

  Status AcceptTokens(const Config& config);
  void JoinFront(const Config& config);
  Status ExposeMetrics(const Config& config);
  Status Listen(const Config& config);
};

Status Server::Parts::AcceptTokens(const Config& config) {
  if (config.issuers.empty()) return OkStatus();
  // A token that waits for keys holds a thread: half of them at most.
  ASSIGN_OR_RETURN(tokens, TokenVerifier::Open(config.issuers, ThreadsOf(config) / 2));
  authenticator->AcceptTokens(
      {tokens.get(), [this] { return engine->clock()->Now(); },
       [this](std::string_view tenant) { return engine->FindTenant(tenant) != nullptr; }});
  return OkStatus();
}

void Server::Parts::JoinFront(const Config& config) {
  front.engine = engine.get();
  front.authenticator = authenticator.get();
  front.certificates = certificates.get();
  front.executor = executor.get();
  front.bulk = bulk.get();
  front.stream_cap = std::chrono::milliseconds(config.stream_cap_ms);
  front.backups = backups.get();
}

Status Server::Parts::ExposeMetrics(const Config& config) {
  if (config.metrics_listen.empty()) return OkStatus();
  ASSIGN_OR_RETURN(metrics, Metrics::Start(config.metrics_listen, engine.get(), &front));
  metrics_address = metrics->address();
  return OkStatus();
}

Status Server::Parts::Listen(const Config& config) {
  grpc::EnableDefaultHealthCheckService(true);
  if (config.dev) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  if (!config.dev) builder.SetOption(std::make_unique<NoPlugins>());
  SetLimits(config.connections, &builder);
  int port = 0;
  builder.AddListeningPort(config.listen,
                           tls ? tls->Credentials() : grpc::InsecureServerCredentials(), &port);
  retrieval = std::make_unique<RetrievalService>(&front);
  ingest = std::make_unique<IngestService>(&front);
  directory = std::make_unique<DirectoryService>(&front);
  policy = std::make_unique<PolicyService>(&front);
  admin = std::make_unique<AdminService>(&front);
  for (grpc::Service* service : std::initializer_list<grpc::Service*>{
           retrieval.get(), ingest.get(), directory.get(), policy.get(), admin.get()}) {
    builder.RegisterService(service);
  }
  server = builder.BuildAndStart();
  if (!server || port == 0) {
    return Status(StatusCode::kFailedPrecondition, "listen",
                  "cannot listen on " + config.listen +
                      "; is the port in use? Choose another, or port 0 for any");
  }
  address = config.listen.substr(0, config.listen.rfind(':') + 1) + std::to_string(port);
  return OkStatus();
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() { Stop(); }

StatusOr<std::unique_ptr<Server>> Server::Start(const Config& config) {
  RETURN_IF_ERROR(CheckListen(config));
  auto parts = std::make_unique<Parts>();
  if (!config.tls.certificate.empty()) {
    ASSIGN_OR_RETURN(parts->tls, TlsFiles::Open(config.tls));
  }
  if (config.dev && !HoldsStore(config.paths)) {
    RETURN_IF_ERROR(InitStore(config.paths, /*dev=*/true));
  }
  ASSIGN_OR_RETURN(Engine::Options options, OptionsOf(config));
  ASSIGN_OR_RETURN(parts->engine, Engine::Open(std::move(options)));
  std::optional<std::string> dev_key;
  if (config.dev) {
    ASSIGN_OR_RETURN(dev_key, DevKey(config.paths));
  }
  Engine* const engine = parts->engine.get();
  parts->authenticator = std::make_unique<Authenticator>(
      [engine](auto tenant, auto id) { return FindKey(*engine, tenant, id); }, std::move(dev_key));
  parts->certificates = std::make_unique<CertificateAuthenticator>(
      [engine](auto identity) { return FindCertificate(*engine, identity); }, config.dev);
  RETURN_IF_ERROR(parts->AcceptTokens(config));
  const auto queue = static_cast<size_t>(config.queue);
  parts->executor = std::make_unique<Executor>(ThreadsOf(config), queue);
  parts->bulk =
      std::make_unique<Executor>(ThreadsOf(config), queue, [] { StandBack(Behind::kReaders); });
  for (const EndpointConfig& endpoint : config.endpoints) {
    parts->front.outside[endpoint.name] = std::make_unique<EndpointCalls>(endpoint.concurrency);
  }
  parts->backups = std::make_unique<Executor>(/*threads=*/1, limits::kBackupQueue);
  parts->JoinFront(config);
  RETURN_IF_ERROR(parts->ExposeMetrics(config));
  RETURN_IF_ERROR(parts->Listen(config));
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

const std::string& Server::address() const { return parts_->address; }

const std::string& Server::metrics_address() const { return parts_->metrics_address; }

void Server::Stop() {
  if (!parts_ || !parts_->server) return;
  parts_->server->GetHealthCheckService()->SetServingStatus(false);
  parts_->front.streams.EndAll();
  parts_->engine->StopBackups();
  parts_->metrics.reset();  // waits for no client
  parts_->server->Shutdown(std::chrono::system_clock::now() + kDrain);
  parts_->server->Wait();
  while (!parts_->front.waiting.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  parts_->server.reset();
  parts_->front.outside.clear();
  parts_->backups.reset();
  parts_->executor.reset();  // runs what is queued: its calls are cancelled, but end by themselves
  parts_->bulk.reset();
  const uint64_t refused = parts_->front.unauthenticated.load();
  if (refused > 0) spdlog::info("{} calls were not authenticated", refused);
  parts_->engine.reset();
}

Status InitStore(const DataPaths& paths, bool dev) {
  ASSIGN_OR_RETURN(const NewKey key, MakeKey(kFirstTenant));
  return CreateStore(paths, {key.id, key.bearer, key.digest}, dev);
}

}  // namespace cordon
