#include "engine/identity/certificate.h"

#include <iterator>

#include "engine/identity/api_key.h"

namespace cordon {

StatusOr<Authenticated> CertificateAuthenticator::Authenticate(
    const std::vector<std::string>& identities) const {
  std::vector<CertificateKey> found;
  for (const auto& identity : identities) {
    auto keys = find_(identity);
    found.insert(found.end(), std::make_move_iterator(keys.begin()),
                 std::make_move_iterator(keys.end()));
  }
  // Two answers to who is calling are none.
  if (found.size() != 1) return NotAuthenticated();
  CertificateKey& key = found.front();
  return Authenticated(std::move(key.tenant), std::move(key.id), std::move(key.grant), dev_);
}

}  // namespace cordon
