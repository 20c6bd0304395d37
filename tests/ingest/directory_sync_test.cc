// A snapshot of a source: whole or nothing, what it lacks is gone, and what came later stays.
#include "engine/ingest/directory_sync.h"

#include "engine/base/limits.h"
#include "tests/ingest/scratch_writer.h"

namespace cordon {
namespace {

using Response = v1::SyncDirectoryResponse;

class Snapshots : public ScratchWriter {
 protected:
  static std::string Group(const std::string& name, const std::string& member = "") {
    return "principals { name: '" + name + "' sets_members: true " +
           (member.empty() ? "" : "members { principal: '" + member + "' } ") + "} ";
  }
  static std::string Groups(size_t count, size_t from = 0) {
    std::string text;
    for (size_t i = from; i < from + count; ++i) {
      text += Group("group:" + std::to_string(i), "user:u" + std::to_string(i));
    }
    return text;
  }
  static std::string Begin(const std::string& more = "") {
    return "begin { source: 'hris' reason: 'CHG-1' " + more + "} ";
  }
  static std::string End(size_t count) {
    return "commit { principals: " + std::to_string(count) + " } ";
  }

  // Sends the messages of one snapshot; "CODE: field" of a refusal.
  StatusOr<Response> Send(const std::vector<std::string>& messages) {
    DirectorySync sync(&open_);
    for (const auto& message : messages) {
      RETURN_IF_ERROR(sync.Add(Context(), FromText<v1::SyncDirectoryRequest>(message)));
    }
    return Asked<Response>([&](auto done) { sync.Commit(Context(), done); });
  }
  std::string Refusal(const std::vector<std::string>& messages) {
    const auto response = Send(messages);
    if (response.ok()) return "OK";
    return std::string(CodeName(response.status().code())) + ": " +
           std::string(response.status().field());
  }
  StatusOr<v1::ApplyDirectoryResponse> Apply(const std::string& request) {
    return ScratchWriter::Send<v1::ApplyDirectoryResponse, v1::ApplyDirectoryRequest>(
        ApplyDirectory, request);
  }

  bool Belongs(const std::string& user, const std::string& group) {
    const PinnedView view = Pin();  // its writer may be numbering names meanwhile
    const PolicyState& policy = view->policy();
    const auto member = policy.principals->Find(user);
    const auto of = policy.principals->Find(group);
    if (!member || !of) return false;
    const auto set = policy.directory->Expand({*member}, 0);
    return set->Contains(*of);
  }
  size_t Staged(uint32_t tenant = 1) {
    size_t rows = 0;
    const auto count = [&](auto, auto) {
      ++rows;
      return OkStatus();
    };
    EXPECT_TRUE(scratch_.store.database().Scan(Family::kStaged, TenantPrefix(tenant), count).ok());
    return rows;
  }

  OpenSyncs open_;
};

TEST_F(Snapshots, ManyMessagesAreManyRevisions) {
  const uint64_t before = Pin()->revision();
  const auto response = Send({Begin() + Groups(3), Groups(4, 3), "", End(7)});
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->revision(), before + 1);
  EXPECT_EQ(response->difference().added(), 7u);
  EXPECT_EQ(response->sequence(), 1u);
  EXPECT_TRUE(Belongs("user:u6", "group:6"));
  EXPECT_EQ(Staged(), 0u);
  const auto records = scratch_.Records("SyncDirectory");
  ASSERT_EQ(records.size(), 1u);
  EXPECT_TRUE(records[0].mutation());
  EXPECT_EQ(records[0].reason(), "CHG-1");
}

// What it has by default is limits::kSyncBytes, a gigabyte; a test gives it less.
TEST_F(Snapshots, OneTakesMoreThanItMay) {
  const auto message = FromText<v1::SyncDirectoryRequest>(Begin() + Groups(3) + End(3));
  size_t bytes = 0;
  for (const auto& record : message.principals()) bytes += record.ByteSizeLong();
  ASSERT_LT(bytes, limits::kSyncBytes);
  {
    DirectorySync sync(&open_, bytes);
    EXPECT_TRUE(sync.Add(Context(), message).ok());
  }
  DirectorySync sync(&open_, bytes - 1);
  const Status refused = sync.Add(Context(), message);
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.field(), "principals[2]");
}

TEST_F(Snapshots, ABrokenOffOneLeavesSomething) {
  ASSERT_TRUE(Send({Begin() + Groups(2) + End(2)}).ok());
  const uint64_t before = Pin()->revision();
  {
    DirectorySync sync(&open_);
    for (const auto& message : {Begin() + Groups(3, 10), Groups(3, 20)}) {
      ASSERT_TRUE(sync.Add(Context(), FromText<v1::SyncDirectoryRequest>(message)).ok());
    }
    EXPECT_EQ(Staged(), 6u);
    EXPECT_FALSE(Belongs("user:u10", "group:10")) << "it counts before it is whole";
    EXPECT_TRUE(Apply("principals { name: 'group:x' sets_members: true }").ok());
    EXPECT_FALSE(Belongs("user:u10", "group:10")) << "another's mutation took it along";
  }
  EXPECT_EQ(Staged(), 0u);
  EXPECT_FALSE(Belongs("user:u10", "group:10"));
  EXPECT_TRUE(Belongs("user:u1", "group:1"));
  EXPECT_EQ(Pin()->revision(), before + 1);
}

TEST_F(Snapshots, NotAllHasCome) {
  for (const size_t said : {0, 2, 4}) {
    EXPECT_EQ(Refusal({Begin() + Groups(3), End(said)}), "INVALID_ARGUMENT: commit.principals");
  }
  EXPECT_FALSE(Belongs("user:u0", "group:0"));
  EXPECT_EQ(Staged(), 0u);
}

TEST_F(Snapshots, MessagesThatMakeNoSnapshot) {
  EXPECT_EQ(Refusal({Groups(1) + End(1)}), "INVALID_ARGUMENT: begin");
  EXPECT_EQ(Refusal({Begin(), Begin() + End(0)}), "INVALID_ARGUMENT: begin");
  EXPECT_EQ(Refusal({Begin() + End(0), Groups(1)}), "INVALID_ARGUMENT: commit");
  EXPECT_EQ(Refusal({"begin { source: 'HR is' } "}), "INVALID_ARGUMENT: begin.source");
  EXPECT_EQ(Refusal({"begin { source: '' } "}), "INVALID_ARGUMENT: begin.source");
  EXPECT_EQ(Refusal({Begin("removals_max_percent: 101 ")}),
            "INVALID_ARGUMENT: begin.removals_max_percent");
  EXPECT_EQ(Refusal({Begin() + Group("group:a"), Group("group:b") + Group("group:a")}),
            "INVALID_ARGUMENT: principals[2].principal");
  EXPECT_EQ(Refusal({Begin() + Group("group:a"), "principals { name: 'group:b' remove: true }"}),
            "INVALID_ARGUMENT: principals[1].delete");
  EXPECT_EQ(Refusal({Begin() + "principals { name: 'group:b' sets_members: true source: 'hris' "
                               "sequence: 1 }"}),
            "INVALID_ARGUMENT: principals[0].source");
  EXPECT_EQ(Refusal({Begin() + Group("group:a") +
                     "principals { name: 'user:a' clearance { level: "
                     "'absent' } } " +
                     End(2)}),
            "INVALID_ARGUMENT: principals[1].clearance.level");
  EXPECT_EQ(Staged(), 0u);
}

TEST_F(Snapshots, WhatASourceSaysNoMoreStays) {
  ASSERT_TRUE(Apply(Groups(1, 90)).ok());  // nobody's
  ASSERT_TRUE(Send({Begin() + Groups(20) + End(20)}).ok());
  ASSERT_TRUE(Send({"begin { source: 'ldap' } " + Groups(1, 80) + End(1)}).ok());
  const auto response = Send({Begin() + Groups(18) + Group("group:18", "user:other") + End(19)});
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->difference().removed(), 1u);
  EXPECT_EQ(response->difference().changed(), 1u);
  EXPECT_EQ(response->difference().unchanged(), 18u);
  EXPECT_EQ(response->difference().added(), 0u);
  EXPECT_FALSE(Belongs("user:u19", "group:19"));
  EXPECT_FALSE(Belongs("user:u18", "group:18"));
  EXPECT_TRUE(Belongs("user:other", "group:18"));
  EXPECT_TRUE(Belongs("user:u90", "group:90")) << "nobody's";
  EXPECT_TRUE(Belongs("user:u80", "group:80")) << "another source's";
}

TEST_F(Snapshots, AnotherTimeIsNoChange) {
  const auto member = [](const std::string& times) {
    return "begin { source: 'hris' } principals { name: 'group:a' sets_members: true members { "
           "principal: 'user:a' " +
           times + " } } commit { principals: 1 }";
  };
  ASSERT_TRUE(Send({member("from { seconds: 1000 }")}).ok());
  EXPECT_FALSE(Belongs("user:a", "group:a"));
  EXPECT_EQ(Send({member("from { seconds: 1000 }")})->difference().unchanged(), 1u);
  EXPECT_EQ(Send({member("from { seconds: 2000 }")})->difference().changed(), 1u);
  EXPECT_EQ(Send({member("until { seconds: 2000 }")})->difference().changed(), 1u);
  EXPECT_TRUE(Belongs("user:a", "group:a"));
  EXPECT_EQ(Send({member("")})->difference().changed(), 1u);
  EXPECT_EQ(Refusal({member("from { seconds: 2 } until { seconds: 2 }")}),
            "INVALID_ARGUMENT: principals[0].members[0].until");
}

TEST_F(Snapshots, MassRemovalIsTakenForMeant) {
  ASSERT_TRUE(Send({Begin() + Groups(20) + End(20)}).ok());
  const std::vector<std::string> third = {Begin() + Groups(15) + End(15)};
  EXPECT_EQ(Refusal({Begin() + End(0)}), "FAILED_PRECONDITION: begin.removals_max_percent");
  EXPECT_EQ(Refusal(third), "FAILED_PRECONDITION: begin.removals_max_percent");
  EXPECT_EQ(Refusal({Begin() + Groups(15) + Groups(40, 50) + End(55)}),
            "FAILED_PRECONDITION: begin.removals_max_percent")
      << "new ones made room";
  EXPECT_TRUE(Belongs("user:u19", "group:19"));
  EXPECT_EQ(Refusal({Begin() + Groups(18) + End(18)}), "OK") << "a tenth";
  EXPECT_EQ(Refusal({Begin("removals_max_percent: 20 ") + Groups(15) + End(15)}), "OK");
  EXPECT_EQ(Refusal({Begin("allow_removals: true ") + End(0)}), "OK");
  EXPECT_FALSE(Belongs("user:u0", "group:0"));
}

TEST_F(Snapshots, GroupsWithoutMembersAreTakenForMeant) {
  const std::string refusal = "FAILED_PRECONDITION: begin.removals_max_percent";
  const auto emptied = [](size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += Group("group:" + std::to_string(i));
    return text;
  };
  ASSERT_TRUE(Send({Begin() + Groups(50) + End(50)}).ok());
  const auto all = Send({Begin() + emptied(50) + End(50)});
  EXPECT_EQ(all.status().message(),
            "would remove 50 of 50 memberships in groups of 'hris', more than 10 %; look at what a "
            "dry run shows, and allow removals if it is meant");
  EXPECT_EQ(Refusal({Begin() + emptied(6) + Groups(44, 6) + End(50)}), refusal);
  EXPECT_EQ(Refusal({Begin() + emptied(6) + Groups(94, 6) + End(100)}), refusal)
      << "new ones made room";
  EXPECT_EQ(Refusal({Begin() + emptied(3) + Groups(44, 3) + End(47)}), refusal)
      << "removed ones count apart";
  EXPECT_TRUE(Belongs("user:u0", "group:0"));
  EXPECT_EQ(Refusal({Begin() + emptied(5) + Groups(45, 5) + End(50)}), "OK") << "a tenth";
  EXPECT_FALSE(Belongs("user:u4", "group:4"));
  EXPECT_EQ(Refusal({Begin("allow_removals: true ") + emptied(50) + End(50)}), "OK");
  EXPECT_FALSE(Belongs("user:u49", "group:49"));
}

TEST_F(Snapshots, MembersThatAreNotEmptiedAreTakenForMeant) {
  const auto group = [](size_t members, const std::string& who) {
    std::string text = "principals { name: 'group:a' sets_members: true ";
    for (size_t i = 0; i < members; ++i) {
      text += "members { principal: 'user:" + who + std::to_string(i) + "' } ";
    }
    return Begin() + text + "} " + End(1);
  };
  ASSERT_TRUE(Send({group(100, "a")}).ok());
  EXPECT_EQ(Refusal({group(1, "a")}), "FAILED_PRECONDITION: begin.removals_max_percent");
  EXPECT_EQ(Refusal({group(100, "b")}), "OK") << "others in their place";
  EXPECT_EQ(Refusal({group(90, "b")}), "OK");
}

TEST_F(Snapshots, ADryRunChangesSomething) {
  ASSERT_TRUE(Send({Begin() + Groups(10) + End(10)}).ok());
  const uint64_t before = Pin()->revision();
  const auto response = Send({Begin("dry_run: true ") + Groups(9) + Groups(1, 10) + End(10)});
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->revision(), before);
  EXPECT_EQ(Pin()->revision(), before);
  ASSERT_EQ(response->difference().added_names_size(), 1);
  EXPECT_EQ(response->difference().added_names(0), "group:10");
  ASSERT_EQ(response->difference().removed_names_size(), 1);
  EXPECT_EQ(response->difference().removed_names(0), "group:9");
  EXPECT_TRUE(Belongs("user:u9", "group:9"));
  EXPECT_FALSE(Belongs("user:u10", "group:10"));
  EXPECT_EQ(Staged(), 0u);
  EXPECT_FALSE(scratch_.Records("SyncDirectory").back().mutation());
  EXPECT_EQ(Refusal({Begin("dry_run: true ") + End(0)}),
            "FAILED_PRECONDITION: begin.removals_max_percent")
      << "it is refused as it would be";
}

TEST_F(Snapshots, WhatComesLateReplacesWhatIsLater) {
  const auto at = [](uint64_t n) { return "sequence: " + std::to_string(n) + " "; };
  const auto by = [](uint64_t n) { return "source: 'hris' sequence: " + std::to_string(n) + " }"; };
  ASSERT_TRUE(Send({Begin(at(10)) + Groups(20) + End(20)}).ok());
  EXPECT_EQ(Refusal({Begin(at(10)) + Groups(20) + End(20)}), "ABORTED: begin.sequence");
  EXPECT_EQ(Refusal({Begin(at(9)) + Groups(20) + End(20)}), "ABORTED: begin.sequence");
  const std::string zero = "principals { name: 'group:0' sets_members: true ";
  const auto late = Apply(zero + by(10));
  EXPECT_EQ(late.status().code(), StatusCode::kAborted) << "a snapshot said what it said at 10";
  // Said after the next snapshot was taken: a change, a removal and a new record.
  ASSERT_TRUE(Apply(zero + "members { principal: 'user:late' } " + by(13)).ok());
  ASSERT_TRUE(Apply("principals { name: 'group:1' remove: true " + by(13)).ok());
  ASSERT_TRUE(Apply("principals { name: 'group:77' sets_members: true " + by(13)).ok());
  const auto response = Send({Begin(at(12)) + Groups(20) + End(20)});
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_TRUE(Belongs("user:late", "group:0"));
  EXPECT_FALSE(Belongs("user:u1", "group:1")) << "a removal was undone";
  EXPECT_EQ(response->difference().later(), 3u);
  EXPECT_EQ(response->difference().removed(), 0u);
  // After all that it has said.
  ASSERT_TRUE(Send({Begin() + Groups(20) + End(20)}).ok());
  EXPECT_TRUE(Belongs("user:u1", "group:1"));
  EXPECT_FALSE(Belongs("user:late", "group:0"));
}

TEST_F(Snapshots, AnothersRecordIsTakenOver) {
  ASSERT_TRUE(Send({Begin() + Groups(3) + End(3)}).ok());
  EXPECT_EQ(Refusal({"begin { source: 'ldap' } " + Groups(1, 50) + Groups(1) + End(2)}),
            "FAILED_PRECONDITION: principals[1].source");
  EXPECT_FALSE(Belongs("user:u50", "group:50"));
}

TEST_F(Snapshots, ACallerRaisesItself) {
  EXPECT_EQ(Refusal({Begin() + Group("group:boss", "service:app") + End(1)}),
            "PERMISSION_DENIED: members");
  EXPECT_EQ(
      Refusal({Begin() + "principals { name: 'service:app' alias_of: 'service:boss' } " + End(1)}),
      "PERMISSION_DENIED: members");
  EXPECT_EQ(Staged(), 0u);
}

// At kSyncsPerTenant and beyond.
TEST_F(Snapshots, OfManyAtOnceOneIsTooMany) {
  std::vector<std::unique_ptr<DirectorySync>> syncs;
  const auto begin = FromText<v1::SyncDirectoryRequest>(Begin());
  for (size_t i = 0; i < limits::kSyncsPerTenant; ++i) {
    syncs.push_back(std::make_unique<DirectorySync>(&open_));
    EXPECT_TRUE(syncs.back()->Add(Context(), begin).ok());
  }
  DirectorySync more(&open_);
  EXPECT_EQ(more.Add(Context(), begin).code(), StatusCode::kResourceExhausted);
  syncs.pop_back();
  EXPECT_TRUE(more.Add(Context(), begin).ok());
}

TEST_F(Snapshots, AnAliasIsJudgedByWhatTheSnapshotMakes) {
  const std::string a_of_b = "principals { name: 'user:a' alias_of: 'user:b' } ";
  const std::string b_of_a = "principals { name: 'user:b' alias_of: 'user:a' } ";
  ASSERT_TRUE(Send({Begin() + a_of_b + End(1)}).ok());
  EXPECT_EQ(Refusal({Begin() + b_of_a + a_of_b + End(2)}),
            "INVALID_ARGUMENT: principals[0].alias_of");
  EXPECT_EQ(Refusal({Begin("allow_removals: true ") + b_of_a + End(1)}), "OK");
}

TEST_F(Snapshots, AStartKeepsRowsThatNobodyTookUp) {
  Batch batch;
  v1::Principal record;
  record.set_name("group:a");
  batch.Put(Family::kStaged, StagedPrefix(1, 7) + "group:a", record);
  batch.Put(Family::kStaged, StagedPrefix(2, 7) + "group:a", record);
  ASSERT_TRUE(scratch_.store.database().Write(batch).ok());
  ASSERT_TRUE(DropStaged(&scratch_.store.database(), 1).ok());
  EXPECT_EQ(Staged(), 0u);
  EXPECT_EQ(Staged(2), 1u) << "another tenant's are its own";
}

}  // namespace
}  // namespace cordon
