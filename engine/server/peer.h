// Who stands at the other end of a connection, by the client certificate that TLS has verified.
#pragma once

#include <grpcpp/security/auth_context.h>

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/crypto/certificate.h"
#include "engine/engine.h"

namespace cordon {

struct Peer {
  // It presented a certificate. One that cannot be read has facts that no time permits.
  std::optional<CertificateFacts> certificate;
  // By what it may be known; identity/certificate.h says how they are written.
  std::vector<std::string> identities;
};

// Reads what connections present. To parse a certificate takes 0.4 ms (OpenSSL 3 decodes its public
// key), and each request asks: what was read is remembered. Thread-safe.
class Peers {
 public:
  // Of plain text, or of TLS without a client certificate: nothing.
  Peer Of(const grpc::AuthContext& context);

 private:
  CertificateFacts FactsOf(std::string_view pem);

  std::mutex mutex_;
  std::map<std::string, CertificateFacts, std::less<>> read_;  // by PEM; guarded by mutex_
};

// False if the peer's certificate has ended, or the tenant's policy denies it: then no credential
// counts that comes over this connection. The connection may be older than either.
bool MayConnect(Engine* engine, const Peer& peer, const std::string& tenant);

}  // namespace cordon
