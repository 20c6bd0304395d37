#include "tools/cordon/session.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "engine/base/limits.h"
#include "engine/crypto/certificate.h"
#include "tools/cordon/gzip.h"
#include "tools/cordon/secret_file.h"

namespace cordon {
namespace {

StatusOr<std::string> ReadPem(std::string_view option, const std::string& path) {
  auto text = ReadFileUnpacked(path, limits::kTlsFileBytes);
  if (!text.ok()) return Invalid(option, fmt::format("{}: {}", path, text.status().message()));
  return text;
}

StatusOr<std::string> ReadCertificates(std::string_view option, const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, ReadPem(option, path));
  const Status checked = CheckCertificates(text);
  if (!checked.ok()) return Invalid(option, fmt::format("{} {}", path, checked.message()));
  return text;
}

}  // namespace

Status CheckServerAddress(std::string_view address) {
  const Status refused =
      Invalid("server", fmt::format("\"{}\" is not HOST:PORT, such as 127.0.0.1:7420", address));
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return refused;
  const std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (host.find_first_of("/@ ") != std::string_view::npos) return refused;
  if (!bracketed && host.find(':') != std::string_view::npos) return refused;
  int number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  const bool whole = error == std::errc() && end == port.data() + port.size();
  if (!whole || number < 1 || number > 65535) return refused;
  return OkStatus();
}

Output& Session::output() {
  if (!output_) output_ = std::make_unique<Output>(shared_.json, out_, err_);
  return *output_;
}

StatusOr<std::string> Session::ReadSecret(std::string_view option, const std::string& path) {
  if (path.empty()) return std::string();
  ASSIGN_OR_RETURN(SecretFile file, ReadSecretFile(path, option));
  if (file.exposed) NoteExposed(path);
  return std::move(file.secret);
}

StatusOr<TlsIdentity> Session::ReadTlsIdentity() {
  TlsIdentity tls;
  tls.server_name = shared_.tls_server_name;
  if (shared_.tls_cert.empty() != shared_.tls_key.empty()) {
    return Invalid(shared_.tls_key.empty() ? "tls-key" : "tls-cert",
                   "missing; give both --tls-cert FILE and --tls-key FILE");
  }
  if (shared_.tls_ca.empty()) {
    if (shared_.tls_cert.empty() && tls.server_name.empty()) return tls;
    return Invalid("tls-ca", "missing; TLS needs the CA of the server's certificate");
  }
  ASSIGN_OR_RETURN(tls.ca, ReadCertificates("tls-ca", shared_.tls_ca));
  if (shared_.tls_cert.empty()) return tls;
  ASSIGN_OR_RETURN(tls.certificate, ReadCertificates("tls-cert", shared_.tls_cert));
  ASSIGN_OR_RETURN(tls.key, ReadPem("tls-key", shared_.tls_key));
  if (const Status key = CheckPrivateKey(tls.key); !key.ok()) {
    return Invalid("tls-key", fmt::format("{} {}", shared_.tls_key, key.message()));
  }
  if (!CheckKeyMatches(tls.certificate, tls.key).ok()) {
    return Invalid("tls-key", fmt::format("{} is not the key of the first certificate in {}",
                                          shared_.tls_key, shared_.tls_cert));
  }
  WarnIfExposed(shared_.tls_key);
  return tls;
}

void Session::WarnIfExposed(const std::string& path) {
  std::error_code error;
  const auto mode = std::filesystem::status(path, error).permissions();
  using std::filesystem::perms;
  if (error || (mode & (perms::group_all | perms::others_all)) == perms::none) return;
  NoteExposed(path);
}

void Session::NoteExposed(const std::string& path) {
  output().Note(fmt::format("warning: others can read {}; run: chmod 600 {}", path, path));
}

StatusOr<Connection*> Session::Connect() {
  if (connection_) return connection_.get();
  RETURN_IF_ERROR(CheckServerAddress(shared_.server));
  ASSIGN_OR_RETURN(std::string key, ReadSecret("key-file", shared_.key_file));
  ASSIGN_OR_RETURN(std::string token, ReadSecret("user-token-file", shared_.user_token_file));
  ASSIGN_OR_RETURN(const TlsIdentity tls, ReadTlsIdentity());
  connection_ = std::make_unique<Connection>(shared_.server, std::move(key), tls);
  connection_->ForwardUserToken(std::move(token));
  return connection_.get();
}

}  // namespace cordon
