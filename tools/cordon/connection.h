// The way to the server: one channel, the caller's key, and calls that wait out an overload.
//
// A server that is not there is told at once; one that stops answering within 10 s, by HTTP/2 pings
// (RFC 9113 §6.7) under every open call.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "engine/base/status.h"
#include "tools/cordon/rpc_status.h"

namespace cordon {

// How long a call may take. The server's own limit is shorter; this ends a server that forgot.
inline constexpr std::chrono::milliseconds kCallTimeout{90'000};
// The same for calls that read or replace a lot: a directory, a policy, a journal.
inline constexpr std::chrono::milliseconds kLongCallTimeout{600'000};

// What TLS needs, in PEM; without a CA the connection is plain text.
struct TlsIdentity {
  std::string ca;           // who signs the server's certificate
  std::string certificate;  // the client's own chain; may be empty
  std::string key;          // its private key
  std::string server_name;  // the name expected in the server's certificate; empty: its host
};

// Thread-safe.
class Connection {
 public:
  // `server` is HOST:PORT; `key` may be empty, then none is sent. Does not connect yet.
  Connection(const std::string& server, std::string key, const TlsIdentity& tls = {});

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // From now on every call carries the token of the user it is for; empty: none does.
  void ForwardUserToken(std::string token) { user_token_ = std::move(token); }

  // Puts the key, the user's token and, if positive, the deadline into a fresh `context`.
  void Prepare(grpc::ClientContext* context, std::chrono::milliseconds timeout) const;

  // What a finished call came to, with the server named where it could not be reached.
  RpcOutcome Outcome(const grpc::Status& status) const;

  // Makes a unary call, again while the server is overloaded: `call` gets a prepared context and a
  // fresh response.
  template <typename Response>
  StatusOr<Response> Call(const std::function<grpc::Status(grpc::ClientContext*, Response*)>& call,
                          std::chrono::milliseconds timeout = kCallTimeout) const {
    Response response;
    RETURN_IF_ERROR(Attempt(timeout, [&](grpc::ClientContext* context) {
      response.Clear();
      return call(context, &response);
    }));
    return response;
  }

 private:
  Status Attempt(std::chrono::milliseconds timeout,
                 const std::function<grpc::Status(grpc::ClientContext*)>& call) const;

  const std::string server_;
  const std::string key_;
  std::string user_token_;
  const bool tls_;
  const std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace cordon
