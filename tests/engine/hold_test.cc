// Fears about legal holds: that something erases what is held, or that holds name anybody.

#include "tests/engine/erasing.h"

namespace cordon {
namespace {

TEST_F(Erasing, WhatIsHeldIsErased) {
  Ingest("doc/secret", kSecret, kText);
  Ingest("doc/other", "subjects: 'person:5'");
  ASSERT_EQ(Hold("subject: 'person:123'"), StatusCode::kOk);
  ASSERT_EQ(Hold("document: 'doc/other'"), StatusCode::kOk);
  for (const std::string which :
       {"document: 'doc/secret'", "subject: 'person:123'", "source: 'hris'",
        "document: 'doc/other'", "subject: 'person:5'"}) {
    const auto erased = TryErase(which);
    EXPECT_EQ(erased.status().code(), StatusCode::kFailedPrecondition) << which;
    EXPECT_NE(erased.status().message().find("case-7"), std::string::npos) << which;
  }
  EXPECT_TRUE(Sees("doc/secret") && Sees("doc/other"));
  Open();
  EXPECT_FALSE(TryErase("document: 'doc/secret'").ok());
  ASSERT_EQ(Hold("subject: 'person:123'", /*release=*/true), StatusCode::kOk);
  EXPECT_EQ(EraseAll("document: 'doc/secret'"), 1u);
  EXPECT_TRUE(Sees("doc/other"));
}

// A version bears the subjects that it was written with, whatever its document is about now.
TEST_F(Erasing, AnOlderVersionAboutWhomIsHeldIsErased) {
  const std::string held = "subjects: 'person:123' ";
  Ingest("replaced", held);                                                    // 0
  Ingest("replaced", "subjects: 'person:5' provenance { source: 'hris' }");    // 1
  Ingest("gone", held + "subjects: 'person:7' provenance { source: 'crm' }");  // 2
  Do<v1::DeleteResponse, v1::DeleteRequest>(Delete, "collection: 'docs' document: 'gone'");
  ASSERT_EQ(Hold("subject: 'person:123'"), StatusCode::kOk);
  for (const std::string which : {"document: 'replaced'", "subject: 'person:5'", "source: 'hris'",
                                  "document: 'gone'", "subject: 'person:7'", "source: 'crm'"}) {
    const auto erased = TryErase(which);
    EXPECT_EQ(erased.status().code(), StatusCode::kFailedPrecondition) << which;
    EXPECT_NE(erased.status().message().find("case-7"), std::string::npos) << which;
  }
  Ingest("due", held);                             // 3
  Ingest("due", "erase_after { seconds: 1000 }");  // 4
  Ingest("free", "erase_after { seconds: 1000 }");
  EXPECT_TRUE(WaitUntil([&] { return !Sees("free"); }))
      << "the test shows nothing: retention has not looked";
  EXPECT_TRUE(Sees("replaced") && Sees("due"));
  for (const uint64_t number : {0, 1, 2, 3, 4}) {
    EXPECT_EQ(KeyOf(number), KeyStore::State::kThere) << number;
  }
  ASSERT_EQ(Hold("subject: 'person:123'", /*release=*/true), StatusCode::kOk);
  EXPECT_EQ(EraseAll("document: 'replaced'"), 1u);
  EXPECT_EQ(EraseAll("subject: 'person:7'"), 0u);
  for (const uint64_t number : {0, 1, 2}) {
    EXPECT_EQ(KeyOf(number), KeyStore::State::kDestroyed) << number;
  }
}

// As after a Delete: what the source has no more is gone for everybody, and its versions stay.
TEST_F(Erasing, AListingErasesWhatIsHeld) {
  Ingest("held", "subjects: 'person:123' provenance { source: 'hris' }");  // 0
  ASSERT_EQ(Hold("subject: 'person:123'"), StatusCode::kOk);
  SyncSource("begin { collection: 'docs' source: 'hris' allow_removals: true } commit { }");
  EXPECT_FALSE(Sees("held"));
  for (const std::string which : {"document: 'held'", "subject: 'person:123'", "source: 'hris'"}) {
    const auto erased = TryErase(which);
    EXPECT_EQ(erased.status().code(), StatusCode::kFailedPrecondition) << which;
  }
  EXPECT_EQ(KeyOf(0), KeyStore::State::kThere);
  ASSERT_EQ(Hold("subject: 'person:123'", /*release=*/true), StatusCode::kOk);
  EXPECT_EQ(EraseAll("source: 'hris'"), 0u);
  EXPECT_EQ(KeyOf(0), KeyStore::State::kDestroyed);
}

TEST_F(Erasing, AHoldLeavesANameInTheJournal) {
  ASSERT_EQ(Hold("subject: 'person:123'"), StatusCode::kOk);
  ASSERT_EQ(Hold("document: 'doc/secret'"), StatusCode::kOk);
  engine_.reset();
  const ErasedVerdict verdict = Search();
  EXPECT_GT(verdict.entries, 0u);
  EXPECT_TRUE(verdict.ok()) << verdict.found[0].where;
}

TEST_F(Erasing, ABackupForgetsWhatIsHeld) {
  Ingest("doc/secret", kSecret, kText);
  Ingest("doc/other");
  ASSERT_TRUE(engine_->Backup(0).ok());
  ASSERT_EQ(Hold("subject: 'person:123'"), StatusCode::kOk);
  ASSERT_EQ(Hold("document: 'doc/other'"), StatusCode::kOk);
  Restore("restored");
  EXPECT_FALSE(TryErase("document: 'doc/secret'").ok());
  EXPECT_FALSE(TryErase("document: 'doc/other'").ok());
  ASSERT_EQ(Hold("document: 'doc/other'", /*release=*/true), StatusCode::kOk);
  EXPECT_EQ(EraseAll("document: 'doc/other'"), 1u);
}

}  // namespace
}  // namespace cordon
