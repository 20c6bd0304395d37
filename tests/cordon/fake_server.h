// A server that misbehaves on demand, as the real one cannot be made to: overloads, refusals,
// silence.
#pragma once

#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cordon/v1/admin.grpc.pb.h"
#include "cordon/v1/ingest.grpc.pb.h"
#include "cordon/v1/retrieval.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace cordon {

// RESOURCE_EXHAUSTED that asks to wait `delay_ms`.
inline grpc::Status Overloaded(int delay_ms) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(delay_ms * 1'000'000);
  google::rpc::Status details;
  details.add_details()->PackFrom(retry);
  return {grpc::StatusCode::RESOURCE_EXHAUSTED, "busy", details.SerializeAsString()};
}

// ABORTED for "collection": its embedding space was switched meanwhile.
inline grpc::Status Switched() {
  google::rpc::BadRequest request;
  request.add_field_violations()->set_field("collection");
  google::rpc::Status details;
  details.add_details()->PackFrom(request);
  return {grpc::StatusCode::ABORTED, "send them again", details.SerializeAsString()};
}

// Each call is a function that the test sets. Thread-safe as far as those are.
class FakeServer {
 public:
  using Stream = grpc::ServerReaderWriter<v1::IngestResponse, v1::IngestRequest>;

  FakeServer() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.SetMaxReceiveMessageSize(16 << 20);
    builder.AddChannelArgument("grpc.http2.min_ping_interval_without_data_ms", 1000);
    builder.RegisterService(&ingest_);
    builder.RegisterService(&retrieval_);
    builder.RegisterService(&admin_);
    server_ = builder.BuildAndStart();
  }
  ~FakeServer() { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }

  std::function<grpc::Status(Stream*)> on_ingest;
  std::function<grpc::Status(const v1::SetAccessRequest&)> on_set_access;
  std::function<grpc::Status(const v1::SetAccessManyRequest&, v1::SetAccessManyResponse*)>
      on_set_access_many;
  std::function<grpc::Status(const v1::SetAccessSelectedRequest&, v1::SetAccessSelectedResponse*)>
      on_set_access_selected;
  std::function<grpc::Status(const v1::RetrieveRequest&, v1::RetrieveResponse*)> on_retrieve;
  std::atomic<int> keys_created{0};
  std::string last_authorization;

 private:
  struct IngestService : v1::Ingest::Service {
    explicit IngestService(FakeServer& fake) : fake(fake) {}
    grpc::Status Ingest(grpc::ServerContext*, Stream* stream) override {
      return fake.on_ingest(stream);
    }
    grpc::Status SetAccess(grpc::ServerContext*, const v1::SetAccessRequest* request,
                           v1::SetAccessResponse* response) override {
      response->set_revision(5);
      return fake.on_set_access(*request);
    }
    grpc::Status SetAccessMany(grpc::ServerContext*, const v1::SetAccessManyRequest* request,
                               v1::SetAccessManyResponse* response) override {
      return fake.on_set_access_many(*request, response);
    }
    grpc::Status SetAccessSelected(grpc::ServerContext*,
                                   const v1::SetAccessSelectedRequest* request,
                                   v1::SetAccessSelectedResponse* response) override {
      return fake.on_set_access_selected(*request, response);
    }
    FakeServer& fake;
  };
  struct RetrievalService : v1::Retrieval::Service {
    explicit RetrievalService(FakeServer& fake) : fake(fake) {}
    grpc::Status Retrieve(grpc::ServerContext*, const v1::RetrieveRequest* request,
                          v1::RetrieveResponse* response) override {
      return fake.on_retrieve(*request, response);
    }
    FakeServer& fake;
  };
  struct AdminService : v1::Admin::Service {
    explicit AdminService(FakeServer& fake) : fake(fake) {}
    grpc::Status CreateKey(grpc::ServerContext* context, const v1::CreateKeyRequest* request,
                           v1::CreateKeyResponse* response) override {
      const auto found = context->client_metadata().find("authorization");
      if (found != context->client_metadata().end()) {
        fake.last_authorization = std::string(found->second.data(), found->second.size());
      }
      ++fake.keys_created;
      response->set_id("k1");
      response->set_key("secret-of-" + request->grant().principal());
      response->set_revision(3);
      return grpc::Status::OK;
    }
    grpc::Status Stats(grpc::ServerContext*, const v1::StatsRequest* request,
                       v1::StatsResponse* response) override {
      response->set_documents(request->collection().size());
      return grpc::Status::OK;
    }
    FakeServer& fake;
  };

  int port_ = 0;
  IngestService ingest_{*this};
  RetrievalService retrieval_{*this};
  AdminService admin_{*this};
  std::unique_ptr<grpc::Server> server_;
};

// A TCP listener on 127.0.0.1 that forwards to `port` until told to fall silent: connections then
// stay open, and nothing moves.
class SilentProxy {
 public:
  explicit SilentProxy(int port) : target_port_(port), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof address;
    (void)bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    (void)listen(listener_, 16);
    (void)getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Forward(); });
  }
  ~SilentProxy() {
    stop_ = true;
    thread_.join();
    for (const int fd : sockets_) close(fd);
    close(listener_);
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  void FallSilent() { silent_ = true; }

 private:
  static sockaddr_in Loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    return address;
  }

  void Accept() {
    const int client = accept(listener_, nullptr, nullptr);
    const int server = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = Loopback(target_port_);
    (void)connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    sockets_.push_back(client);
    sockets_.push_back(server);
  }

  // Copies what socket i has to its partner; false if it is over.
  bool Copy(size_t i) {
    char buffer[65536];
    const ssize_t count = recv(sockets_[i], buffer, sizeof buffer, MSG_DONTWAIT);
    return count > 0 &&
           send(sockets_[i ^ 1], buffer, static_cast<size_t>(count), MSG_NOSIGNAL) == count;
  }

  void Forward() {
    while (!stop_) {
      if (silent_) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        continue;
      }
      std::vector<pollfd> polls = {{listener_, POLLIN, 0}};
      for (const int fd : sockets_) polls.push_back({fd, POLLIN, 0});
      if (poll(polls.data(), polls.size(), 20) <= 0) continue;
      for (size_t i = 1; i < polls.size(); ++i) {
        if (polls[i].revents != 0 && !Copy(i - 1)) {
          shutdown(sockets_[i - 1], SHUT_RDWR);
          shutdown(sockets_[(i - 1) ^ 1], SHUT_RDWR);
        }
      }
      if (polls[0].revents != 0) Accept();
    }
  }

  const int target_port_;
  const int listener_;
  int port_ = 0;
  std::vector<int> sockets_;  // pairs of client and server
  std::atomic<bool> silent_{false};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace cordon
