#include "tools/cordon/connection.h"

#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <thread>

namespace cordon {
namespace {

// Connecting, or a ping's turn and its time, stay below the 10 s within which a vanished server
// must end a run. The server must allow pings this often (it counts closer ones as abuse).
constexpr int kConnectTimeout_ms = 5000;
constexpr int kPingEvery_ms = 2500;
constexpr int kPingTimeout_ms =
    5500;  // also TCP_USER_TIMEOUT, for writes that the peer never reads

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);           // 10,000 passages are one answer
  arguments.SetMaxSendMessageSize(-1);              // the server says what is too much
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // a key goes to the server named, nowhere else
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeout_ms);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kConnectTimeout_ms);
  arguments.SetInt(GRPC_ARG_DNS_ARES_QUERY_TIMEOUT_MS, kConnectTimeout_ms);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kPingEvery_ms);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingTimeout_ms);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // as many as it takes
  arguments.SetUserAgentPrefix("cordon/" CORDON_VERSION);
  return arguments;
}

}  // namespace

Connection::Connection(const std::string& server, std::string key)
    : server_(server),
      key_(std::move(key)),
      channel_(grpc::CreateCustomChannel("dns:///" + server, grpc::InsecureChannelCredentials(),
                                         Arguments())) {}

void Connection::Prepare(grpc::ClientContext* context, std::chrono::milliseconds timeout) const {
  if (!key_.empty()) context->AddMetadata("authorization", "Bearer " + key_);
  if (!user_token_.empty()) context->AddMetadata("cordon-user-token", user_token_);
  if (timeout.count() > 0) context->set_deadline(std::chrono::system_clock::now() + timeout);
}

RpcOutcome Connection::Outcome(const grpc::Status& status) const {
  RpcOutcome outcome = FromGrpc(status);
  if (outcome.status.code() == StatusCode::kUnavailable && status.error_details().empty()) {
    outcome.status = Status(StatusCode::kUnavailable, outcome.status.field(),
                            fmt::format("{} does not answer ({}); is cordond running there?",
                                        server_, outcome.status.message()));
  }
  return outcome;
}

Status Connection::Attempt(std::chrono::milliseconds timeout,
                           const std::function<grpc::Status(grpc::ClientContext*)>& call) const {
  RetryPolicy retry;
  while (true) {
    grpc::ClientContext context;
    Prepare(&context, timeout);
    const RpcOutcome outcome = Outcome(call(&context));
    const auto delay = retry.Next(outcome);
    if (!delay) return outcome.status;
    std::this_thread::sleep_for(*delay);
  }
}

}  // namespace cordon
