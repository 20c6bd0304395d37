// The certificates of a race over TLS: two that stand for keys, and what denies them.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "engine/crypto/certificate.h"
#include "tests/security/certificate_world.h"
#include "tests/security/race.h"

namespace cordon {

class RaceCertificates {
 public:
  // As a KeyGrant names them.
  const std::vector<std::string>& names() const { return names_; }
  bool Has(const std::string& name) const { return std::ranges::count(names_, name) > 0; }

  const std::string& NameOf(size_t client) const {
    return names_[Race::CertificateOf(client, names_.size())];
  }
  std::shared_ptr<grpc::ChannelCredentials> By(size_t client) const {
    return world_.By(issued_[Race::CertificateOf(client, names_.size())]);
  }
  std::shared_ptr<grpc::ChannelCredentials> Nobody() const { return world_.By(); }

  std::vector<std::string> ServerFlags() const {
    return {"--tls-cert", world_.certificate(), "--tls-key",
            world_.key(), "--tls-client-ca",    world_.client_ca()};
  }

  // One is denied by its fingerprint, both by their issuer.
  RaceCredentials Credentials() const {
    RaceDenial one, both;
    one.what.set_fingerprint("sha256:" + ReadCertificate(issued_[0].certificate)->fingerprint);
    one.certificates = {names_[0]};
    both.what.set_issuer("CN=Client CA,O=Corp");
    both.certificates = {names_.begin(), names_.end()};
    return {.keys = true, .certificates = names_, .denials = {one, both}};
  }

 private:
  const CertificateWorld world_;
  const std::vector<std::string> names_ = {"dns:a.race", "dns:b.race"};
  const std::vector<Issued> issued_ = {world_.Named("DNS:a.race"), world_.Named("DNS:b.race")};
};

}  // namespace cordon
