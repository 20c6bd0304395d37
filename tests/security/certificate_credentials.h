// The columns of S3 that come with client certificates, over real TLS.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/crypto/certificate.h"
#include "tests/security/certificate_world.h"
#include "tests/security/credentials.h"

namespace cordon {

inline TlsPaths PathsOf(const CertificateWorld& world) {
  return {world.certificate(), world.key(), world.client_ca()};
}

// A client with that certificate.
inline std::shared_ptr<AnyCaller> CallerBy(const CertificateWorld& world, const ServedStore& store,
                                           const Issued& client) {
  return std::make_shared<AnyCaller>(store.address(), world.By(client));
}

// Certificates that stand for a key: with every right, with one, of another tenant; and a key that
// counts over whatever connection.
inline std::vector<Credential> CertificatesInForce(ServedStore* store,
                                                   const ServedStore::Key& elsewhere,
                                                   const CertificateWorld& world) {
  const auto every = EveryRight();
  const auto stands_for = [&](const ServedStore::Key& admin, const std::set<v1::Right>& rights,
                              const std::string& name) {
    return store->MakeKey(admin, GrantOf(rights, kEveryReach) + " certificate: '" + name + "'").id;
  };
  const std::set<v1::Right> query = {v1::RIGHT_QUERY};
  const auto key = store->MakeKey(store->admin(), GrantOf(every, kEveryReach));
  return {
      {"a certificate",
       {},
       std::nullopt,
       true,
       stands_for(store->admin(), every, "spiffe://corp/all"),
       every,
       Reach::kAll,
       CallerBy(world, *store, world.Named("URI:spiffe://corp/all"))},
      {"a certificate that may query",
       {},
       std::nullopt,
       true,
       stands_for(store->admin(), query, "dns:query.corp"),
       query,
       Reach::kAll,
       CallerBy(world, *store, world.Named("DNS:query.corp"))},
      {"a certificate of another tenant",
       {},
       std::nullopt,
       true,
       stands_for(elsewhere, every, "uri:https://corp/theirs"),
       every,
       Reach::kOtherTenant,
       CallerBy(world, *store, world.Named("URI:https://corp/theirs"))},
      {"a key over a certificate of nobody", BearerOf(key.bearer), std::nullopt, true, key.id,
       every, Reach::kAll, CallerBy(world, *store, world.Named("DNS:nobody.corp"))},
  };
}

// What must not pass for a certificate of somebody's.
inline std::vector<Credential> FalseCertificates(ServedStore* store,
                                                 const CertificateWorld& world) {
  const std::string all = GrantOf(EveryRight(), kEveryReach);
  const auto key = store->MakeKey(store->admin(), all);
  store->MakeKey(store->admin(), all + " certificate: 'dns:good.corp'");
  store->MakeKey(store->admin(), all + " certificate: 'dns:two.corp'");
  const auto revoked = store->MakeKey(store->admin(), all + " certificate: 'dns:revoked.corp'");
  store->Do<v1::RevokeKeyResponse>(store->admin(), "Admin/RevokeKey", "id: '" + revoked.id + "'");
  const Issued good = world.Named("DNS:good.corp"), denied = world.Named("DNS:good.corp");
  store->Do<v1::ApplyPolicyResponse>(store->admin(), "Policy/ApplyPolicy",
                                     "denied_certificates { certificates { fingerprint: 'sha256:" +
                                         ReadCertificate(denied.certificate)->fingerprint +
                                         "' } }");
  std::vector<Credential> strangers;
  const auto add = [&](const std::string& name, const Issued& issued, Metadata metadata = {},
                       std::optional<Code> turned_away = std::nullopt) {
    strangers.push_back({name,
                         std::move(metadata),
                         turned_away,
                         false,
                         "",
                         {},
                         Reach::kAll,
                         CallerBy(world, *store, issued)});
  };
  add("a certificate of nobody", world.Named("DNS:unknown.corp"));
  add("a certificate of two", world.Named("DNS:good.corp,DNS:two.corp"));
  add("a revoked key's certificate", world.Named("DNS:revoked.corp"));
  add("a denied certificate", denied);
  add("a key over a denied certificate", denied, BearerOf(key.bearer));
  add("a bad key over a good certificate", good, BearerOf(key.bearer + "x"));
  add("a certificate that has ended", world.Expired("DNS:good.corp"), {}, Code::UNAVAILABLE);
  add("a certificate of another CA", world.OfAStranger("DNS:good.corp"), {}, Code::UNAVAILABLE);
  return strangers;
}

}  // namespace cordon
