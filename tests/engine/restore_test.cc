// What a restored store forgets: who received a document, what a model has seen, what a snapshot of
// the directory took away, lists that were set together, what was used of a quota, what was given
// up. And what a restore must refuse, without a trace.
#include "tests/engine/restoring.h"

namespace cordon {
namespace {

TEST_F(Restoring, AReceiptForgetsWhoReceivedTheDocument) {
  Register();
  Ingest("doc/secret", kSecret, kText);
  Ingest("doc/other", "subjects: 'person:7'");
  Export("doc/secret");
  EraseAll("document: 'doc/other'");
  EXPECT_TRUE(Receivers().empty());
  Ingest("doc/secret");  // about nobody any more: what was exported is an older version
  EraseAll("subject: 'person:123'");
  EXPECT_EQ(Receivers(), std::vector<std::string>{"tuned"});
}

// Once its time has come: a collection that is dropped erases nothing by itself.
TEST_F(Restoring, AReceiptForgetsWhoReceivedADocumentOfADroppedCollection) {
  StopTime();
  Register();
  const Micros soon = engine_->clock()->Now() / 1'000'000 + 5;
  Ingest("doc/secret", "erase_after { seconds: " + std::to_string(soon) + " }");
  Export("doc/secret");
  Do<v1::DeleteCollectionResponse, v1::DeleteCollectionRequest>(DeleteCollection, "name: 'docs'");
  EXPECT_EQ(Receivers(), std::vector<std::string>{"no receipt"});
  Pass(std::chrono::seconds(10));
  EXPECT_TRUE(WaitUntil([&] { return !Records("ErasureVerified").empty(); }));
  EXPECT_EQ(Receivers(), std::vector<std::string>{"tuned"});
  EXPECT_EQ(Records("ErasureVerified").back().dropped_collection(), 1u);
}

TEST_F(Restoring, AModelForgetsWhatItHasSeenAndAnIdStaysInTheJournal) {
  Register();
  Ingest("doc/secret", kSecret, kText);
  ASSERT_TRUE(engine_->Backup(0).ok());
  Export("doc/secret");
  ASSERT_TRUE(ModelIsLabelled());
  Restore("restored");
  EXPECT_TRUE(ModelIsLabelled()) << "a model's label fell";
  EXPECT_EQ(EraseAll("document: 'doc/secret'"), 1u);
  EXPECT_EQ(Receivers(), std::vector<std::string>{"tuned"});
  engine_.reset();
  EXPECT_TRUE(Search("restored").found.empty()) << Search("restored").found[0].where;
}

TEST_F(Restoring, AMembershipThatASnapshotTookAwayComesBack) {
  const std::string hr = "acl { allow { principal: 'group:hr' } }";
  const std::string ops = "acl { allow { principal: 'group:ops' } }";
  const auto group = [](const std::string& name, const std::string& member) {
    return "principals { name: '" + name + "' sets_members: true members { principal: '" + member +
           "' } } ";
  };
  Ingest("hr", hr);
  Ingest("ops", ops);
  Sync("begin { source: 'hris' } " + group("group:hr", "user:a") + group("group:ops", "user:a") +
       "commit { principals: 2 }");
  ASSERT_TRUE(Sees("hr") && Sees("ops"));
  ASSERT_TRUE(engine_->Backup(0).ok());
  Sync("begin { source: 'hris' allow_removals: true } " + group("group:hr", "user:b") +
       "commit { principals: 1 }");
  Sync("begin { source: 'hris' } " + group("group:hr", "user:b") + "commit { principals: 1 }");
  const uint64_t reached = Pin()->state().sources->at("hris").snapshot;
  Restore("restored");
  EXPECT_FALSE(Sees("hr")) << "a changed group came back";
  EXPECT_TRUE(Sees("hr", "user:b"));
  EXPECT_FALSE(Sees("ops")) << "a removed group came back";
  EXPECT_EQ(Pin()->state().sources->at("hris").snapshot, reached);
}

TEST_F(Restoring, AListThatWasSetWithOthersComesBack) {
  Ingest("a");
  Ingest("b");
  Ingest("c", "provenance { source: 'crm' }");
  ASSERT_TRUE(engine_->Backup(0).ok());
  Do<v1::SetAccessManyResponse, v1::SetAccessManyRequest>(
      SetAccessMany,
      "collection: 'docs' changes { document: 'a' acl { allow { principal: 'user:b' } } } "
      "changes { document: 'b' label { level: 'restricted' } }");
  const auto request = FromText<v1::SetAccessSelectedRequest>(
      "collection: 'docs' source: 'crm' acl { allow { principal: 'user:b' } }");
  ASSERT_TRUE(Asked<v1::SetAccessSelectedResponse>([&](auto done) {
                SetAccessSelected(engine_->WriteAs(Anyone()), request, {}, done);
              }).ok());
  ASSERT_FALSE(Sees("a") || Sees("b") || Sees("c"));
  Restore("restored");
  EXPECT_FALSE(Sees("a") || Sees("b") || Sees("c"));
  EXPECT_TRUE(Sees("a", "user:b") && Sees("c", "user:b"));
}

TEST_F(Restoring, AListingIsUndone) {
  for (const std::string id : {"same", "described", "written", "gone"}) {
    Ingest(id, "provenance { source: 'wiki' }");
  }
  ASSERT_TRUE(engine_->Backup(0).ok());
  const std::string narrow = "acl { allow { principal: 'user:b' } } ";
  SyncSource("begin { collection: 'docs' source: 'wiki' allow_removals: true } " +
             Doc("same", "", "t") + Doc("described", narrow, "t") +
             Doc("written", narrow, "another") + "commit { documents: 3 }");
  Restore("restored");
  EXPECT_TRUE(Sees("same"));
  EXPECT_FALSE(Sees("described") || Sees("written") || Sees("gone"));
  EXPECT_TRUE(Sees("described", "user:b"));
}

// Nothing of it is told by a list: when a document is due, and whom it is about.
TEST_F(Restoring, ALaterEndOfADocumentIsForgotten) {
  StopTime();
  const Micros soon = engine_->clock()->Now() / 1'000'000 + 100;
  const std::string due = "erase_after { seconds: " + std::to_string(soon) + " } ";
  for (const std::string id : {"due", "extended", "replaced"}) Ingest(id, due);
  ASSERT_TRUE(engine_->Backup(0).ok());
  Describe("extended", "erase_after", "erase_after { seconds: 9000000000 }");
  Ingest("replaced", "erase_after { seconds: 9000000000 }");
  engine_.reset();
  Pass(std::chrono::seconds(200));
  Restore("restored");
  EXPECT_TRUE(WaitUntil([&] { return !Sees("due"); }));
  EXPECT_TRUE(WaitUntil([&] { return !Sees("replaced"); })) << "its older content is due as it was";
  EXPECT_TRUE(Sees("extended"));
}

TEST_F(Restoring, WhomADocumentIsAboutIsForgotten) {
  Ingest("a", "subjects: 'person:1'");
  Ingest("b", "subjects: 'person:1'");
  Ingest("other");
  ASSERT_TRUE(engine_->Backup(0).ok());
  Describe("a", "subjects", "subjects: 'person:2'");
  Ingest("b", "subjects: 'person:3'");
  Restore("restored");
  Restore("again", 1);
  EXPECT_EQ(EraseAll("subject: 'person:2'"), 1u);
  EXPECT_FALSE(Sees("a"));
  EXPECT_EQ(EraseAll("subject: 'person:1'"), 1u) << "the content of before was about them";
  EXPECT_FALSE(Sees("b"));
  EXPECT_TRUE(Sees("other"));
}

TEST_F(Restoring, AQuotaIsForgotten) {
  Ingest("a");
  ASSERT_TRUE(engine_->Backup(0).ok());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Sees("a"));
  const auto used = [&] {
    const auto tenant = engine_->FindTenant("default");
    uint64_t passages = 0;
    for (const auto& [name, record] : tenant->meters.Keys(engine_->clock()->Now())) {
      passages += record.passages();
    }
    return passages;
  };
  const uint64_t before = used();
  EXPECT_GE(before, 3u);
  Restore("restored");
  EXPECT_GE(used(), before);
}

TEST_F(Restoring, ABackupThatWasGivenUpComesBack) {
  Ingest("a");
  KeepStore();
  Ingest("b");
  Ingest("c");
  ASSERT_TRUE(engine_->Backup(0).ok());
  LoseStore();
  Open("data", 2);
  DeleteDocument("a");  // a number that the backup has, too
  engine_.reset();
  EXPECT_EQ(TryRestore(paths("restored")), "FAILED_PRECONDITION: backup") << message_;
  EXPECT_NE(message_.find("--backup"), message_.npos) << message_;
  Open();
  ASSERT_TRUE(engine_->Backup(0).ok());
  Restore("restored");
  EXPECT_FALSE(Sees("a") || Sees("b") || Sees("c"));
}

// What was given up has numbers, which it shares with nobody: of some the keys are destroyed, and a
// document under such a key would be lost.
TEST_F(Restoring, ANumberWhoseKeyIsDestroyedIsNeverGivenAgain) {
  Ingest("a");  // 0
  KeepStore();
  Ingest("b");  // 1
  EraseAll("document: 'b'");
  Ingest("c");  // 2
  LoseStore();
  Open("data", 2);
  Open();  // the numbers stay skipped without the option, too
  Ingest("d");
  EXPECT_TRUE(Sees("a") && Sees("d"));
  EXPECT_GE(Pin()->state().next_document, KeyStore::kSegmentKeys + 1);
  const uint64_t next = Pin()->state().next_document;
  Open("data", 3);  // nothing is lost any more, and no number is skipped
  EXPECT_EQ(Pin()->state().next_document, next);
  EXPECT_TRUE(Sees("d"));
}

TEST_F(Restoring, AChangeThatWasGivenUpIsMade) {
  Ingest("a");
  Ingest("b");
  ASSERT_TRUE(engine_->Backup(0).ok());
  Ingest("c");
  KeepStore();
  DeleteDocument("a");
  Do<v1::ApplyPolicyResponse, v1::ApplyPolicyRequest>(
      ApplyPolicy,
      "destinations { destination { name: 'lost' scope: 4 ceiling { symbol: SYMBOL_ALL } } }");
  LoseStore();
  Open("data", 4);
  DeleteDocument("b");
  const uint64_t last = Pin()->revision();
  ASSERT_EQ(last, 5u);
  Restore("restored");
  EXPECT_EQ(Pin()->revision(), last);
  EXPECT_TRUE(Sees("a"));
  EXPECT_FALSE(Sees("b"));
  EXPECT_FALSE(Pin()->policy().rules->destinations.contains("lost"));
}

TEST_F(Restoring, AJournalWithItsEndCutOffIsBelieved) {
  for (const char* id : {"a", "b", "c"}) Ingest(id);
  ASSERT_TRUE(engine_->Backup(0).ok());
  DeleteDocument("a");
  engine_.reset();
  fs::copy(scratch_ / "journal", scratch_ / "whole", fs::copy_options::recursive);
  const std::string file = scratch_ / "journal/default/000001.log";
  const auto size = fs::file_size(file);
  fs::resize_file(file, size / 4);
  EXPECT_EQ(TryRestore(paths("restored")), "FAILED_PRECONDITION: journal_dir") << message_;
  EXPECT_NE(message_.find("--journal-dir"), message_.npos) << message_;
  EXPECT_EQ(fs::file_size(file), size / 4) << "evidence was changed";
  fs::remove_all(scratch_ / "journal");
  EXPECT_EQ(TryRestore(paths("restored")), "FAILED_PRECONDITION: journal_dir") << message_;
  fs::rename(scratch_ / "whole", scratch_ / "journal");
  Restore("restored");
  EXPECT_FALSE(Sees("a"));
}

TEST_F(Restoring, TheJournalOfAnotherStoreIsBelieved) {
  Ingest("a");
  ASSERT_TRUE(engine_->Backup(0).ok());
  engine_.reset();
  const DataPaths other = MakeOther();
  auto opened = Engine::Open(Options(other));
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  engine_ = *std::move(opened);
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    Do<v1::ApplyDirectoryResponse, v1::ApplyDirectoryRequest>(
        ApplyDirectory,
        "principals { name: 'group:" + std::string(name) + "' sets_members: true }");
  }
  engine_.reset();
  DataPaths wrong = paths("restored");
  wrong.journal_dir = other.journal_dir;
  EXPECT_EQ(TryRestore(wrong), "FAILED_PRECONDITION: journal_dir") << message_;
  Restore("restored");
  EXPECT_TRUE(Sees("a"));
}

TEST_F(Restoring, AStoppingServerWaitsForABackup) {
  ASSERT_TRUE(engine_->Backup(0).ok());
  engine_->StopBackups();
  EXPECT_EQ(engine_->Backup(0).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(engine_->Backups(/*verify=*/true).status().code(), StatusCode::kUnavailable);
  const auto listed = engine_->Backups(/*verify=*/false);
  ASSERT_TRUE(listed.ok());
  EXPECT_EQ(listed->size(), 1u);
}

// Not even under a FORMAT, which it gets before its name. A server that is started on it leaves it
// as it is, and the same command works again.
TEST_F(Restoring, WhatAKilledRestoreLeavesIsTakenForAStore) {
  Ingest("a");
  ASSERT_TRUE(engine_->Backup(0).ok());
  DeleteDocument("a");
  engine_.reset();
  const fs::path left = scratch_ / "restored/store.restoring";
  fs::create_directories(scratch_ / "restored");
  fs::copy(scratch_ / "data/store", left, fs::copy_options::recursive);
  fs::copy(scratch_ / "data/FORMAT", scratch_ / "restored/FORMAT");
  const Status opened = Engine::Open(Options(paths("restored"))).status();
  EXPECT_EQ(opened.code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(std::string(opened.message()).find("restore again"), std::string::npos)
      << opened.message();
  EXPECT_FALSE(fs::exists(scratch_ / "restored/store"));
  Restore("restored");
  EXPECT_FALSE(fs::exists(left));
  EXPECT_FALSE(Sees("a"));
}

TEST_F(Restoring, AStoreIsTakenForWhatAKilledRestoreLeaves) {
  Ingest("a");
  ASSERT_TRUE(engine_->Backup(0).ok());
  engine_.reset();
  const auto refused = [&] {
    const Status status = RestoreStore(scratch_ / "backups", 0, paths("data")).status();
    return std::string(CodeName(status.code())) + ": " + std::string(status.field());
  };
  fs::create_directories(scratch_ / "data/store.restoring");
  EXPECT_EQ(refused(), "FAILED_PRECONDITION: data_dir");
  fs::rename(scratch_ / "data/FORMAT", scratch_ / "FORMAT");
  EXPECT_EQ(refused(), "FAILED_PRECONDITION: data_dir") << "its FORMAT is lost";
  fs::remove(scratch_ / "data/store.restoring");
  fs::rename(scratch_ / "FORMAT", scratch_ / "data/FORMAT");
  Open();
  EXPECT_TRUE(Sees("a"));
}

TEST_F(Restoring, AFailedRestoreCannotBeRepeated) {
  Ingest("a");
  ASSERT_TRUE(engine_->Backup(0).ok());
  EXPECT_EQ(TryRestore(paths("restored")), "FAILED_PRECONDITION: journal_dir") << message_;
  engine_.reset();
  DataPaths wrong = paths("restored");
  wrong.journal_key = scratch_ / "nowhere";
  EXPECT_EQ(TryRestore(wrong), "FAILED_PRECONDITION: journal_key");
  EXPECT_NE(message_.find("--journal-key"), message_.npos) << message_;
  wrong = paths("restored");
  wrong.master_key = scratch_ / "nowhere";
  EXPECT_EQ(TryRestore(wrong), "FAILED_PRECONDITION: master_key");
  EXPECT_NE(message_.find("--master-key"), message_.npos) << message_;
  wrong = paths("restored");
  wrong.keys_dir = scratch_ / "nowhere";
  EXPECT_EQ(TryRestore(wrong), "FAILED_PRECONDITION: keys_dir") << message_;
  wrong.keys_dir = MakeOther().keys_dir;
  EXPECT_EQ(TryRestore(wrong), "FAILED_PRECONDITION: keys_dir") << message_;
  Restore("restored");
  EXPECT_TRUE(Sees("a"));
}

}  // namespace
}  // namespace cordon
