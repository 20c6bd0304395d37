// The server's side of TLS: certificate, key and client CA from files, read anew while it serves.
//
// gRPC's FileWatcherCertificateProvider would read them too, but drops what it has before it knows
// that the new files fit together: between the replacing of a certificate and of its key no client
// could connect (tls_security_connector.cc). So this reads them itself, judges them whole, and
// hands gRPC what passed.
//
// TLS 1.2 and later (gRPC 1.51 offers nothing older); the suites are ChooseCipherSuites()'s.
#pragma once

#include <grpc/grpc_security.h>
#include <grpcpp/security/server_credentials.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "engine/base/status.h"
#include "engine/server/config.h"

namespace cordon {

// The contents of the files, in PEM.
struct TlsMaterial {
  std::string certificate;
  std::string key;
  std::string client_ca;  // empty: no client certificates

  friend bool operator==(const TlsMaterial&, const TlsMaterial&) = default;
};

// Reads and judges the files. Refuses one that is missing, damaged, or not what it should be, a key
// that others may read or that is not the certificate's, and a certificate that is not valid now;
// the field is the setting, the message names the file.
StatusOr<TlsMaterial> ReadTlsFiles(const TlsPaths& paths);

// Limits TLS 1.2 and 1.3 to suites with authenticated encryption and forward secrecy, whatever the
// environment says. Before gRPC is first used.
void ChooseCipherSuites();

// Thread-safe. Outlives the server that has its credentials.
class TlsFiles {
 public:
  // Errors as ReadTlsFiles.
  static StatusOr<std::unique_ptr<TlsFiles>> Open(const TlsPaths& paths);

  ~TlsFiles();

  // For one server: what its connections begin with is what the files last held when they were
  // right.
  std::shared_ptr<grpc::ServerCredentials> Credentials();

 private:
  friend class TlsCredentials;
  TlsFiles(TlsPaths paths, TlsMaterial material);

  // What a handshake begins with, if that is news to the server. gRPC asks one at a time.
  grpc_ssl_certificate_config_reload_status Fetch(grpc_ssl_server_certificate_config** config);

  // Reads the files again and again. Wrong ones change nothing and are logged, once each.
  void Watch();

  const TlsPaths paths_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  TlsMaterial material_;   // guarded by mutex_
  uint64_t version_ = 1;   // of material_; guarded by mutex_
  uint64_t fetched_ = 0;   // the version that the server has; guarded by mutex_
  std::thread watcher_;
};

}  // namespace cordon
