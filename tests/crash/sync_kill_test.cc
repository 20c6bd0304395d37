// A snapshot of the directory whose client or server dies on the way: whole or nothing, and no rows
// of it are left over.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <thread>

#include "engine/base/random.h"
#include "engine/store/database.h"
#include "tests/crash/load.h"
#include "tests/crash/served_store.h"
#include "tests/crash/server_process.h"
#include "tests/effort.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

constexpr uint64_t kGroups = 3000;  // in ten messages

class SnapshotServer : public testing::Test {
 protected:
  void Start() {
    ASSERT_TRUE(server_.Start()) << server_.Log();
    std::ifstream(scratch_ / "data/dev/admin.key") >> bearer_;
    stubs_ = std::make_unique<Stubs>(server_.address());
  }

  // Every group has one member, who is of this generation. `stop_at`: so many messages, without an
  // end; `last`: is called when the last one has been written.
  grpc::Status Send(uint64_t generation, size_t stop_at, const std::function<void()>& last = {}) {
    const auto context = Stubs::As(bearer_);
    v1::SyncDirectoryResponse response;
    const auto stream = stubs_->directory->SyncDirectory(context.get(), &response);
    constexpr size_t kMessages = 10;
    for (size_t i = 0; i < std::min(stop_at, kMessages); ++i) {
      v1::SyncDirectoryRequest message;
      if (i == 0) message.mutable_begin()->set_source("hris");
      for (uint64_t g = i * kGroups / kMessages; g < (i + 1) * kGroups / kMessages; ++g) {
        auto* record = message.add_principals();
        record->set_name("group:" + std::to_string(g));
        record->set_sets_members(true);
        record->add_members()->set_principal("user:" + std::to_string(generation));
      }
      if (i + 1 == kMessages) message.mutable_commit()->set_principals(kGroups);
      if (!stream->Write(message)) break;
    }
    if (last) last();
    if (stop_at < kMessages && !last) context->TryCancel();
    return stream->Finish();
  }

  // In how many groups a generation is.
  uint64_t GroupsOf(uint64_t generation) {
    v1::GetPrincipalRequest request;
    v1::GetPrincipalResponse response;
    request.set_principal("user:" + std::to_string(generation));
    const auto asked =
        stubs_->directory->GetPrincipal(Stubs::As(bearer_).get(), request, &response);
    EXPECT_TRUE(asked.ok()) << asked.error_message();
    return static_cast<uint64_t>(response.groups_size());
  }

  // Rows that wait, of a store that nobody serves.
  uint64_t Staged() {
    const auto database = Database::Open(scratch_ / "data/store", /*create=*/false);
    EXPECT_TRUE(database.ok()) << database.status().ToString();
    uint64_t rows = 0;
    EXPECT_TRUE((*database)
                    ->Scan(Family::kStaged, TenantPrefix(1),
                           [&](auto, auto) {
                             ++rows;
                             return OkStatus();
                           })
                    .ok());
    return rows;
  }

  ScratchDirectory scratch_;
  ServerProcess server_{scratch_ / "data", scratch_ / "log"};
  std::string bearer_;
  std::unique_ptr<Stubs> stubs_;
};

TEST_F(SnapshotServer, ADeadClientLeavesHalf) {
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_TRUE(Send(1, 10).ok());
  EXPECT_EQ(GroupsOf(1), kGroups);
  for (const size_t stop_at : {1, 5, 9}) {
    EXPECT_FALSE(Send(2, stop_at).ok());
    EXPECT_EQ(GroupsOf(1), kGroups);
    EXPECT_EQ(GroupsOf(2), 0u);
  }
  ASSERT_TRUE(Send(3, 10).ok());
  EXPECT_EQ(GroupsOf(3), kGroups);
  EXPECT_EQ(GroupsOf(1), 0u);
  CheckJournal(*stubs_, bearer_);
  server_.Terminate();
  EXPECT_EQ(server_.Wait(std::chrono::seconds(30)), 0);
  EXPECT_EQ(Staged(), 0u);
}

TEST_F(SnapshotServer, ADeadServerLeavesHalf) {
  Effort effort("R1-sync", 12);
  Random random(effort.seed());
  ASSERT_NO_FATAL_FAILURE(Start());
  ASSERT_TRUE(Send(1, 10).ok());
  uint64_t now = 1, next = 2, whole = 0;
  for (; effort.More() && !HasFailure(); ++next) {
    // Half of them whole, and killed about when they become visible.
    const size_t stop_at = random.OneIn(2) ? 10 : 1 + random.Below(10);
    const auto pause = std::chrono::microseconds(random.Below(stop_at < 10 ? 60'000 : 600'000));
    const grpc::Status sent = Send(next, stop_at, [&] {
      std::this_thread::sleep_for(pause);
      server_.Kill();
    });
    if (effort.rounds() % 3 == 0) {
      const uint64_t left = Staged();
      EXPECT_LT(left, kGroups + 1);
    }
    ASSERT_NO_FATAL_FAILURE(Start());
    const uint64_t groups = GroupsOf(next);
    EXPECT_TRUE(groups == 0 || groups == kGroups) << groups;
    EXPECT_EQ(GroupsOf(now), groups == 0 ? kGroups : 0);
    EXPECT_TRUE(!sent.ok() || groups == kGroups) << "an acknowledged snapshot is lost";
    if (groups == kGroups) now = next;
    whole += groups == kGroups;
    CheckJournal(*stubs_, bearer_);
    if (effort.rounds() % 4 != 0) continue;
    server_.Kill();
    EXPECT_EQ(Staged(), 0u) << "the start kept what nobody will take up";
    ASSERT_NO_FATAL_FAILURE(Start());
  }
  effort.Report("whole={}", whole);
}

}  // namespace
}  // namespace cordon
