// Keys of files that come back, or are given twice.
#include "engine/crypto/file_keys.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/crypto/digest.h"
#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

class FilesKeys : public testing::Test {
 protected:
  std::filesystem::path Path() const { return scratch_ / "files"; }
  std::unique_ptr<FileKeys> Opened(std::string_view seal = "seal") {
    auto keys = std::make_unique<FileKeys>(Path(), DiskKeyFiles(), SecretKey{Sha256(seal)});
    loaded_ = keys->Load();
    return keys;
  }
  static std::string Key(const FileKeys& keys, uint64_t number) {
    const auto key = keys.Find(number);
    return key ? std::string(key->bytes()) : "none";
  }

  ScratchDirectory scratch_;
  bool loaded_ = false;
};

TEST_F(FilesKeys, OutliveARestartUntilTheyAreDestroyed) {
  const auto keys = Opened();
  const auto first = keys->Make(), second = keys->Make();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(first->number, second->number);
  EXPECT_NE(first->key.bytes(), second->key.bytes());
  EXPECT_EQ(Key(*Opened(), second->number), second->key.bytes());
  ASSERT_TRUE(keys->Destroy({&first->number, 1}).ok());
  EXPECT_EQ(Key(*keys, first->number), "none");
  const auto later = Opened();
  EXPECT_EQ(Key(*later, first->number), "none");
  EXPECT_EQ(Key(*later, second->number), second->key.bytes());
  // A number is not given again, even if all are gone.
  ASSERT_TRUE(later->DestroyOthers({}).ok());
  const auto third = Opened()->Make();
  ASSERT_TRUE(third.ok());
  EXPECT_GT(third->number, second->number);
}

// What is sealed in the file tells by its size how many keys it holds.
TEST_F(FilesKeys, ADestroyedOneIsNotInTheFile) {
  const auto keys = Opened();
  const auto first = keys->Make();
  ASSERT_TRUE(first.ok() && keys->Destroy({&first->number, 1}).ok());
  const auto none = std::filesystem::file_size(Path());
  const auto made = keys->Make();
  ASSERT_TRUE(made.ok());
  EXPECT_GE(std::filesystem::file_size(Path()), none + SecretKey::kBytes);
  ASSERT_TRUE(keys->Destroy({&made->number, 1}).ok());
  EXPECT_EQ(std::filesystem::file_size(Path()), none);
}

// Files outlive the keys' file that was lost: a new one must not get the number of one of them.
TEST_F(FilesKeys, NumbersOfFilesThatThereAreAreNotGivenAgain) {
  ASSERT_TRUE(Opened()->Make().ok());
  std::filesystem::remove(Path());
  const auto keys = Opened();
  ASSERT_TRUE(keys->DestroyOthers({3, 9}).ok());
  const auto made = keys->Make();
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->number, 10u);
}

TEST_F(FilesKeys, DamageOrAnotherSealIsNoKeys) {
  const auto made = Opened()->Make();
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(Key(*Opened("another"), made->number), "none");
  EXPECT_FALSE(loaded_);
  const auto size = std::filesystem::file_size(Path());
  for (uintmax_t place = 0; place < size; ++place) {
    std::fstream file(Path(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(place));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(place));
    file.put(static_cast<char>(byte ^ 16)).flush();
    EXPECT_EQ(Key(*Opened(), made->number), "none") << place;
    file.seekp(static_cast<std::streamoff>(place));
    file.put(static_cast<char>(byte)).flush();
  }
  EXPECT_EQ(Key(*Opened(), made->number), made->key.bytes());
  std::filesystem::remove(Path());
  EXPECT_EQ(Key(*Opened(), made->number), "none");
  EXPECT_TRUE(loaded_);
}

// What is damaged still has the bits of the others: who has the seal's key needs no tag.
TEST_F(FilesKeys, DamagedOnesStayOnTheDisk) {
  ASSERT_TRUE(Opened()->Make().ok());
  const auto one = std::filesystem::file_size(Path());
  std::fstream file(Path(), std::ios::binary | std::ios::in | std::ios::out);
  const int byte = file.seekg(40).get();
  file.seekp(40).put(static_cast<char>(byte ^ 16)).flush();
  const auto damaged = Opened();
  ASSERT_FALSE(loaded_);
  ASSERT_TRUE(damaged->DestroyOthers({7}).ok());
  EXPECT_LT(std::filesystem::file_size(Path()), one);
  (void)Opened();
  EXPECT_TRUE(loaded_);
  const auto made = damaged->Make();
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->number, 8u);
}

}  // namespace
}  // namespace cordon
