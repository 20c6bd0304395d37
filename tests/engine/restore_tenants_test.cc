// A restore of several tenants, whose journals tell it of different things: that what one has
// revoked is forgotten, that one is restored when another refuses, and that a tenant that came
// after the backup is lost with its documents.
#include <fstream>
#include <map>
#include <sstream>

#include "tests/engine/restoring.h"

namespace cordon {
namespace {

using State = KeyStore::State;

class RestoringTenants : public Restoring {
 protected:
  static constexpr uint32_t kDefault = 1, kAcme = 2, kLater = 3;  // in the order in which they came

  void SetUp() override {
    Restoring::SetUp();
    MakeTenant("acme");
  }
  void MakeTenant(const std::string& name) {
    const auto made = Asked<v1::CreateTenantResponse>([&](auto done) {
      CreateTenant(engine_->WriteAs(Anyone()),
                   FromText<v1::CreateTenantRequest>("name: '" + name + "'"),
                   {name + ".k", name + ".k.s", "digest"}, done);
    });
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    CreateDocs(name);
  }
  void IngestIn(const std::string& tenant, const std::string& id) {
    Do<IngestedBatch, v1::IngestRequest>(IngestDocuments, "collection: 'docs' " + Doc(id, "", "t"),
                                         tenant);
  }
  bool SeesIn(const std::string& tenant, const std::string& id,
              const std::string& user = "user:a") {
    return Sees(id, user, tenant);
  }
  uint64_t RevisionOf(const std::string& tenant) {
    return engine_->FindTenant(tenant)->publisher.Pin(engine_->clock())->revision();
  }
  std::string JournalOf(const std::string& tenant) const {
    std::ostringstream bytes;
    bytes << std::ifstream(scratch_ / ("journal/" + tenant + "/000001.log")).rdbuf();
    return bytes.str();
  }
  State KeyIn(uint32_t tenant, uint64_t number) { return KeyOf(number, "keys", tenant); }
};

TEST_F(RestoringTenants, WhatOneHasRevokedComesBackWithTheOthers) {
  Ingest("a");            // 0
  IngestIn("acme", "a");  // 0
  IngestIn("acme", "b");  // 1
  IngestIn("acme", "c");  // 2
  ASSERT_TRUE(engine_->Backup(0).ok());
  Do<v1::EraseResponse, v1::EraseRequest>(Erase, "collection: 'docs' document: 'b'", "acme");
  Do<v1::SetAccessResponse, v1::SetAccessRequest>(
      SetAccess, "collection: 'docs' document: 'c' acl { allow { principal: 'user:b' } }", "acme");
  Ingest("late");            // 1
  IngestIn("acme", "late");  // 3
  MakeTenant("later");
  IngestIn("later", "late");  // 0
  Do<v1::ApplyPolicyResponse, v1::ApplyPolicyRequest>(ApplyPolicy, "tags { names: 'kept' }",
                                                      "later");
  std::map<std::string, uint64_t> revisions;
  for (const char* tenant : {"default", "acme", "later"}) revisions[tenant] = RevisionOf(tenant);

  Restore("restored");
  for (const auto& [tenant, revision] : revisions) {
    EXPECT_EQ(RevisionOf(tenant), revision) << tenant;
    EXPECT_FALSE(SeesIn(tenant, "late")) << tenant;
  }
  EXPECT_TRUE(Sees("a") && SeesIn("acme", "a"));
  EXPECT_FALSE(SeesIn("acme", "b") || SeesIn("acme", "c"));
  EXPECT_TRUE(SeesIn("acme", "c", "user:b"));
  const auto later = engine_->FindTenant("later")->publisher.Pin(engine_->clock());
  EXPECT_EQ(later->policy().rules->scheme.tags, std::vector<std::string>{"kept"});
  // Each has its own numbers: those of its documents that are lost have no keys any more.
  EXPECT_EQ(KeyIn(kDefault, 0), State::kThere);
  EXPECT_EQ(KeyIn(kDefault, 1), State::kDestroyed);
  EXPECT_EQ(KeyIn(kAcme, 0), State::kThere);
  EXPECT_EQ(KeyIn(kAcme, 1), State::kDestroyed);
  EXPECT_EQ(KeyIn(kAcme, 2), State::kThere);
  EXPECT_EQ(KeyIn(kAcme, 3), State::kDestroyed);
  EXPECT_EQ(KeyIn(kLater, 0), State::kDestroyed);
}

TEST_F(RestoringTenants, TheyDoNotGoOnAfterwards) {
  IngestIn("acme", "a");
  ASSERT_TRUE(engine_->Backup(0).ok());
  MakeTenant("later");
  Restore("restored");
  for (const char* tenant : {"default", "acme", "later"}) IngestIn(tenant, "new");
  ASSERT_TRUE(engine_->Backup(0).ok());
  for (const char* tenant : {"default", "acme", "later"}) IngestIn(tenant, "newer");
  Restore("again");
  for (const char* tenant : {"default", "acme", "later"}) {
    EXPECT_TRUE(SeesIn(tenant, "new")) << tenant;
    EXPECT_FALSE(SeesIn(tenant, "newer")) << tenant;
    IngestIn(tenant, "newest");
  }
  Open("again");
  for (const char* tenant : {"default", "acme", "later"}) {
    EXPECT_TRUE(SeesIn(tenant, "new") && SeesIn(tenant, "newest")) << tenant;
  }
}

// The first tenant comes first, and its notes and destroyed keys would stay.
TEST_F(RestoringTenants, WhatOneRefusesHasBegunWithAnother) {
  Ingest("a");  // 0
  IngestIn("acme", "a");
  ASSERT_TRUE(engine_->Backup(0).ok());
  Ingest("late");  // 1
  IngestIn("acme", "late");
  engine_.reset();
  const std::string journal = JournalOf("default");
  ASSERT_FALSE(journal.empty());
  fs::rename(scratch_ / "journal/acme", scratch_ / "lost");
  EXPECT_EQ(TryRestore(paths("restored")), "FAILED_PRECONDITION: journal_dir");
  EXPECT_NE(message_.find("tenant acme"), message_.npos) << message_;
  EXPECT_EQ(JournalOf("default"), journal) << "the fork is noted";
  EXPECT_EQ(KeyIn(kDefault, 1), State::kThere);
  fs::rename(scratch_ / "lost", scratch_ / "journal/acme");
  Open();
  EXPECT_TRUE(Sees("late") && SeesIn("acme", "late"));
}

// The first tenant has the same revision in both backups.
TEST_F(RestoringTenants, ANewerBackupOfOneIsRestoredByTheOthersFork) {
  IngestIn("acme", "a");
  ASSERT_TRUE(engine_->Backup(0).ok());
  IngestIn("acme", "late");
  ASSERT_TRUE(engine_->Backup(0).ok());
  Restore("restored", 1);
  engine_.reset();
  EXPECT_EQ(TryRestore(paths("newer"), 2), "FAILED_PRECONDITION: backup");
  EXPECT_NE(message_.find("tenant acme"), message_.npos) << message_;
  const Status before = Engine::Open(Options(paths("data"))).status();
  EXPECT_EQ(before.code(), StatusCode::kFailedPrecondition) << before.ToString();
  Open("restored");
  EXPECT_TRUE(SeesIn("acme", "a"));
  EXPECT_FALSE(SeesIn("acme", "late"));
}

}  // namespace
}  // namespace cordon
