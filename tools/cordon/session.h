// One run of the command line: the options that every command shares, its output, its connection.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/base/status.h"
#include "tools/cordon/connection.h"
#include "tools/cordon/output.h"

namespace cordon {

// What the options before or after COMMAND say.
struct SharedOptions {
  std::string server = "127.0.0.1:7420";
  std::string key_file;         // empty: no key is sent
  std::string user_token_file;  // empty: no user's token is forwarded
  std::string tls_ca;           // empty: plain text
  std::string tls_cert;         // of this client; empty: none
  std::string tls_key;
  std::string tls_server_name;  // empty: the host of `server`
  bool json = false;
};

// Not thread-safe, but for output().
class Session {
 public:
  // `shared` and the streams stay the caller's.
  Session(const SharedOptions& shared, std::FILE* out, std::FILE* err)
      : shared_(shared), out_(out), err_(err) {}

  // Where answers go; first called once the options are known.
  Output& output();

  // The connection to the server, made from the options at the first call. Refuses an address that
  // is not HOST:PORT, a key file that holds no key, and TLS files that are not what they should be;
  // warns of secrets that others may read.
  StatusOr<Connection*> Connect();

  // What the chosen command does: its exit code, or why it failed.
  std::function<StatusOr<int>()> run;

 private:
  // The secret in the file that `option` names; empty if none is named.
  StatusOr<std::string> ReadSecret(std::string_view option, const std::string& path);
  StatusOr<TlsIdentity> ReadTlsIdentity();
  void WarnIfExposed(const std::string& path);
  void NoteExposed(const std::string& path);

  const SharedOptions& shared_;
  std::FILE* const out_;
  std::FILE* const err_;
  std::unique_ptr<Output> output_;
  std::unique_ptr<Connection> connection_;
};

// Refuses what is not HOST:PORT ([HOST]:PORT for IPv6).
Status CheckServerAddress(std::string_view address);

}  // namespace cordon
