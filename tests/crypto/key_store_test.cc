// Keys that come back, or that go with others.
#include "engine/crypto/key_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/crypto/digest.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMany = KeyStore::kSegmentKeys;

std::string ReadAll(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Keys : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(dir());
    ASSERT_TRUE(KeyStore::Create(Options()).ok());
    Open();
  }
  fs::path dir() const { return scratch_ / "keys"; }
  KeyStore::Options Options(std::string_view master = "master") const {
    return {dir(), SecretKey{Sha256(master)}, nullptr};
  }
  void Open() {
    keys_.reset();
    auto opened = KeyStore::Open(Options());
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    keys_ = *std::move(opened);
  }
  std::string Key(uint64_t number, uint32_t tenant = 1) {
    const auto found = keys_->Find(tenant, number);
    if (found.state == KeyStore::State::kNone) return "none";
    if (found.state == KeyStore::State::kDestroyed) return "destroyed";
    return std::string(found.key->bytes());
  }
  void Destroy(std::vector<uint64_t> numbers) {
    const Status destroyed = keys_->Destroy(1, numbers);
    ASSERT_TRUE(destroyed.ok()) << destroyed.ToString();
  }
  StatusCode Reopened(const KeyStore::Options& options) {
    keys_.reset();
    return KeyStore::Open(options).status().code();
  }

  ScratchDirectory scratch_;
  std::unique_ptr<KeyStore> keys_;
};

TEST_F(Keys, AWalkFindsOthers) {
  for (const uint64_t number : {uint64_t{0}, kMany, 3 * kMany}) {
    ASSERT_TRUE(keys_->Provide(1, number).ok());
  }
  ASSERT_TRUE(keys_->DestroyRange(1, kMany, 2 * kMany).ok());  // all of a segment
  Destroy({3, 3 * kMany + 7});
  KeyStore::Walk walk(*keys_, 1);
  for (uint64_t number = 0; number < 5 * kMany; ++number) {
    const auto found = keys_->Find(1, number);
    const auto walked = walk.Find(number);
    ASSERT_EQ(walked.state, found.state) << number;
    if (!found.key) continue;
    ASSERT_EQ(walked.key->bytes(), found.key->bytes()) << number;
  }
  EXPECT_EQ(KeyStore::Walk(*keys_, 2).Find(0).state, KeyStore::State::kNone);
}

TEST_F(Keys, TwoHoldThem) {
  std::ofstream(dir() / "0.tmp") << "of a file that is being replaced";
  const auto second = KeyStore::Open(Options());
  EXPECT_EQ(second.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(second.status().field(), "keys_dir");
  EXPECT_TRUE(fs::exists(dir() / "0.tmp"));
}

TEST_F(Keys, AKeyIsAnotherAfterARestart) {
  EXPECT_EQ(Key(0), "none");
  ASSERT_TRUE(keys_->Provide(1, 5).ok());
  ASSERT_TRUE(keys_->Provide(1, kMany).ok());
  ASSERT_TRUE(keys_->Provide(2, 5).ok());
  const std::string five = Key(5), other = Key(5, 2), next = Key(kMany);
  EXPECT_EQ(five.size(), 32u);
  EXPECT_NE(five, other);
  EXPECT_NE(five, Key(6));
  EXPECT_NE(five, next);
  const std::string id = keys_->id();
  Open();
  EXPECT_EQ(Key(5), five);
  EXPECT_EQ(Key(5, 2), other);
  EXPECT_EQ(Key(kMany), next);
  EXPECT_EQ(keys_->id(), id);
  EXPECT_EQ(keys_->End(1), 2 * kMany);
  EXPECT_EQ(keys_->End(2), kMany);
  EXPECT_EQ(keys_->End(3), 0u);
}

TEST_F(Keys, ADestroyedKeyComesBack) {
  ASSERT_TRUE(keys_->Provide(1, 0).ok());
  ASSERT_TRUE(keys_->Provide(1, kMany).ok());
  const std::string six = Key(6);
  Destroy({5, kMany + 3, 99 * kMany});  // the last one was never there
  for (int i = 0; i < 2; ++i, Open()) {
    EXPECT_EQ(Key(5), "destroyed");
    EXPECT_EQ(Key(kMany + 3), "destroyed");
    EXPECT_EQ(Key(6), six) << "another's went with it";
    ASSERT_TRUE(keys_->Provide(1, 5).ok());
    EXPECT_EQ(Key(5), "destroyed") << "given a second time";
    EXPECT_EQ(keys_->CountKeys().destroyed, 2u);
  }
  std::vector<uint64_t> all(kMany);
  for (uint64_t i = 0; i < kMany; ++i) all[i] = i;
  Destroy(all);
  for (int i = 0; i < 2; ++i, Open()) {
    EXPECT_EQ(Key(7), "destroyed");
    EXPECT_EQ(keys_->CountKeys().there, kMany - 1);
  }
  EXPECT_LT(fs::file_size(dir() / "00000001-00000000.keys"), 100u) << "nothing is left to keep";
}

TEST_F(Keys, ARangeEndsElsewhere) {
  for (const uint64_t number : {uint64_t{0}, kMany, 2 * kMany}) {
    ASSERT_TRUE(keys_->Provide(1, number).ok());
  }
  ASSERT_TRUE(keys_->Provide(2, 0).ok());
  ASSERT_TRUE(keys_->DestroyRange(1, kMany - 1, 2 * kMany + 1).ok());
  EXPECT_EQ(keys_->CountKeys().destroyed, kMany + 2);
  EXPECT_EQ(Key(kMany - 2).size(), 32u);
  EXPECT_EQ(Key(2 * kMany + 1).size(), 32u);
  ASSERT_TRUE(keys_->DestroyRange(1, 5, 5).ok());
  EXPECT_EQ(keys_->CountKeys().destroyed, kMany + 2);
  ASSERT_TRUE(keys_->DestroyRange(1, 0, UINT64_MAX).ok());
  EXPECT_EQ(keys_->CountKeys().there, kMany) << "of another tenant, or none";
}

TEST_F(Keys, TheOldBytesStayWhereTheyLay) {
  ASSERT_TRUE(keys_->Provide(1, 0).ok());
  const fs::path file = dir() / "00000001-00000000.keys";
  fs::create_hard_link(file, scratch_ / "old");  // what holds the disk's blocks
  ASSERT_NE(ReadAll(scratch_ / "old").find_first_not_of('\0'), std::string::npos);
  Destroy({5});
  EXPECT_EQ(ReadAll(scratch_ / "old").find_first_not_of('\0'), std::string::npos);
  EXPECT_NE(ReadAll(file).find_first_not_of('\0'), std::string::npos);
}

TEST_F(Keys, WhatACrashLeftKeepsACopy) {
  ASSERT_TRUE(keys_->Provide(1, 0).ok());
  const fs::path left = dir() / "00000001-00000000.keys.0123456789abcdef.tmp";
  fs::copy_file(dir() / "00000001-00000000.keys", left);
  Open();
  EXPECT_FALSE(fs::exists(left));
  EXPECT_EQ(Key(0).size(), 32u);
}

TEST_F(Keys, KeysInTheClear) {
  ASSERT_TRUE(keys_->Provide(1, 0).ok());
  for (const auto& entry : fs::directory_iterator(dir())) {
    const std::string bytes = ReadAll(entry.path());
    EXPECT_EQ(bytes.find(Key(0)), bytes.npos);
    EXPECT_EQ(bytes.find(Key(kMany - 1)), bytes.npos);
    EXPECT_EQ(fs::status(entry.path()).permissions(), fs::perms(0600));
  }
}

TEST_F(Keys, DamageIsBelieved) {
  ASSERT_TRUE(keys_->Provide(1, 0).ok());
  ASSERT_TRUE(keys_->Provide(1, kMany).ok());
  for (const std::string name : {"root", "00000001-00000000.keys"}) {
    const std::string bytes = ReadAll(dir() / name);
    for (size_t i = 0; i < bytes.size(); i += 1 + bytes.size() / 23) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ 4);
      std::ofstream(dir() / name, std::ios::binary) << changed;
      EXPECT_NE(Reopened(Options()), StatusCode::kOk) << name << " byte " << i;
      std::ofstream(dir() / name, std::ios::binary) << bytes.substr(0, i);
      EXPECT_NE(Reopened(Options()), StatusCode::kOk) << name << " cut at " << i;
    }
    std::ofstream(dir() / name, std::ios::binary) << bytes;
  }
  EXPECT_EQ(Reopened(Options()), StatusCode::kOk);
  // Whole, and in another's place.
  fs::copy_file(dir() / "00000001-00000000.keys", dir() / "00000001-00000001.keys",
                fs::copy_options::overwrite_existing);
  EXPECT_EQ(Reopened(Options()), StatusCode::kDataLoss);
}

TEST_F(Keys, AnotherMasterKeyOpensThem) {
  EXPECT_EQ(Reopened(Options("another")), StatusCode::kFailedPrecondition);
  EXPECT_EQ(KeyStore::Create(Options()).code(), StatusCode::kAlreadyExists);
  fs::remove(dir() / "root");
  EXPECT_EQ(Reopened(Options()), StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace cordon
