// The copy of the keys: an erased document opens with it, or a kept one does not.
#include "tests/engine/erasing.h"

namespace cordon {
namespace {

using State = KeyStore::State;

class CopiedKeys : public Erasing {
 protected:
  void SetUp() override {
    fs::create_directory(copy());
    keys_copy_ = copy();
    Erasing::SetUp();
    Ingest("doc/secret", kSecret, kText);
    Ingest("kept", "", "t", {1, 2, 3, 4});  // nothing of the other's
  }
  std::string copy() const { return scratch_ / "keys copy"; }
  // The disk of the keys is lost, and its copy takes its place.
  void StartFromCopy() {
    engine_.reset();
    fs::remove_all(scratch_ / "keys");
    fs::rename(copy(), scratch_ / "keys");
    fs::create_directory(copy());
    Open();
  }
};

TEST_F(CopiedKeys, AnErasedDocumentOpensWithTheCopy) {
  EXPECT_EQ(KeyOf(0, "keys copy"), State::kThere);
  ASSERT_TRUE(TryErase("document: 'doc/secret'").ok());
  EXPECT_EQ(KeyOf(0, "keys copy"), State::kDestroyed) << "answered before";
  EXPECT_EQ(KeyOf(1, "keys copy"), State::kThere);
  engine_.reset();
  const auto found = Search("data", "keys copy").found;
  EXPECT_TRUE(std::none_of(found.begin(), found.end(), [](const auto& one) {
    return one.where.find("decrypted") != std::string::npos;
  }));
  StartFromCopy();
  EXPECT_TRUE(Sees("kept"));
  EXPECT_FALSE(Sees("doc/secret"));
  EXPECT_EQ(KeyOf(1, "keys copy"), State::kThere) << "the copy has no copy";
}

TEST_F(CopiedKeys, ABackupOpensWithTheCopyAlone) {
  ASSERT_TRUE(engine_->Backup(1).ok());
  ASSERT_TRUE(TryErase("document: 'doc/secret'").ok());
  engine_.reset();
  fs::remove_all(scratch_ / "keys");
  fs::rename(copy(), scratch_ / "keys");
  fs::create_directory(copy());
  Restore("restored");
  EXPECT_TRUE(Sees("kept"));
  EXPECT_FALSE(Sees("doc/secret"));
}

TEST_F(CopiedKeys, ACopyThatFailsStopsAnErasureOrIsForgotten) {
  keys_disk_->copy_failing = true;
  const auto erased = TryErase("document: 'doc/secret'");
  ASSERT_TRUE(erased.ok()) << erased.status().ToString();
  Ingest("more");
  EXPECT_EQ(KeyOf(0), State::kDestroyed);
  EXPECT_EQ(KeyOf(0, "keys copy"), State::kThere);
  EXPECT_TRUE(engine_->figures().keys_copy_behind);
  const auto verified = [&] { return Verified(erased->revision()); };
  EXPECT_FALSE(WaitUntil(verified, std::chrono::seconds(2)))
      << "a receipt for what the copy still opens";
  keys_disk_->copy_failing = false;
  EXPECT_TRUE(WaitUntil(verified));
  EXPECT_EQ(KeyOf(0, "keys copy"), State::kDestroyed);
  EXPECT_FALSE(engine_->figures().keys_copy_behind);
}

TEST_F(CopiedKeys, WhatIsErasedWhileNoCopyIsKeptStaysInIt) {
  keys_copy_.clear();
  Open();
  EraseAll("document: 'doc/secret'");
  EXPECT_EQ(KeyOf(0, "keys copy"), State::kThere);
  keys_copy_ = copy();
  Open();
  EXPECT_EQ(KeyOf(0, "keys copy"), State::kDestroyed);
}

TEST_F(CopiedKeys, AStartGoesOnWithoutItsCopy) {
  engine_.reset();
  fs::rename(copy(), scratch_ / "elsewhere");
  const Status refused = Engine::Open(Options(paths())).status();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(refused.field(), "keys_copy_dir");
}

}  // namespace
}  // namespace cordon
