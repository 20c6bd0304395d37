// A backup that takes minutes, and who is held up by it. A real server on a real port.
#include <mutex>
#include <thread>
#include <vector>

#include "engine/base/limits.h"
#include "tests/server/piped_backups.h"

namespace cordon {
namespace {

using std::chrono::milliseconds;

// A backup reads what the earlier ones left, and of those one is a pipe that nobody writes to.
class EndlessBackup : public PipedBackups {
 protected:
  void SetUp() override { Start(); }
  void Backup() {
    v1::CreateBackupRequest request;
    v1::CreateBackupResponse response;
    const auto end = admin_->CreateBackup(As(50'000).get(), request, &response);
    std::lock_guard lock(mutex_);
    ends_.push_back(end);
  }
  bool NoneHasEnded() {
    std::lock_guard lock(mutex_);
    return ends_.empty();
  }

  std::mutex mutex_;
  std::vector<grpc::Status> ends_;  // guarded by mutex_
};

TEST_F(EndlessBackup, HoldsUpEverybodyElse) {
  constexpr size_t kCallers = limits::kBackupQueue + 4;  // one is at work, and more than may wait
  std::vector<std::thread> callers;
  for (size_t i = 0; i < kCallers; ++i) callers.emplace_back([this] { Backup(); });
  for (int i = 0; i < 1000 && NoneHasEnded(); ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(AskCapabilities(10'000), grpc::StatusCode::OK);
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
  Release(pipe);
  for (auto& caller : callers) caller.join();
  int made = 0, turned_away = 0;
  for (const auto& end : ends_) {
    made += end.ok();
    turned_away += end.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
  }
  EXPECT_GT(made, 0);
  EXPECT_LE(turned_away, static_cast<int>(kCallers - limits::kBackupQueue)) << "too few may wait";
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
  for (const int timeout_ms : {2000, 2000, 50'000}) {
    contexts.push_back(As(timeout_ms));
    callers.emplace_back([this, context = contexts.back().get()] {
      v1::CreateBackupRequest request;
      request.set_keep(1);
      v1::CreateBackupResponse response;
      EXPECT_FALSE(admin_->CreateBackup(context, request, &response).ok());
    });
  }
  std::this_thread::sleep_for(milliseconds(1000));
  contexts.back()->TryCancel();
  for (auto& caller : callers) caller.join();
  std::this_thread::sleep_for(milliseconds(500));
  Release(pipe);
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
  // The server takes no more calls once it has stopped the backups.
  for (int i = 0; i < 1000 && AskCapabilities(1000) != grpc::StatusCode::UNAVAILABLE; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  Release(pipe);
  stop.join();
  first.join();
  for (auto& caller : callers) caller.join();
  for (const auto& end : ends_) {
    EXPECT_EQ(end.error_code(), grpc::StatusCode::UNAVAILABLE) << end.error_message();
  }
}

}  // namespace
}  // namespace cordon
