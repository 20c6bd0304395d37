// Who stands at the other end of a connection, by the client certificate that TLS has verified.
#pragma once

#include <grpcpp/security/auth_context.h>

#include <optional>
#include <string>
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

// Of plain text, or of TLS without a client certificate: nothing.
Peer PeerOf(const grpc::AuthContext& context);

// False if the peer's certificate has ended, or the tenant's policy denies it: then no credential
// counts that comes over this connection. The connection may be older than either.
bool MayConnect(Engine* engine, const Peer& peer, const std::string& tenant);

}  // namespace cordon
