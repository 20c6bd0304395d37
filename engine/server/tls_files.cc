#include "engine/server/tls_files.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/crypto/certificate.h"
#include "engine/crypto/key_file.h"

namespace cordon {
namespace {

Status Wrong(std::string_view field, const std::string& path, const Status& why) {
  const bool named = why.field() == path;  // secret files name themselves there
  return Status(
      StatusCode::kFailedPrecondition, field,
      fmt::format("{} {}{}", path, why.message(),
                  named && why.code() == StatusCode::kNotFound ? "; check the path" : ""));
}

StatusOr<std::string> ReadPublic(std::string_view field, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(limits::kTlsFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad() || (file.fail() && !file.eof())) {
    return Wrong(field, path, Invalid("", "cannot be read; check the path"));
  }
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > limits::kTlsFileBytes) {
    return Wrong(field, path,
                 Invalid("", fmt::format("has more than {} bytes", limits::kTlsFileBytes)));
  }
  if (const Status checked = CheckCertificates(text); !checked.ok()) {
    return Wrong(field, path, checked);
  }
  return text;
}

Status CheckValidNow(const TlsPaths& paths, const std::string& certificate) {
  const auto facts = ReadCertificate(certificate);
  if (!facts.ok()) return Wrong("tls_cert", paths.certificate, facts.status());
  const Micros now = std::chrono::duration_cast<std::chrono::microseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
  if (facts->ValidAt(now)) return OkStatus();
  return Wrong(
      "tls_cert", paths.certificate,
      Invalid("", fmt::format("is valid from {} until {}; no client would accept it",
                              FormatTime(facts->not_before), FormatTime(facts->not_after))));
}

}  // namespace

StatusOr<TlsMaterial> ReadTlsFiles(const TlsPaths& paths) {
  TlsMaterial material;
  ASSIGN_OR_RETURN(material.certificate, ReadPublic("tls_cert", paths.certificate));
  auto key = ReadSecretFile(paths.key, limits::kTlsFileBytes);
  if (!key.ok()) return Wrong("tls_key", paths.key, key.status());
  material.key = *std::move(key);
  if (const Status checked = CheckPrivateKey(material.key); !checked.ok()) {
    return Wrong("tls_key", paths.key, checked);
  }
  if (!CheckKeyMatches(material.certificate, material.key).ok()) {
    return Status(StatusCode::kFailedPrecondition, "tls_key",
                  fmt::format("{} is not the key of the first certificate in {}", paths.key,
                              paths.certificate));
  }
  RETURN_IF_ERROR(CheckValidNow(paths, material.certificate));
  if (!paths.client_ca.empty()) {
    ASSIGN_OR_RETURN(material.client_ca, ReadPublic("tls_client_ca", paths.client_ca));
  }
  return material;
}

void ChooseCipherSuites() {
  // The names for TLS 1.3 count for TLS 1.2's list alone; its own three are all of this kind.
  setenv("GRPC_SSL_CIPHER_SUITES",
         "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
         "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256:"
         "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305",
         /*overwrite=*/1);
}

// gRPC's C++ interface cannot be told of new files in one step; the C interface below it asks for
// them before each handshake, and keeps what it has if they do not load. The server keeps the C
// credentials only: this object is gone by the time that it serves.
class TlsCredentials final : public grpc::ServerCredentials {
 public:
  TlsCredentials(TlsFiles* files, bool clients) {
    auto* options = grpc_ssl_server_credentials_create_options_using_config_fetcher(
        clients ? GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY
                : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
        [](void* to, auto** config) { return static_cast<TlsFiles*>(to)->Fetch(config); }, files);
    credentials_ = grpc_ssl_server_credentials_create_with_options(options);
  }
  ~TlsCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor>& processor) override {
    CORDON_CHECK(processor == nullptr);  // Front::Authenticate is the one place
  }

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  grpc_server_credentials* credentials_;
};

StatusOr<std::unique_ptr<TlsFiles>> TlsFiles::Open(const TlsPaths& paths) {
  ASSIGN_OR_RETURN(TlsMaterial material, ReadTlsFiles(paths));
  return std::unique_ptr<TlsFiles>(new TlsFiles(paths, std::move(material)));
}

TlsFiles::TlsFiles(TlsPaths paths, TlsMaterial material)
    : paths_(std::move(paths)), material_(std::move(material)), watcher_([this] { Watch(); }) {}

TlsFiles::~TlsFiles() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  watcher_.join();
}

std::shared_ptr<grpc::ServerCredentials> TlsFiles::Credentials() {
  return std::make_shared<TlsCredentials>(this, !paths_.client_ca.empty());
}

grpc_ssl_certificate_config_reload_status TlsFiles::Fetch(
    grpc_ssl_server_certificate_config** config) {
  std::lock_guard lock(mutex_);
  if (fetched_ == version_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
  fetched_ = version_;
  const grpc_ssl_pem_key_cert_pair pair{material_.key.c_str(), material_.certificate.c_str()};
  *config = grpc_ssl_server_certificate_config_create(
      material_.client_ca.empty() ? nullptr : material_.client_ca.c_str(), &pair, 1);
  return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

void TlsFiles::Watch() {
  std::string said;                 // the last complaint
  std::optional<TlsMaterial> seen;  // at the last look, if it was right
  std::unique_lock lock(mutex_);
  const std::chrono::milliseconds poll(paths_.poll_ms);
  while (!changed_.wait_for(lock, poll, [this] { return stopping_; })) {
    lock.unlock();
    auto read = ReadTlsFiles(paths_);
    const std::string complaint(read.ok() ? "" : read.status().message());
    if (!read.ok() && complaint != said) {
      spdlog::error("tls: {}; the files before stay in force", complaint);
    }
    said = complaint;
    // Somebody may be in the midst of writing them: what counts has been the same twice.
    const bool settled = read.ok() && seen && *seen == *read;
    seen = read.ok() ? std::optional(*std::move(read)) : std::nullopt;
    lock.lock();
    if (!settled || *seen == material_) continue;
    material_ = *seen;
    ++version_;
    spdlog::info("tls: new files are in force for new connections");
  }
}

}  // namespace cordon
