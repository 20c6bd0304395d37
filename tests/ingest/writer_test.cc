// A write that is acknowledged and lost, seen before it is recorded, or told apart from another.
#include "engine/ingest/writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "tests/ingest/scratch_writer.h"

namespace cordon {
namespace {

class Writes : public ScratchWriter {
 protected:
  uint64_t rows() {
    const PinnedView view = Pin();
    return view->index(*view->state().FindCollection("docs")).rows();
  }

  // Whether the store has a document after a while, published or not.
  bool StoreGets(const std::string& id) {
    store::v1::DocumentRecord record;
    for (int i = 0; i < 2000; ++i) {
      if (*scratch_.store.documents().Read(1, id, &record)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }
};

TEST_F(Writes, ManyThreadsLoseOneOrShareARevision) {
  constexpr int kThreads = 8, kEach = 25;
  std::vector<std::vector<uint64_t>> revisions(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        // Every fifth is refused in between; every third replaces another's document.
        if (i % 5 == 4) {
          EXPECT_EQ(Ingest("documents { id: 'bad' }")->response.accepted(), 0u);
        }
        const std::string id = i % 3 == 0 ? "shared" : std::to_string(t) + "-" + std::to_string(i);
        const auto ingested = Ingest(Good(id));
        ASSERT_TRUE(ingested.ok()) << ingested.status().ToString();
        revisions[t].push_back(ingested->response.revision());
        EXPECT_GE(Pin()->revision(), ingested->response.revision()) << "acknowledged, not visible";
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<uint64_t> all;
  for (const auto& some : revisions) {
    EXPECT_TRUE(std::is_sorted(some.begin(), some.end()));
    all.insert(some.begin(), some.end());
  }
  ASSERT_EQ(all.size(), static_cast<size_t>(kThreads * kEach));
  EXPECT_EQ(*all.rbegin() - *all.begin() + 1, all.size()) << "a gap";
  // Store, index and figures tell the same.
  const PinnedView view = Pin();
  const auto collection = view->state().FindCollection("docs");
  uint64_t documents = 0;
  ASSERT_TRUE(scratch_.store.documents()
                  .ScanWhole(collection->id,
                             [&](const auto&, const auto&) {
                               ++documents;
                               return OkStatus();
                             })
                  .ok());
  EXPECT_EQ(documents, collection->documents);
  EXPECT_EQ(rows(), documents);
  // One record for each, in the order of the revisions.
  uint64_t last = 0, ok = 0;
  for (const auto& record : scratch_.Records("Ingest")) {
    if (!record.mutation()) continue;
    EXPECT_EQ(record.revision(), last == 0 ? *all.begin() : last + 1);
    last = record.revision();
    ++ok;
  }
  EXPECT_EQ(ok, all.size());
}

TEST_F(Writes, SeenBeforeTheyAreRecorded) {
  ASSERT_TRUE(Ingest(Good("a")).ok());
  scratch_.disk.hold = true;
  std::thread writing([&] { EXPECT_TRUE(Ingest(Good("b")).ok()); });
  // The store has it at once; nobody may see it until the journal's disk has answered.
  uint64_t seen = 1;
  for (int i = 0; i < 100 && seen == 1; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    seen = rows();
  }
  EXPECT_EQ(seen, 1u);
  store::v1::DocumentRecord record;
  EXPECT_TRUE(*scratch_.store.documents().Read(1, "b", &record));
  scratch_.disk.hold = false;
  writing.join();
  EXPECT_EQ(rows(), 2u);
}

TEST_F(Writes, AppliedWhileTheDiskIsWaitedForAndSeenInTheirTurn) {
  ASSERT_TRUE(Ingest(Good("a")).ok());
  scratch_.disk.hold = true;
  std::thread first([&] { EXPECT_TRUE(Ingest(Good("b")).ok()); });
  EXPECT_TRUE(StoreGets("b"));
  std::thread second([&] { EXPECT_TRUE(Ingest(Good("c")).ok()); });
  EXPECT_TRUE(StoreGets("c")) << "not applied before the one before it is on the disk";
  EXPECT_EQ(rows(), 1u);
  scratch_.disk.hold = false;
  first.join();
  second.join();
  EXPECT_EQ(rows(), 3u);
}

TEST_F(Writes, WhatIsAppliedBehindAFailureFailsWithIt) {
  ASSERT_TRUE(Ingest(Good("a")).ok());
  const uint64_t revision = Pin()->revision();
  scratch_.disk.hold = true;
  const auto fails = [&](const std::string& id) {
    return std::thread(
        [this, id] { EXPECT_EQ(Ingest(Good(id)).status().code(), StatusCode::kUnavailable); });
  };
  std::thread first = fails("b");
  EXPECT_TRUE(StoreGets("b"));
  std::thread second = fails("c");
  EXPECT_TRUE(StoreGets("c"));
  scratch_.disk.fail = true;
  scratch_.disk.hold = false;
  first.join();
  second.join();
  scratch_.disk.fail = false;
  EXPECT_EQ(Ingest(Good("d")).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Pin()->revision(), revision);
  EXPECT_EQ(rows(), 1u);
}

TEST_F(Writes, NewViewsComeAfterWhatWasAppliedBefore) {
  ASSERT_TRUE(Ingest(Good("a")).ok());
  scratch_.disk.hold = true;
  std::thread writing([&] { EXPECT_TRUE(Ingest(Good("b")).ok()); });
  EXPECT_TRUE(StoreGets("b"));
  const auto before = Pin().view;
  std::atomic<bool> renewed = false;
  std::thread renewing([&] {
    writer_->RenewViews();
    renewed = true;
    EXPECT_EQ(rows(), 2u);
    EXPECT_NE(Pin().view, before);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(renewed);
  scratch_.disk.hold = false;
  writing.join();
  renewing.join();
}

TEST_F(Writes, AnsweredAfterTheJournalFailed) {
  ASSERT_TRUE(Ingest(Good("a")).ok());
  const uint64_t revision = Pin()->revision();
  EXPECT_FALSE(writer_->figures().failed);
  scratch_.disk.fail = true;
  EXPECT_EQ(Ingest(Good("b")).status().code(), StatusCode::kUnavailable);
  scratch_.disk.fail = false;
  EXPECT_TRUE(writer_->figures().failed);
  EXPECT_EQ(writer_->figures().documents, 1u) << "only what was acknowledged";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Ingest(Good("c")).status().code(), StatusCode::kUnavailable);
    EXPECT_EQ(Ingest("documents { id: 'bad' }").status().code(), StatusCode::kUnavailable);
    EXPECT_EQ(
        (Send<v1::DeleteResponse, v1::DeleteRequest>(Delete, "collection: 'docs' document: 'a'"))
            .status()
            .code(),
        StatusCode::kUnavailable);
  }
  EXPECT_EQ(Pin()->revision(), revision);
  EXPECT_EQ(rows(), 1u);
}

TEST_F(Writes, RefusalsWithoutARecord) {
  Grant none = AllOf();
  none.rights = Rights();
  EXPECT_EQ(Outcome(Ingest(Good("a"), none)).substr(0, 17), "PERMISSION_DENIED");
  EXPECT_EQ(Ingest("documents { id: 'bad' }")->response.refused_size(), 1);
  // Refused by Apply, on the writer's thread.
  EXPECT_EQ(
      (Send<v1::RevokeKeyResponse, v1::RevokeKeyRequest>(RevokeKey, "id: 'none'")).status().code(),
      StatusCode::kNotFound);
  const auto ingests = scratch_.Records("Ingest");
  ASSERT_EQ(ingests.size(), 2u);
  EXPECT_EQ(ingests[0].outcome(), "PERMISSION_DENIED");
  EXPECT_EQ(ingests[1].outcome(), "INVALID_ARGUMENT");
  const auto revoked = scratch_.Records("RevokeKey");
  ASSERT_EQ(revoked.size(), 1u);
  EXPECT_EQ(revoked[0].outcome(), "NOT_FOUND");
  EXPECT_EQ(revoked[0].refused_field(), "id");
  EXPECT_FALSE(revoked[0].mutation());
  EXPECT_EQ(Pin()->revision(), 2u);
}

TEST_F(Writes, OneBadDocumentTakesTheGoodOnes) {
  const auto ingested = Ingest(Good("a") + "documents { id: 'bad' } " + Good("b"));
  ASSERT_TRUE(ingested.ok());
  EXPECT_EQ(ingested->response.accepted(), 2u);
  ASSERT_EQ(ingested->response.refused_size(), 1);
  EXPECT_EQ(ingested->response.refused(0).index(), 1u);
  EXPECT_EQ(ingested->response.refused(0).id(), "bad");
  EXPECT_EQ(rows(), 2u);
}

TEST_F(Writes, AbsentHiddenAndVisibleDocumentsDiffer) {
  ASSERT_TRUE(Ingest(Good("there")).ok());
  Grant grant = AllOf();
  grant.rights = Rights();
  for (const Right right : {Right::kIngest, Right::kGrant, Right::kLabel}) grant.rights.Add(right);
  const auto set = [&](const std::string& id, const std::string& change, const Grant& by) {
    return Send<v1::SetAccessResponse, v1::SetAccessRequest>(
        SetAccess, "collection: 'docs' document: '" + id + "' " + change, by);
  };
  uint64_t revision = Pin()->revision();
  for (const char* id : {"there", "absent"}) {
    const auto changed = set(id, "label { level: 'restricted' }", grant);
    ASSERT_TRUE(changed.ok());
    EXPECT_EQ(changed->revision(), ++revision);
    EXPECT_FALSE(changed->has_existed());
    EXPECT_EQ(Outcome(set(id, "label { level: 'none' }", grant)), "INVALID_ARGUMENT: label.level");
    EXPECT_EQ(Outcome(set(id, "", grant)), "INVALID_ARGUMENT: acl");
  }
  for (const char* id : {"there", "absent"}) {
    const auto deleted = Send<v1::DeleteResponse, v1::DeleteRequest>(
        Delete, std::string("collection: 'docs' document: '") + id + "'", grant);
    ASSERT_TRUE(deleted.ok());
    EXPECT_EQ(deleted->revision(), ++revision);
    EXPECT_FALSE(deleted->has_existed());
  }
  EXPECT_FALSE(set("there", "label { level: 'public' }", AllOf())->existed());
}

TEST_F(Writes, TheWrongRightIsEnough) {
  for (const Right right : kAllRights) {
    Grant grant = AllOf();
    grant.rights = Rights();
    grant.rights.Add(right);
    const auto ok = [&](const auto& answer) {
      return answer.status().code() != StatusCode::kPermissionDenied;
    };
    const bool admin = right == Right::kAdmin;
    EXPECT_EQ(ok(Ingest("documents { id: 'bad' }", grant)), right == Right::kIngest);
    EXPECT_EQ(ok(Send<v1::SetAccessResponse, v1::SetAccessRequest>(
                  SetAccess, "collection: 'docs' document: 'a' label { level: 'public' }", grant)),
              right == Right::kLabel);
    EXPECT_EQ(ok(Send<v1::SetAccessResponse, v1::SetAccessRequest>(
                  SetAccess,
                  "collection: 'docs' document: 'a' acl { allow { principal: "
                  "'everyone' } }",
                  grant)),
              right == Right::kGrant);
    EXPECT_EQ(ok(Send<v1::DeleteResponse, v1::DeleteRequest>(
                  Delete, "collection: 'docs' document: 'a'", grant)),
              right == Right::kIngest);
    EXPECT_EQ(ok(Send<v1::ApplyPolicyResponse, v1::ApplyPolicyRequest>(
                  ApplyPolicy, "tags { names: 'x' }", grant)),
              admin);
    EXPECT_EQ(ok(Send<v1::ApplyDirectoryResponse, v1::ApplyDirectoryRequest>(
                  ApplyDirectory, "principals { name: 'group:x' sets_members: true }", grant)),
              admin);
    EXPECT_EQ(ok(Send<v1::RevokeKeyResponse, v1::RevokeKeyRequest>(RevokeKey, "id: 'x'", grant)),
              admin);
    EXPECT_EQ(ok(Send<v1::DeleteCollectionResponse, v1::DeleteCollectionRequest>(
                  DeleteCollection, "name: 'none'", grant)),
              admin);
  }
}

TEST_F(Writes, AKeyMakesAnotherForItselfThatCanDoMore) {
  Grant admin = AllOf("service:admin");
  admin.rights = Rights();
  admin.rights.Add(Right::kAdmin);
  const auto create = [&](const std::string& grant) {
    return Outcome(Asked<v1::CreateKeyResponse>([&](auto done) {
      CreateKey(Context(admin), FromText<v1::CreateKeyRequest>("grant { " + grant + " }"),
                {"default.k", "default.k.s", "digest"}, done);
    }));
  };
  EXPECT_EQ(create("principal: 'service:admin' rights: RIGHT_QUERY"),
            "PERMISSION_DENIED: principal");
  EXPECT_EQ(create("principal: 'service:admin' rights: RIGHT_ADMIN"), "OK");
  EXPECT_EQ(create("principal: 'service:other' rights: RIGHT_QUERY"), "OK");
  EXPECT_EQ(create("principal: 'group:x' rights: RIGHT_QUERY"), "INVALID_ARGUMENT: principal");
  EXPECT_EQ(create("principal: 'service:x'"), "INVALID_ARGUMENT: rights");
}

TEST_F(Writes, ARaiseIsWritten) {
  Grant admin = AllOf("service:admin");
  EXPECT_EQ(Outcome(Send<v1::ApplyDirectoryResponse, v1::ApplyDirectoryRequest>(
                ApplyDirectory,
                "principals { name: 'group:hr' sets_members: true members { principal: "
                "'service:admin' } }",
                admin)),
            "PERMISSION_DENIED: members");
  EXPECT_EQ(Pin()->revision(), 2u);
  EXPECT_EQ(Pin()->policy().directory->size(), 0u);
}

// How many threads of this process have this priority.
size_t ThreadsAt(int nice) {
  size_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    const auto id = static_cast<id_t>(std::stoul(task.path().filename()));
    count += getpriority(PRIO_PROCESS, id) == nice ? 1 : 0;
  }
  return count;
}

TEST_F(Writes, AreAppliedByAThreadThatStandsBack) {
  ASSERT_TRUE(Ingest(Good("a")).ok());
  const int back = std::min(getpriority(PRIO_PROCESS, 0) + 5, 19);
  const size_t with = ThreadsAt(back);  // RocksDB's are among them
  writer_.reset();
  EXPECT_EQ(ThreadsAt(back), with - 1);
}

// The journal of a new tenant, for whose thread those who ask wait, is as the thread that opens it.
TEST_F(Writes, AreFinishedByAThreadThatDoesNotStandBack) {
  const int own = getpriority(PRIO_PROCESS, 0);
  int at_nice = -100;
  const auto created = Asked<v1::CreateTenantResponse>([&](auto done) {
    CreateTenant(Context(), FromText<v1::CreateTenantRequest>("name: 'acme'"),
                 {"acme.k", "acme.k.s", "digest"}, [&at_nice, done](auto response) {
                   at_nice = getpriority(PRIO_PROCESS, 0);
                   done(std::move(response));
                 });
  });
  EXPECT_EQ(created.status().message(), "no tenants here");
  EXPECT_EQ(opened_at_nice_, own);
  EXPECT_EQ(at_nice, own);
}

}  // namespace
}  // namespace cordon
