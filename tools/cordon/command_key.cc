// key create | list | rotate | revoke, tenant create. (key usage: command_usage.cc.)
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/util/time_util.h>

#include <charconv>
#include <optional>

#include "cordon/v1/admin.grpc.pb.h"
#include "engine/base/clock.h"
#include "engine/base/limits.h"
#include "tools/cordon/access_json.h"
#include "tools/cordon/command.h"
#include "tools/cordon/human.h"
#include "tools/cordon/message_json.h"
#include "tools/cordon/secret_file.h"

namespace cordon {
namespace {

using google::protobuf::util::TimeUtil;

struct CreateKeyOptions {
  std::string principal;
  std::vector<std::string> rights;
  std::vector<std::string> as_patterns;
  std::string clearance;
  std::vector<std::string> collections;
  std::string id_prefix;
  std::vector<std::string> destinations;
  std::string expires;
  std::string certificate;
  std::string quota;
  std::string out;
  std::string reason;
};

struct RotateOptions {
  std::string id;
  std::string overlap = "0";
  std::string out;
  std::string reason;
};

struct TenantOptions {
  std::string name;
  std::string out;
  std::string reason;
};

struct RevokeOptions {
  std::string id;
  std::string reason;
};

StatusOr<v1::KeyGrant> GrantOf(const CreateKeyOptions& options) {
  v1::KeyGrant grant;
  grant.set_principal(options.principal);
  RETURN_IF_ERROR(AddRights(options.rights, &grant));
  for (const std::string& pattern : options.as_patterns) grant.add_as_patterns(pattern);
  for (const std::string& name : options.collections) grant.add_collections(name);
  for (const std::string& name : options.destinations) grant.add_destinations(name);
  grant.set_id_prefix(options.id_prefix);
  grant.set_certificate(options.certificate);
  if (!options.expires.empty()) {
    const auto time = ParseTime(options.expires);
    if (!time.ok()) return time.status().Within("expires");
    *grant.mutable_expires() = TimeUtil::MicrosecondsToTimestamp(*time);
  }
  if (!options.quota.empty()) {
    ASSIGN_OR_RETURN(*grant.mutable_quota(), ParseQuotaOption("quota", options.quota));
  }
  if (options.clearance.empty()) {
    grant.mutable_clearance()->set_symbol(v1::Clearance::SYMBOL_LOWEST);
  } else {
    ASSIGN_OR_RETURN(*grant.mutable_clearance(),
                     ParseClearanceOption("clearance", options.clearance));
  }
  return grant;
}

// Puts a fresh key where it was asked for: into `file`, or else on stdout, this once.
template <typename Response>
Status Deliver(const Response& response, std::optional<NewSecretFile>& file, Output& output) {
  JsonWriter json;
  json.BeginObject().Key("id").String(response.id());
  if (file) {
    // A key that could not be kept is lost; its id is what revokes it.
    if (Status status = file->Write(response.key()); !status.ok()) {
      return Status(status.code(), status.field(),
                    fmt::format("{}; the key is lost, revoke {}", status.message(), response.id()));
    }
    if (!output.json()) {
      output.Line(fmt::format("key {}, revision {}", response.id(), response.revision()));
      return OkStatus();
    }
  } else if (!response.key().empty()) {  // empty where a certificate takes its place
    json.Key("key").String(response.key());
  }
  json.Key("revision").Unsigned(response.revision());
  output.Line(json.EndObject());
  return OkStatus();
}

// The file of --out, created before the key is.
StatusOr<std::optional<NewSecretFile>> OutFile(const std::string& path) {
  std::optional<NewSecretFile> file;
  if (path.empty()) return file;
  ASSIGN_OR_RETURN(NewSecretFile created, NewSecretFile::Create(path));
  file.emplace(std::move(created));
  return file;
}

StatusOr<int> CreateKey(const CreateKeyOptions& options, Session& session) {
  v1::CreateKeyRequest request;
  if (!options.certificate.empty() && !options.out.empty()) {
    return Invalid("out", "a certificate takes the place of a secret; there is nothing to write");
  }
  ASSIGN_OR_RETURN(*request.mutable_grant(), GrantOf(options));
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  ASSIGN_OR_RETURN(std::optional<NewSecretFile> file, OutFile(options.out));
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::CreateKeyResponse response,
                   connection->Call<v1::CreateKeyResponse>([&](auto* context, auto* answer) {
                     return stub->CreateKey(context, request, answer);
                   }));
  RETURN_IF_ERROR(Deliver(response, file, session.output()));
  return 0;
}

StatusOr<int> CreateTenant(const TenantOptions& options, Session& session) {
  v1::CreateTenantRequest request;
  request.set_name(options.name);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  ASSIGN_OR_RETURN(std::optional<NewSecretFile> file, OutFile(options.out));
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::CreateTenantResponse response,
                   connection->Call<v1::CreateTenantResponse>([&](auto* context, auto* answer) {
                     return stub->CreateTenant(context, request, answer);
                   }));
  RETURN_IF_ERROR(Deliver(response, file, session.output()));
  return 0;
}

// "90s", "30m", "24h" or "7d" in seconds; a bare 0 too.
StatusOr<uint32_t> ParseOverlap(const std::string& text) {
  uint32_t number = 0;
  const auto [unit, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view rest(unit, static_cast<size_t>(text.data() + text.size() - unit));
  uint64_t scale = rest.empty() && number == 0 ? 1 : 0;
  if (rest == "s") scale = 1;
  if (rest == "m") scale = 60;
  if (rest == "h") scale = 3600;
  if (rest == "d") scale = 86400;
  const uint64_t seconds = number * scale;
  if (error != std::errc() || scale == 0 || seconds > limits::kKeyOverlap_s) {
    return Invalid("overlap", fmt::format("\"{}\" is no time of at most 30 days, such as 90s, 30m, "
                                          "24h or 7d",
                                          text));
  }
  return static_cast<uint32_t>(seconds);
}

StatusOr<int> RotateKey(const RotateOptions& options, Session& session) {
  v1::RotateKeyRequest request;
  request.set_id(options.id);
  ASSIGN_OR_RETURN(const uint32_t overlap_s, ParseOverlap(options.overlap));
  request.set_overlap_s(overlap_s);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  ASSIGN_OR_RETURN(std::optional<NewSecretFile> file, OutFile(options.out));
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::RotateKeyResponse response,
                   connection->Call<v1::RotateKeyResponse>([&](auto* context, auto* answer) {
                     return stub->RotateKey(context, request, answer);
                   }));
  RETURN_IF_ERROR(Deliver(response, file, session.output()));
  return 0;
}

std::string KeysText(const v1::ListKeysResponse& response) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::KeyInfo& key : response.keys()) {
    const v1::KeyGrant& grant = key.grant();
    std::vector<std::string_view> rights;
    for (const int right : grant.rights()) rights.push_back(RightName(v1::Right(right)));
    rows.push_back({key.id(), Printable(grant.principal()),
                    fmt::format("{}", fmt::join(rights, ",")), Listed(grant.as_patterns()),
                    ClearanceText(grant.clearance()), Listed(grant.collections()),
                    Listed(grant.destinations()), TimeText(key.created()),
                    grant.has_expires() ? TimeText(grant.expires()) : "never",
                    grant.certificate().empty() ? "secret" : Printable(grant.certificate())});
  }
  return Table({"ID", "PRINCIPAL", "RIGHTS", "ACTS FOR", "CLEARANCE", "COLLECTIONS", "DESTINATIONS",
                "CREATED", "EXPIRES", "KNOWN BY"},
               rows);
}

StatusOr<int> ListKeys(const NoOptions&, Session& session) {
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::ListKeysResponse response,
                   connection->Call<v1::ListKeysResponse>([&](auto* context, auto* answer) {
                     return stub->ListKeys(context, v1::ListKeysRequest(), answer);
                   }));
  if (!session.output().json()) {
    session.output().Line(KeysText(response));
    return 0;
  }
  JsonWriter json;
  json.BeginObject().Key("keys").BeginArray();
  for (const v1::KeyInfo& key : response.keys()) WriteKey(json, key);
  json.EndArray().Key("revision").Unsigned(response.revision()).EndObject();
  session.output().Line(json);
  return 0;
}

StatusOr<int> RevokeKey(const RevokeOptions& options, Session& session) {
  v1::RevokeKeyRequest request;
  request.set_id(options.id);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::RevokeKeyResponse response,
                   connection->Call<v1::RevokeKeyResponse>([&](auto* context, auto* answer) {
                     return stub->RevokeKey(context, request, answer);
                   }));
  return TellRevision(session.output(), response.revision());
}

void AddCreateKey(CLI::App& key, Session& session) {
  CLI::App* const create = AddCommand(
      key, "create", "Creates a key; without --out it is printed, this once",
      R"(  cordon key create --principal service:chat --rights query,act-as --as-pattern 'user:*' \
      --clearance '{"level":"confidential","compartments":["people"]}' \
      --collections docs --destinations chat-internal,chat-public --out chat.key
  cordon key create --principal service:loader --rights ingest,grant,label --clearance all \
      --collections '*' --id-prefix hr/ --expires 2027-01-01T00:00:00Z
  cordon key create --principal service:app --rights query --collections docs \
      --certificate spiffe://corp.example/app
  cordon key create --principal service:trial --rights query --collections docs \
      --destinations chat --quota '{"passages_per_day":1000,"requests_per_minute":60}')");
  const auto options = std::make_shared<CreateKeyOptions>();
  create->add_option("--principal", options->principal, "Who uses it, such as service:chat")
      ->required();
  create
      ->add_option("--rights", options->rights,
                   "What for: query, ingest, label, grant, audit, erase, export, act-as, "
                   "break-glass, admin")
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false);
  create
      ->add_option("--as-pattern", options->as_patterns,
                   "Whom it may act for: a name, or one with a * at its end; may be repeated")
      ->allow_extra_args(false);
  create->add_option(
      "--clearance", options->clearance,
      R"(Its ceiling: all, or {"level":…,"compartments":[…]}; else the lowest level)");
  create
      ->add_option("--collections", options->collections, "Its collections; '*' is all, else none")
      ->delimiter(',')
      ->allow_extra_args(false);
  create->add_option("--id-prefix", options->id_prefix, "Writes only ids that begin so");
  create
      ->add_option("--destinations", options->destinations,
                   "The destinations it may name, its default first; '*' is all, else none")
      ->delimiter(',')
      ->allow_extra_args(false);
  create->add_option("--expires", options->expires,
                     "From when on it is refused, such as 2027-01-01T00:00:00Z; else never");
  create->add_option("--certificate", options->certificate,
                     "The name in a client certificate that takes the place of a secret: "
                     "spiffe://DOMAIN/PATH, uri:URI or dns:HOST");
  create->add_option("--quota", options->quota,
                     R"(How much it may use: {"passages_per_day":…,"tokens_per_day":…,)"
                     R"("requests_per_minute":…}; what is left out has no bound)");
  create->add_option("--out", options->out, "New file for the key, readable by you only")
      ->type_name("FILE");
  AddReason(create, &options->reason);
  OnRun(create, session, options, CreateKey);
}

}  // namespace

void AddKeyCommands(CLI::App& app, Session& session) {
  CLI::App* const key =
      AddCommand(app, "key", "Creates, lists, rotates, meters and revokes API keys",
                 "  cordon key list\n  cordon key create --help");
  key->require_subcommand(1);
  AddCreateKey(*key, session);
  CLI::App* const list =
      AddCommand(*key, "list", "Lists the keys, without their secrets", "  cordon key list --json");
  OnRun(list, session, std::make_shared<NoOptions>(), ListKeys);

  AddUsageCommand(*key, session);

  CLI::App* const rotate =
      AddCommand(*key, "rotate", "Gives a key a new secret; without --out it is printed, this once",
                 "  cordon key rotate default.7f3a --overlap 24h --out chat.key");
  const auto rotate_options = std::make_shared<RotateOptions>();
  rotate->add_option("ID", rotate_options->id, "The key's id, which stays")->required();
  rotate->add_option("--overlap", rotate_options->overlap,
                     "For how long the secret before is accepted as well: 90s, 30m, 24h, 7d; at "
                     "most 30 days, else not at all");
  rotate->add_option("--out", rotate_options->out, "New file for the key, readable by you only")
      ->type_name("FILE");
  AddReason(rotate, &rotate_options->reason);
  OnRun(rotate, session, rotate_options, RotateKey);

  CLI::App* const revoke =
      AddCommand(*key, "revoke", "Revokes a key, at once", "  cordon key revoke k7f3a");
  const auto revoke_options = std::make_shared<RevokeOptions>();
  revoke->add_option("ID", revoke_options->id, "The key's id")->required();
  AddReason(revoke, &revoke_options->reason);
  OnRun(revoke, session, revoke_options, RevokeKey);

  CLI::App* const tenant = AddCommand(app, "tenant", "Creates tenants",
                                      "  cordon tenant create acme --out acme-admin.key");
  tenant->require_subcommand(1);
  CLI::App* const create = AddCommand(
      *tenant, "create", "Creates a tenant and its first admin key (the first tenant's admin only)",
      "  cordon tenant create acme --out acme-admin.key");
  const auto tenant_options = std::make_shared<TenantOptions>();
  create->add_option("NAME", tenant_options->name, "The tenant's name")->required();
  create->add_option("--out", tenant_options->out, "New file for the key, readable by you only")
      ->type_name("FILE");
  AddReason(create, &tenant_options->reason);
  OnRun(create, session, tenant_options, CreateTenant);
}

}  // namespace cordon
