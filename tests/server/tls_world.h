// A server with TLS and everything that makes its clients: authorities, certificates, keys.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "cordon/v1/admin.grpc.pb.h"
#include "cordon/v1/ingest.grpc.pb.h"
#include "cordon/v1/policy.grpc.pb.h"
#include "engine/crypto/certificate.h"
#include "engine/server/server.h"
#include "tests/crypto/certificate_authority.h"
#include "tests/store/from_text.h"
#include "tests/store/scratch_directory.h"

namespace cordon {

using Code = grpc::StatusCode;
using std::chrono::milliseconds;

inline const Wish kServer{"DNS:localhost", "server", -60, 3600, "serverAuth"};
inline Wish For(const std::string& san) { return Wish{.san = san}; }

inline void Put(const std::string& path, const std::string& text) {
  // As an operator should: the name always has a whole file.
  std::ofstream(path + ".new", std::ios::trunc) << text;
  chmod((path + ".new").c_str(), 0600);
  std::filesystem::rename(path + ".new", path);
}

// One connection of its own. Empty: TLS without a client certificate.
class Client {
 public:
  explicit Client(const std::shared_ptr<grpc::Channel>& channel)
      : admin_(v1::Admin::NewStub(channel)),
        policy_(v1::Policy::NewStub(channel)),
        ingest_(v1::Ingest::NewStub(channel)) {}

  static std::unique_ptr<grpc::ClientContext> With(const std::string& key) {
    auto context = std::make_unique<grpc::ClientContext>();
    if (!key.empty()) context->AddMetadata("authorization", "Bearer " + key);
    context->set_deadline(std::chrono::system_clock::now() + milliseconds(10000));
    return context;
  }
  grpc::Status Ask(const std::string& key = "") {
    v1::CapabilitiesResponse response;
    return admin_->Capabilities(With(key).get(), {}, &response);
  }
  Code Knock(const std::string& key = "") { return Ask(key).error_code(); }

  v1::Admin::Stub& admin() { return *admin_; }
  v1::Policy::Stub& policy() { return *policy_; }
  v1::Ingest::Stub& ingest() { return *ingest_; }

 private:
  std::unique_ptr<v1::Admin::Stub> admin_;
  std::unique_ptr<v1::Policy::Stub> policy_;
  std::unique_ptr<v1::Ingest::Stub> ingest_;
};

class Tls : public testing::Test {
 protected:
  Tls() {
    auto log = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::basic_file_sink_mt>(scratch_ / "log"));
    log->flush_on(spdlog::level::info);
    spdlog::set_default_logger(log);
    config_.paths.data_dir = scratch_ / "data";
    config_.listen = "localhost:0";
    config_.dev = true;
    config_.tls = {scratch_ / "server.pem", scratch_ / "server.key", scratch_ / "clients.pem", 100};
    PutServer(server_ca_.Issue(kServer));
    Put(config_.tls.client_ca, clients_.pem());
  }
  ~Tls() override {
    server_.reset();
    spdlog::set_default_logger(before_);
  }

  void PutServer(const Issued& issued) {
    Put(config_.tls.certificate, issued.certificate);
    Put(config_.tls.key, issued.key);
  }
  void Start() {
    auto started = Server::Start(config_);
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    server_ = *std::move(started);
    std::ifstream(scratch_ / "data/dev/admin.key") >> dev_;
    admin_ = std::make_unique<Client>(Channel({}));
  }
  void Restart() {
    server_.reset();
    Start();
  }
  std::shared_ptr<grpc::Channel> Channel(const Issued& client, const std::string& ca = "",
                                         const std::string& name = "localhost") {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetSslTargetNameOverride(name);
    return grpc::CreateCustomChannel(
        server_->address(),
        grpc::SslCredentials({ca.empty() ? server_ca_.pem() : ca, client.key, client.certificate}),
        arguments);
  }
  Client Connect(const Issued& client) { return Client(Channel(client)); }

  // A new key; `grant` is a KeyGrant in text format.
  v1::CreateKeyResponse MakeKey(const std::string& grant, const std::string& as = "") {
    v1::CreateKeyResponse response;
    const bool named = grant.find("principal:") != grant.npos;
    const std::string nobody = "principal: 'service:x' ";
    made_ = admin_->admin().CreateKey(
        Client::With(as.empty() ? dev_ : as).get(),
        FromText<v1::CreateKeyRequest>("grant { rights: RIGHT_QUERY rights: RIGHT_INGEST "
                                       "collections: 'docs' " +
                                       (named ? std::string() : nobody) + grant + " }"),
        &response);
    return response;
  }
  std::string MakeCertificateKey(const std::string& name, const std::string& more = "") {
    const auto made = MakeKey("certificate: '" + name + "' " + more);
    EXPECT_TRUE(made_.ok()) << name << ": " << made_.error_message();
    EXPECT_EQ(made.key(), "") << "a secret beside a certificate";
    return made.id();
  }
  grpc::Status Rotate(const std::string& id, uint32_t overlap_s, std::string* key,
                      const std::string& as = "") {
    v1::RotateKeyRequest request;
    request.set_id(id);
    request.set_overlap_s(overlap_s);
    v1::RotateKeyResponse response;
    const auto status =
        admin_->admin().RotateKey(Client::With(as.empty() ? dev_ : as).get(), request, &response);
    *key = response.key();
    return status;
  }
  void Revoke(const std::string& id) {
    v1::RevokeKeyRequest request;
    request.set_id(id);
    v1::RevokeKeyResponse response;
    EXPECT_TRUE(admin_->admin().RevokeKey(Client::With(dev_).get(), request, &response).ok());
  }
  // `denied` is a list of DeniedCertificate in text format; it replaces.
  grpc::Status Deny(const std::string& denied) {
    v1::ApplyPolicyResponse response;
    return admin_->policy().ApplyPolicy(
        Client::With(dev_).get(),
        FromText<v1::ApplyPolicyRequest>("denied_certificates { " + denied + " }"), &response);
  }
  static std::string Fingerprint(const Issued& issued) {
    return "certificates { fingerprint: 'sha256:" +
           ReadCertificate(issued.certificate)->fingerprint + "' } ";
  }
  // Seconds from now, as a KeyGrant's field.
  static std::string ExpiresIn(int seconds) {
    return "expires { seconds: " + std::to_string(std::time(nullptr) + seconds) + " } ";
  }
  static void Sleep(int ms) { std::this_thread::sleep_for(milliseconds(ms)); }
  // Waits until `holds`, for no longer than a loaded machine takes.
  template <typename Holds>
  static bool Until(Holds holds) {
    for (int i = 0; i < 300 && !holds(); ++i) Sleep(50);
    return holds();
  }
  std::string Log() const {
    std::ostringstream text;
    text << std::ifstream(scratch_ / "log").rdbuf();
    return text.str();
  }
  // In the log, from there on.
  bool Said(const std::string& words, size_t from = 0) const {
    return Log().find(words, from) != std::string::npos;
  }

  const std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  ScratchDirectory scratch_;
  const CertificateAuthority server_ca_{"Server CA"};
  const CertificateAuthority clients_{"Client CA"};
  Config config_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Client> admin_;  // by the development key, without a certificate
  std::string dev_;
  grpc::Status made_;
};

}  // namespace cordon
