// What is left of the history that a restore gives up: numbers that are given again, newer backups
// with their keys, the store before, and lists that nobody can read any more.
#include "tests/engine/restoring.h"

namespace cordon {
namespace {

// An older copy of the keys ends before the number, and every start destroys the number's key.
TEST_F(Restoring, ANumberThatOnlyTheJournalKnowsIsGivenAgain) {
  Ingest("a");
  ASSERT_TRUE(engine_->Backup(0).ok());
  Restore("first");
  KeepKeys();
  Ingest("b");  // the first of the next segment
  EraseAll("document: 'b'");
  PutKeysBack();
  Restore("second");
  Ingest("c");
  Open("second");
  EXPECT_TRUE(Sees("a") && Sees("c"));
}

TEST_F(Restoring, ANumberThatOnlyTheJournalKnowsIsGivenAgainBehindALoss) {
  Ingest("a");
  KeepStore();
  Ingest("b");
  LoseStore();
  Open("data", 2);  // the next number begins a segment
  KeepStore();
  KeepKeys();
  Ingest("b");
  EraseAll("document: 'b'");
  LoseStore();
  PutKeysBack();
  Open("data", 2);
  Ingest("c");
  Open();
  EXPECT_TRUE(Sees("a") && Sees("c"));
}

// The restored store does not know what was written after its backup.
TEST_F(Restoring, ANewerBackupKeepsWhatNoErasureFinds) {
  Ingest("old", kSecret, kText);  // 0
  ASSERT_TRUE(engine_->Backup(0).ok());
  Ingest("old", kSecret, kText);         // 1
  Ingest("doc/secret", kSecret, kText);  // 2
  ASSERT_TRUE(engine_->Backup(0).ok());
  Restore("restored", 1);
  EXPECT_FALSE(Sees("doc/secret"));
  EXPECT_EQ(EraseAll("subject: 'person:123'"), 1u);
  for (const uint64_t number : {0, 1, 2}) {
    EXPECT_EQ(KeyOf(number), KeyStore::State::kDestroyed) << number;
  }
  engine_.reset();
  EXPECT_EQ(TryRestore(paths("newer"), 2), "FAILED_PRECONDITION: backup") << message_;
  EXPECT_NE(message_.find("older one was restored"), message_.npos) << message_;
  Open("restored");
  Ingest("new");
  ASSERT_TRUE(engine_->Backup(0).ok());
  Restore("of the restored", 3);
  EXPECT_TRUE(Sees("new"));
  Restore("of the first", 1);
  EXPECT_FALSE(Sees("old") || Sees("new"));
  engine_.reset();
  EXPECT_EQ(TryRestore(paths("newer"), 3), "FAILED_PRECONDITION: backup") << message_;
}

// Its documents' keys are destroyed: it would serve less, and say nothing.
TEST_F(Restoring, TheStoreBeforeGoesOn) {
  Ingest("a");
  ASSERT_TRUE(engine_->Backup(0).ok());
  Ingest("b");
  Restore("restored");
  engine_.reset();
  for (const auto& accepted : {std::optional<uint64_t>(), std::optional<uint64_t>(3)}) {
    Engine::Options options = Options(paths("data"));
    options.accept_loss_to = accepted;
    const Status opened = Engine::Open(std::move(options)).status();
    EXPECT_EQ(opened.code(), StatusCode::kFailedPrecondition);
    EXPECT_NE(std::string(opened.message()).find("restored since"), std::string::npos)
        << opened.message();
  }
  Open("restored");
  EXPECT_TRUE(Sees("a"));
}

// The lists that the older copies got are sealed with keys that the first restore destroyed.
TEST_F(Restoring, ASecondRestoreForgetsNewerLists) {
  Ingest("a");
  Ingest("chunked");
  ASSERT_TRUE(engine_->Backup(0).ok());
  Ingest("a");
  ASSERT_TRUE(engine_->Backup(0).ok());
  Ingest("a", "acl { allow { principal: 'user:b' } }");
  Ingest("a", "acl { allow { principal: 'user:c' } }");
  Do<IngestedBatch, v1::IngestRequest>(
      IngestDocuments,
      "collection: 'docs' documents { id: 'chunked' chunks { text: 't' embedding: [1, 2, 3, 4] "
      "acl { allow { principal: 'user:c' } } } }");
  const auto check = [&](const std::string& user) {
    EXPECT_FALSE(Sees("a") || Sees("chunked", user));
    EXPECT_TRUE(Sees("a", user)) << user;
  };
  Restore("first", 2);
  check("user:c");
  Restore("second", 2);
  check("user:c");
  Restore("of the oldest", 1);
  check("user:c");
  Do<v1::SetAccessResponse, v1::SetAccessRequest>(
      SetAccess, "collection: 'docs' document: 'a' acl { allow { principal: 'user:d' } }");
  Restore("last", 1);
  EXPECT_FALSE(Sees("a", "user:c"));
  check("user:d");
}

// After its note in the journal: it is repeated, or the store's start ends it.
TEST_F(Restoring, AKilledRestoreLeavesKeysOrLosesLists) {
  Ingest("a");  // 0
  ASSERT_TRUE(engine_->Backup(0).ok());
  Ingest("a", "acl { allow { principal: 'user:b' } }");  // 1
  engine_.reset();
  const auto kill = [&](const std::string& name) {
    KeepKeys();
    EXPECT_EQ(TryRestore(paths(name)), "OK") << message_;
    ASSERT_EQ(KeyOf(1), KeyStore::State::kDestroyed);
    PutKeysBack();
    ASSERT_EQ(KeyOf(1), KeyStore::State::kThere);
  };
  kill("killed");
  fs::remove_all(scratch_ / "killed");
  kill("restored");
  Open("restored");
  EXPECT_EQ(KeyOf(1), KeyStore::State::kDestroyed);
  EXPECT_FALSE(Sees("a"));
  EXPECT_TRUE(Sees("a", "user:b"));
}

}  // namespace
}  // namespace cordon
