// A real server with a store of its own, as an operator sets one up: a first key that may only
// administer, and from it the keys of a test.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>

#include "cordon/v1/admin.grpc.pb.h"
#include "cordon/v1/directory.grpc.pb.h"
#include "cordon/v1/ingest.grpc.pb.h"
#include "cordon/v1/policy.grpc.pb.h"
#include "cordon/v1/retrieval.grpc.pb.h"
#include "engine/server/server.h"
#include "tests/security/any_call.h"
#include "tests/store/scratch_directory.h"

namespace cordon {

inline constexpr char kEveryRight[] =
    "rights: RIGHT_QUERY rights: RIGHT_INGEST rights: RIGHT_LABEL rights: RIGHT_GRANT rights: "
    "RIGHT_AUDIT rights: RIGHT_ERASE rights: RIGHT_EXPORT rights: RIGHT_ACT_AS rights: "
    "RIGHT_BREAK_GLASS rights: RIGHT_ADMIN ";
inline constexpr char kEveryReach[] =
    "as_patterns: '*' clearance { symbol: SYMBOL_ALL } collections: '*' destinations: 'chat' "
    "destinations: '*' ";

class ServedStore {
 public:
  struct Key {
    std::string id;
    std::string bearer;
  };

  // With `tls`, connections are made by `credentials`.
  explicit ServedStore(
      bool dev = false, std::vector<Issuer> issuers = {}, TlsPaths tls = {},
      std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials())
      : credentials_(std::move(credentials)) {
    config_.tls = std::move(tls);
    config_.paths.data_dir = scratch_ / "data";
    config_.listen = "127.0.0.1:0";
    config_.dev = dev;
    config_.backup_dir = scratch_ / "backups";
    config_.issuers = std::move(issuers);
    CORDON_CHECK(dev || InitStore(config_.paths, /*dev=*/false).ok());
    auto started = Server::Start(config_);
    CORDON_CHECK(started.ok());
    server_ = *std::move(started);
    caller_ = Connect();
    std::ifstream(dev ? config_.paths.DevDir() + "/admin.key" : config_.paths.AdminKey()) >>
        admin_.bearer;
    admin_.id = admin_.bearer.substr(0, admin_.bearer.rfind('.'));
  }

  AnyCaller& caller() { return *caller_; }
  // Another connection.
  std::unique_ptr<AnyCaller> Connect() const {
    return std::make_unique<AnyCaller>(server_->address(), credentials_);
  }
  const std::string& address() const { return server_->address(); }
  const Key& admin() const { return admin_; }
  std::string folder() const { return scratch_ / "data"; }
  const DataPaths& paths() const { return config_.paths; }
  void Stop() { server_->Stop(); }

  // A call that must succeed: its last message, parsed.
  template <typename Response>
  Response Do(const Key& key, const std::string& method, const std::string& text) {
    const AnyAnswer answer =
        caller_->Call(method, BearerOf(key.bearer), RequestBytes(method, text));
    EXPECT_TRUE(answer.status.ok()) << method << ": " << answer.status.error_message();
    Response response;
    EXPECT_TRUE(!answer.messages.empty() && response.ParseFromString(answer.messages.back()));
    return response;
  }

  // A new key; `grant` is a KeyGrant in text format.
  Key MakeKey(const Key& admin, const std::string& grant) {
    const auto made =
        Do<v1::CreateKeyResponse>(admin, "Admin/CreateKey", "grant { " + grant + " }");
    return {made.id(), made.key()};
  }

  // A new tenant's first key.
  Key MakeTenant(const std::string& name) {
    const auto made =
        Do<v1::CreateTenantResponse>(admin_, "Admin/CreateTenant", "name: '" + name + "'");
    return {made.id(), made.key()};
  }

 private:
  const std::shared_ptr<grpc::ChannelCredentials> credentials_;
  ScratchDirectory scratch_;
  Config config_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<AnyCaller> caller_;
  Key admin_;
};

}  // namespace cordon
