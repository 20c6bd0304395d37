// What real TLS with client certificates is made of.
#pragma once

#include <grpcpp/security/credentials.h>
#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <string>

#include "tests/crypto/certificate_authority.h"
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

  std::string certificate() const { return scratch_ / "server.pem"; }
  std::string key() const { return scratch_ / "server.key"; }
  std::string client_ca() const { return scratch_ / "clients.pem"; }

  // Of a client with this certificate; without one of its own if it is empty.
  std::shared_ptr<grpc::ChannelCredentials> By(const Issued& client = {}) const {
    return grpc::SslCredentials({server_ca_.pem(), client.key, client.certificate});
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

}  // namespace cordon
