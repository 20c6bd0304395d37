// A copy of keys that is not the newest, or takes the place of a newer one.
#include "engine/crypto/copied_key_files.h"

#include <gtest/gtest.h>

#include <fstream>

#include "engine/crypto/digest.h"
#include "engine/crypto/key_store.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

constexpr char kFirst[] = "00000001-00000000.keys";
constexpr char kSecond[] = "00000001-00000001.keys";

class CopiedKeys : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* dir : {"keys", "copy"}) fs::create_directory(scratch_ / dir);
    ASSERT_TRUE(KeyStore::Create(Options("keys")).ok());
    Open();
  }
  KeyStore::Options Options(const std::string& dir) const {
    return {scratch_ / dir, SecretKey{Sha256("master")}, nullptr, scratch_ / "copy"};
  }
  void Open(const std::string& dir = "keys") {
    keys_.reset();
    auto opened = KeyStore::Open(Options(dir));
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    keys_ = *std::move(opened);
  }
  std::string Read(const std::string& dir, const std::string& name) const {
    std::ifstream in(scratch_ / (dir + "/" + name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  bool IsNewest(const std::string& name) const {
    const std::string here = Read("keys", name);
    return !here.empty() && here == Read("copy", name);
  }
  void Write(const std::string& name, const std::string& content) const {
    std::ofstream(scratch_ / ("copy/" + name), std::ios::binary) << content;
    fs::permissions(scratch_ / ("copy/" + name), fs::perms::owner_read | fs::perms::owner_write);
  }
  std::string Refusal() {
    const Status begun = keys_->BeginCopy();
    return begun.ok() ? "OK"
                      : std::string(CodeName(begun.code())) + ": " + std::string(begun.field());
  }

  ScratchDirectory scratch_;
  std::unique_ptr<KeyStore> keys_;
};

TEST_F(CopiedKeys, AChangeIsNotInTheCopy) {
  ASSERT_TRUE(keys_->Provide(1, 0).ok());
  EXPECT_TRUE(fs::is_empty(scratch_ / "copy")) << "touched before it has begun";
  ASSERT_EQ(Refusal(), "OK");
  EXPECT_TRUE(IsNewest("root") && IsNewest(kFirst));
  ASSERT_TRUE(keys_->Provide(1, KeyStore::kSegmentKeys).ok());
  EXPECT_TRUE(IsNewest(kSecond));
  ASSERT_TRUE(keys_->Destroy(1, std::vector<uint64_t>{7}).ok());
  EXPECT_TRUE(IsNewest(kFirst));
  ASSERT_TRUE(keys_->file_keys().Make().ok());
  EXPECT_FALSE(fs::exists(scratch_ / "copy/files"));
  EXPECT_TRUE(keys_->CatchUpCopy().ok());
  EXPECT_FALSE(keys_->copy_behind());
  for (const auto& entry : fs::directory_iterator(scratch_ / "copy")) {
    EXPECT_EQ(fs::status(entry).permissions(), fs::perms(0600)) << entry.path();
    EXPECT_NE(entry.path().extension(), ".tmp");
  }
}

TEST_F(CopiedKeys, ADamagedOrTornCopyStays) {
  ASSERT_TRUE(keys_->Provide(1, 0).ok());
  ASSERT_EQ(Refusal(), "OK");
  Open();
  Write(kFirst, Read("keys", kFirst).substr(0, 1000));
  Write(std::string(kFirst) + ".tmp", "older keys");
  ASSERT_EQ(Refusal(), "OK");
  EXPECT_TRUE(IsNewest(kFirst));
  EXPECT_FALSE(fs::exists(scratch_ / (std::string("copy/") + kFirst + ".tmp")));
}

TEST_F(CopiedKeys, AnOlderStoreIsCopiedOverItsNewerCopy) {
  ASSERT_TRUE(keys_->Provide(1, 0).ok());
  ASSERT_EQ(Refusal(), "OK");
  ASSERT_TRUE(keys_->Provide(1, KeyStore::kSegmentKeys).ok());
  keys_.reset();
  fs::remove(scratch_ / (std::string("keys/") + kSecond));
  const std::string newest = Read("copy", kSecond);
  Open();
  EXPECT_EQ(Refusal(), "FAILED_PRECONDITION: keys_copy_dir");
  ASSERT_TRUE(keys_->Destroy(1, std::vector<uint64_t>{7}).ok());
  EXPECT_FALSE(IsNewest(kFirst)) << "touched although it was refused";
  EXPECT_EQ(Read("copy", kSecond), newest);
}

TEST_F(CopiedKeys, TheCopyOfAnotherStoreIsOverwritten) {
  ASSERT_EQ(Refusal(), "OK");
  const std::string root = Read("copy", "root");
  fs::create_directory(scratch_ / "other");
  ASSERT_TRUE(KeyStore::Create(Options("other")).ok());
  keys_.reset();
  Open("other");
  EXPECT_EQ(Refusal(), "FAILED_PRECONDITION: keys_copy_dir");
  EXPECT_EQ(Read("copy", "root"), root);
}

TEST_F(CopiedKeys, TheKeysAreTheirOwnCopy) {
  keys_.reset();
  KeyStore::Options options = Options("keys");
  options.copy_dir = options.dir;
  auto opened = KeyStore::Open(std::move(options));
  ASSERT_TRUE(opened.ok());
  keys_ = *std::move(opened);
  EXPECT_EQ(Refusal(), "FAILED_PRECONDITION: keys_copy_dir");
}

TEST_F(CopiedKeys, AMissingDirectoryIsMade) {
  fs::remove(scratch_ / "copy");
  EXPECT_EQ(Refusal(), "FAILED_PRECONDITION: keys_copy_dir");
  EXPECT_FALSE(fs::exists(scratch_ / "copy")) << "its volume may not be mounted";
}

}  // namespace
}  // namespace cordon
