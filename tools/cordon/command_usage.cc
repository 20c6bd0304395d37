// key usage: what keys have used of their quotas, and what destinations received.
#include <fmt/format.h>

#include "cordon/v1/admin.grpc.pb.h"
#include "tools/cordon/command.h"
#include "tools/cordon/human.h"
#include "tools/cordon/message_json.h"

namespace cordon {
namespace {

struct UsageOptions {
  std::string key_id;
};

// "12 of 100", or "12" where there is no bound.
std::string Of(uint64_t used, bool bounded, uint64_t bound) {
  return bounded ? fmt::format("{} of {}", Grouped(used), Grouped(bound)) : Grouped(used);
}

std::string UsageText(const v1::UsageResponse& response) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::Used& key : response.keys()) {
    const v1::Quota& quota = key.quota();
    rows.push_back(
        {key.name(), Of(key.passages(), quota.has_passages_per_day(), quota.passages_per_day()),
         Of(key.tokens(), quota.has_tokens_per_day(), quota.tokens_per_day()),
         Of(key.requests(), quota.has_requests_per_minute(), quota.requests_per_minute())});
  }
  std::string text =
      Table({"KEY", "PASSAGES ON " + response.day(), "TOKENS", "CALLS IN THIS MINUTE"}, rows);
  rows.clear();
  for (const v1::Used& destination : response.destinations()) {
    rows.push_back({Printable(destination.name()), Grouped(destination.passages()),
                    Grouped(destination.tokens())});
  }
  return rows.empty() ? text : text + "\n\n" + Table({"DESTINATION", "PASSAGES", "TOKENS"}, rows);
}

void WriteUsed(JsonWriter& json, const v1::Used& used, bool key) {
  json.BeginObject().Key(key ? "key_id" : "destination").String(used.name());
  json.Key("passages").Unsigned(used.passages()).Key("tokens").Unsigned(used.tokens());
  if (key) {
    json.Key("requests").Unsigned(used.requests()).Key("quota");
    QuotaOrNull(json, used.has_quota(), used.quota());
  }
  json.EndObject();
}

StatusOr<int> Usage(const UsageOptions& options, Session& session) {
  v1::UsageRequest request;
  request.set_key_id(options.key_id);
  ASSIGN_OR_RETURN(Connection * connection, session.Connect());
  const auto stub = v1::Admin::NewStub(connection->channel());
  ASSIGN_OR_RETURN(const v1::UsageResponse response,
                   connection->Call<v1::UsageResponse>([&](auto* context, auto* answer) {
                     return stub->Usage(context, request, answer);
                   }));
  if (!session.output().json()) {
    session.output().Line(UsageText(response));
    return 0;
  }
  JsonWriter json;
  json.BeginObject().Key("day").String(response.day()).Key("keys").BeginArray();
  for (const v1::Used& key : response.keys()) WriteUsed(json, key, true);
  json.EndArray().Key("destinations").BeginArray();
  for (const v1::Used& destination : response.destinations()) WriteUsed(json, destination, false);
  json.EndArray().Key("journal_id").String(response.journal_id());
  session.output().Line(json.EndObject());
  return 0;
}

}  // namespace

void AddUsageCommand(CLI::App& key, Session& session) {
  CLI::App* const usage =
      AddCommand(key, "usage", "Tells what was used today of each key's quota, or of one key's",
                 "  cordon key usage\n  cordon key usage default.7f3a --json");
  const auto options = std::make_shared<UsageOptions>();
  usage->add_option("ID", options->key_id, "The key's id; else all that called today");
  OnRun(usage, session, options, Usage);
}

}  // namespace cordon
