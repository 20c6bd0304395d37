// A real server on a real port, whose backups are behind a pipe: whoever reads them waits until it
// is written to.
#pragma once

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "cordon/v1/admin.grpc.pb.h"
#include "engine/server/server.h"
#include "tests/store/scratch_directory.h"

namespace cordon {

// How many records of `call` with that outcome the journal has, of the newest 200.
inline int CountRecords(v1::Admin::Stub* admin, grpc::ClientContext* context,
                        const std::string& call, const std::string& outcome) {
  v1::QueryJournalRequest request;
  request.set_limit(200);
  v1::QueryJournalResponse response;
  EXPECT_TRUE(admin->QueryJournal(context, request, &response).ok());
  int records = 0;
  for (const auto& line : response.lines()) {
    records += line.call() == call && line.outcome() == outcome;
  }
  return records;
}

class PipedBackups : public testing::Test {
 protected:
  // Of one thread, and of `queue` places to wait.
  void Start(int queue = Config().queue) {
    std::filesystem::create_directories(scratch_ / "backups/meta");
    ASSERT_EQ(mkfifo(pipe_.c_str(), 0600), 0);
    Config config;
    config.paths.data_dir = scratch_ / "data";
    config.backup_dir = scratch_ / "backups";
    config.listen = "127.0.0.1:0";
    config.dev = true;
    config.threads = 1;
    config.queue = queue;
    auto started = Server::Start(config);
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    server_ = *std::move(started);
    std::ifstream(scratch_ / "data/dev/admin.key") >> key_;
    channel_ = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
    admin_ = v1::Admin::NewStub(channel_);
  }
  std::unique_ptr<grpc::ClientContext> As(int timeout_ms = 30'000) const {
    auto context = std::make_unique<grpc::ClientContext>();
    context->AddMetadata("authorization", "Bearer " + key_);
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(timeout_ms));
    return context;
  }
  grpc::StatusCode AskCapabilities(int timeout_ms) {
    v1::CapabilitiesResponse response;
    return admin_->Capabilities(As(timeout_ms).get(), {}, &response).error_code();
  }
  int Records(const std::string& call, const std::string& outcome) {
    return CountRecords(admin_.get(), As().get(), call, outcome);
  }
  // The pipe, which somebody reads by then; -1 if nobody does within 10 s.
  int Reach() const {
    for (int i = 0; i < 1000; ++i) {
      const int pipe = open(pipe_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
      if (pipe >= 0) return pipe;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return -1;
  }
  // Whoever reads the pipe reads its end, and nobody else waits for it. `pipe` may be -1.
  void Release(int pipe) const {
    std::filesystem::remove(pipe_);
    if (pipe >= 0) close(pipe);
  }

  ScratchDirectory scratch_;
  const std::string pipe_ = scratch_ / "backups/meta/1";
  std::unique_ptr<Server> server_;
  std::string key_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Admin::Stub> admin_;
};

}  // namespace cordon
