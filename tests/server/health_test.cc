// What load balancers ask (grpc.health.v1.Health): one that is told too late that a server stops
// sends it calls that fail.
#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "engine/server/server.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

constexpr uint32_t kServing = 1, kNotServing = 2;  // HealthCheckResponse.ServingStatus

// Watches a server's health. Request and response have one field each, as these wrappers have.
class HealthWatch {
 public:
  using Service = google::protobuf::StringValue;
  using Serving = google::protobuf::UInt32Value;

  explicit HealthWatch(const std::string& address)
      : stub_(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    call_ = stub_.PrepareCall(&context_, "/grpc.health.v1.Health/Watch", &queue_);
    call_->StartCall(nullptr);
    Await();
    call_->WriteLast(Service(), grpc::WriteOptions(), nullptr);  // the server as a whole
    Await();
  }
  ~HealthWatch() {
    End();
    grpc::Status ended;
    call_->Finish(&ended, nullptr);
    Await();
  }

  // The next status; 0 if none comes any more.
  uint32_t Next() {
    Serving serving;
    call_->Read(&serving, nullptr);
    return Await() ? serving.value() : 0;
  }
  void End() { context_.TryCancel(); }

 private:
  // Whether what was begun last has succeeded.
  bool Await() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  grpc::TemplatedGenericStub<Service, Serving> stub_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<Service, Serving>> call_;
};

TEST(Health, IsToldTooLate) {
  ScratchDirectory scratch;
  Config config;
  config.paths.data_dir = scratch / "data";
  config.listen = "127.0.0.1:0";
  config.dev = true;
  const auto started = Server::Start(config);
  ASSERT_TRUE(started.ok()) << started.status().ToString();
  Server& server = **started;
  HealthWatch watch(server.address());
  EXPECT_EQ(watch.Next(), kServing);
  std::thread stop([&server] { server.Stop(); });
  EXPECT_EQ(watch.Next(), kNotServing) << "while it drains: this call is let end";
  watch.End();
  stop.join();
}

}  // namespace
}  // namespace cordon
