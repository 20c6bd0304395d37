// A backup that takes minutes, and who is held up by it. A real server on a real port.
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>
#include <vector>

#include "cordon/v1/admin.grpc.pb.h"
#include "engine/server/server.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

using std::chrono::milliseconds;

// A backup reads what the earlier ones left, and of those one is a pipe that nobody writes to.
class EndlessBackup : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(scratch_ / "backups/meta");
    ASSERT_EQ(mkfifo(pipe_.c_str(), 0600), 0);
    Config config;
    config.paths.data_dir = scratch_ / "data";
    config.backup_dir = scratch_ / "backups";
    config.listen = "127.0.0.1:0";
    config.dev = true;
    config.threads = 1;
    auto started = Server::Start(config);
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    server_ = *std::move(started);
    std::ifstream(scratch_ / "data/dev/admin.key") >> key_;
    admin_ = v1::Admin::NewStub(
        grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials()));
  }
  std::unique_ptr<grpc::ClientContext> As(int timeout_ms) const {
    auto context = std::make_unique<grpc::ClientContext>();
    context->AddMetadata("authorization", "Bearer " + key_);
    context->set_deadline(std::chrono::system_clock::now() + milliseconds(timeout_ms));
    return context;
  }
  void Backup() {
    v1::CreateBackupRequest request;
    v1::CreateBackupResponse response;
    const auto end = admin_->CreateBackup(As(50'000).get(), request, &response);
    std::lock_guard lock(mutex_);
    ends_.push_back(end);
  }
  // How many records of `call` with that outcome the journal has.
  int Records(const std::string& call, const std::string& outcome) {
    v1::QueryJournalRequest request;
    request.set_limit(200);
    v1::QueryJournalResponse response;
    EXPECT_TRUE(admin_->QueryJournal(As(10'000).get(), request, &response).ok());
    int records = 0;
    for (const auto& line : response.lines()) {
      records += line.call() == call && line.outcome() == outcome;
    }
    return records;
  }
  // The pipe, to which somebody listens by then; -1 if nobody does within 10 s.
  int Reach() const {
    for (int i = 0; i < 1000; ++i) {
      const int pipe = open(pipe_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
      if (pipe >= 0) return pipe;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return -1;
  }

  ScratchDirectory scratch_;
  const std::string pipe_ = scratch_ / "backups/meta/1";
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::Admin::Stub> admin_;
  std::string key_;
  std::mutex mutex_;
  std::vector<grpc::Status> ends_;  // guarded by mutex_
};

TEST_F(EndlessBackup, HoldsUpEverybodyElse) {
  constexpr size_t kCallers = 20;  // more than may wait
  std::vector<std::thread> callers;
  for (size_t i = 0; i < kCallers; ++i) callers.emplace_back([this] { Backup(); });
  std::this_thread::sleep_for(milliseconds(1000));
  v1::CapabilitiesResponse capabilities;
  EXPECT_TRUE(admin_->Capabilities(As(10'000).get(), {}, &capabilities).ok());
  v1::ListCollectionsResponse collections;
  EXPECT_TRUE(admin_->ListCollections(As(10'000).get(), {}, &collections).ok());
  {
    std::lock_guard lock(mutex_);
    EXPECT_FALSE(ends_.empty()) << "any number waits";
    EXPECT_LT(ends_.size(), kCallers) << "no backup is under way";
    for (const auto& refused : ends_) {
      EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    }
  }
  const int pipe = Reach();
  EXPECT_GE(pipe, 0);
  std::filesystem::remove(pipe_);
  close(pipe);
  for (auto& caller : callers) caller.join();
  int made = 0, turned_away = 0;
  for (const auto& end : ends_) {
    made += end.ok();
    turned_away += end.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
  }
  EXPECT_GT(made, 0);
  EXPECT_EQ(Records("CreateBackup", "OK"), made);
  EXPECT_EQ(Records("CreateBackup", "RESOURCE_EXHAUSTED"), turned_away) << "without a record";
}

// With `keep` each of them would cost an older one.
TEST_F(EndlessBackup, IsMadeForThoseWhoHaveLeft) {
  std::thread first([this] { Backup(); });
  const int pipe = Reach();
  EXPECT_GE(pipe, 0);
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::thread> callers;
  for (const int timeout_ms : {300, 300, 50'000}) {
    contexts.push_back(As(timeout_ms));
    callers.emplace_back([this, context = contexts.back().get()] {
      v1::CreateBackupRequest request;
      request.set_keep(1);
      v1::CreateBackupResponse response;
      EXPECT_FALSE(admin_->CreateBackup(context, request, &response).ok());
    });
  }
  std::this_thread::sleep_for(milliseconds(500));
  contexts.back()->TryCancel();
  for (auto& caller : callers) caller.join();
  std::this_thread::sleep_for(milliseconds(500));
  std::filesystem::remove(pipe_);
  close(pipe);
  first.join();
  ASSERT_TRUE(ends_.at(0).ok()) << ends_[0].error_message();
  v1::ListBackupsRequest request;
  request.set_verify(true);  // so it waits until they have had their turn
  v1::ListBackupsResponse response;
  ASSERT_TRUE(admin_->ListBackups(As(50'000).get(), request, &response).ok());
  EXPECT_EQ(response.backups_size(), 1);
  EXPECT_EQ(Records("CreateBackup", "OK"), 1);
  EXPECT_EQ(Records("CreateBackup", "DEADLINE_EXCEEDED"), 3);
}

// Those that wait for the one under way are turned away, and do not keep the server for hours.
TEST_F(EndlessBackup, KeepsAStoppingServer) {
  std::thread first([this] { Backup(); });
  const int pipe = Reach();
  EXPECT_GE(pipe, 0);
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i) callers.emplace_back([this] { Backup(); });
  std::this_thread::sleep_for(milliseconds(500));
  std::thread stop([this] { server_->Stop(); });
  std::this_thread::sleep_for(milliseconds(200));
  std::filesystem::remove(pipe_);
  close(pipe);
  stop.join();
  first.join();
  for (auto& caller : callers) caller.join();
  for (const auto& end : ends_) {
    EXPECT_EQ(end.error_code(), grpc::StatusCode::UNAVAILABLE) << end.error_message();
  }
}

}  // namespace
}  // namespace cordon
