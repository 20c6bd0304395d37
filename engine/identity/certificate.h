// Callers known by a client certificate that TLS has verified, instead of by a secret.
//
// A certificate's identities are its names in subjectAltName (RFC 5280 §4.2.1.6), never its CN
// (RFC 6125 §6.4.4): the SPIFFE ID if it has one, else its URIs, else its DNS names. Written as
// keys name them: "spiffe://DOMAIN/PATH", "uri:URI", "dns:host".
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/policy/grant.h"

namespace cordon {

// A key that a certificate authenticates.
struct CertificateKey {
  std::string tenant;
  std::string id;  // "TENANT.ID"
  std::shared_ptr<const Grant> grant;
};

// Turns verified certificates into Authenticated. Thread-safe.
class CertificateAuthenticator {
 public:
  // The keys in force of all tenants that name this identity, from their newest states.
  using Find = std::function<std::vector<CertificateKey>(std::string_view identity)>;

  // `dev`: the server runs with --dev.
  CertificateAuthenticator(Find find, bool dev) : find_(std::move(find)), dev_(dev) {}

  // The one key that names one of `identities`; UNAUTHENTICATED, the same for every reason, if none
  // does or several do, of one tenant or of two.
  StatusOr<Authenticated> Authenticate(const std::vector<std::string>& identities) const;

 private:
  const Find find_;
  const bool dev_;
};

}  // namespace cordon
