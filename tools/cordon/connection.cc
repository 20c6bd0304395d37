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

std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const TlsIdentity& tls) {
  if (tls.ca.empty()) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials({tls.ca, tls.key, tls.certificate});
}

// What to look at when no connection came about, by what gRPC says of it.
std::string_view Advice(bool tls, std::string_view message) {
  const auto says = [&](std::string_view word) { return message.find(word) != message.npos; };
  if (tls && says("WRONG_VERSION_NUMBER")) return "does it speak TLS? leave --tls-ca out if not";
  if (tls && says("wrong version number")) return "does it speak TLS? leave --tls-ca out if not";
  if (tls && (says("certificate verify failed") || says("CERTIFICATE_VERIFY_FAILED"))) {
    return "its certificate is not from --tls-ca, or has ended";
  }
  if (tls && (says("is not in peer certificate") || says("Hostname Verification"))) {
    return "its certificate is for another name; use that name, or --tls-server-name NAME";
  }
  if (tls && (says("Handshake") || says("handshake") || says("Socket closed") || says("alert"))) {
    return "did it refuse the certificate of --tls-cert?";
  }
  if (!tls && (says("Socket closed") || says("reset by peer") || says("Broken pipe"))) {
    return "does it want TLS? give --tls-ca FILE";
  }
  return "is cordond running there?";
}

grpc::ChannelArguments Arguments(const TlsIdentity& tls) {
  grpc::ChannelArguments arguments;
  if (!tls.server_name.empty()) arguments.SetSslTargetNameOverride(tls.server_name);
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

Connection::Connection(const std::string& server, std::string key, const TlsIdentity& tls)
    : server_(server),
      key_(std::move(key)),
      tls_(!tls.ca.empty()),
      channel_(grpc::CreateCustomChannel("dns:///" + server, CredentialsOf(tls), Arguments(tls))) {}

void Connection::Prepare(grpc::ClientContext* context, std::chrono::milliseconds timeout) const {
  if (!key_.empty()) context->AddMetadata("authorization", "Bearer " + key_);
  if (!user_token_.empty()) context->AddMetadata("cordon-user-token", user_token_);
  if (timeout.count() > 0) context->set_deadline(std::chrono::system_clock::now() + timeout);
}

RpcOutcome Connection::Outcome(const grpc::Status& status) const {
  RpcOutcome outcome = FromGrpc(status);
  if (outcome.status.code() == StatusCode::kUnavailable && status.error_details().empty()) {
    outcome.status =
        Status(StatusCode::kUnavailable, outcome.status.field(),
               fmt::format("{} does not answer ({}); {}", server_, outcome.status.message(),
                           Advice(tls_, outcome.status.message())));
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
