// The columns of S3 that come with client certificates, over real TLS.
#pragma once

#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "engine/crypto/certificate.h"
#include "tests/crypto/certificate_authority.h"
#include "tests/security/credentials.h"
#include "tests/store/scratch_directory.h"

namespace cordon {

// The authorities of a server and of its clients, and the server's files.
class CertificateWorld {
 public:
  CertificateWorld() {
    const Issued server = server_ca_.Issue({"DNS:localhost", "server", -60, 3600, "serverAuth"});
    Put("server.pem", server.certificate);
    Put("server.key", server.key);
    Put("clients.pem", clients_.pem());
  }

  TlsPaths paths() const {
    return {scratch_ / "server.pem", scratch_ / "server.key", scratch_ / "clients.pem"};
  }
  // Of a client with this certificate; without one of its own if it is empty.
  std::shared_ptr<grpc::ChannelCredentials> By(const Issued& client = {}) const {
    return grpc::SslCredentials({server_ca_.pem(), client.key, client.certificate});
  }
  std::shared_ptr<AnyCaller> Caller(const ServedStore& store, const Issued& client) const {
    return std::make_shared<AnyCaller>(store.address(), By(client));
  }
  Issued Named(const std::string& san) const { return clients_.Issue(Wish{.san = san}); }
  Issued Expired(const std::string& san) const {
    return clients_.Issue(Wish{.san = san, .until_s = -1});
  }
  Issued OfAStranger(const std::string& san) const {
    return CertificateAuthority("Client CA").Issue(Wish{.san = san});
  }

 private:
  void Put(const std::string& name, const std::string& text) const {
    std::ofstream(scratch_ / name) << text;
    chmod((scratch_ / name).c_str(), 0600);
  }

  ScratchDirectory scratch_;
  const CertificateAuthority server_ca_{"Server CA"};
  const CertificateAuthority clients_{"Client CA"};
};

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
       world.Caller(*store, world.Named("URI:spiffe://corp/all"))},
      {"a certificate that may query",
       {},
       std::nullopt,
       true,
       stands_for(store->admin(), query, "dns:query.corp"),
       query,
       Reach::kAll,
       world.Caller(*store, world.Named("DNS:query.corp"))},
      {"a certificate of another tenant",
       {},
       std::nullopt,
       true,
       stands_for(elsewhere, every, "uri:https://corp/theirs"),
       every,
       Reach::kOtherTenant,
       world.Caller(*store, world.Named("URI:https://corp/theirs"))},
      {"a key over a certificate of nobody", BearerOf(key.bearer), std::nullopt, true, key.id,
       every, Reach::kAll, world.Caller(*store, world.Named("DNS:nobody.corp"))},
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
                         world.Caller(*store, issued)});
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
