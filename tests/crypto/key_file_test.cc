// A key that others can read, a key that is half there, a key that a second start replaced.
#include "engine/crypto/key_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace cordon {
namespace {

namespace fs = std::filesystem;

class KeyFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "cordon-key-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override { fs::remove_all(dir_); }

  fs::path Write(std::string_view content, mode_t mode = 0600) {
    const fs::path path = dir_ / "written.key";
    fs::remove(path);
    std::ofstream(path, std::ios::binary) << content;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }

  int Files() const {
    return static_cast<int>(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()));
  }

  fs::path dir_;
};

TEST_F(KeyFile, IsReadBackAndIsForItsOwnerOnlyWhateverTheUmask) {
  for (const mode_t mask : {0, 022, 0777}) {
    const mode_t before = umask(mask);
    const fs::path path = dir_ / ("k" + std::to_string(mask));
    auto made = CreateKeyFile(path);
    umask(before);
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    auto read = ReadKeyFile(path);
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    EXPECT_EQ(read->bytes(), made->bytes());
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  }
  EXPECT_EQ(Files(), 3) << "a temporary file was left";
}

TEST_F(KeyFile, ASecondStartDoesNotReplaceTheKey) {
  const fs::path path = dir_ / "journal.key";
  auto first = CreateKeyFile(path);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(CreateKeyFile(path).status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(WriteSecretFile(path, "x").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(ReadKeyFile(path)->bytes(), first->bytes());
  EXPECT_EQ(Files(), 1) << "a temporary file was left";
}

TEST_F(KeyFile, ADanglingLinkIsATakenName) {
  fs::create_symlink(dir_ / "elsewhere", dir_ / "link");
  EXPECT_EQ(WriteSecretFile(dir_ / "link", "x").code(), StatusCode::kAlreadyExists);
  EXPECT_FALSE(fs::exists(dir_ / "elsewhere"));
}

TEST_F(KeyFile, OneThatOthersCanReachIsRefusedWithTheRemedy) {
  const std::string line(64, 'a');
  EXPECT_TRUE(ReadKeyFile(Write(line)).ok());
  EXPECT_TRUE(ReadKeyFile(Write(line, 0400)).ok());
  for (const mode_t mode : {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0666, 0777}) {
    auto key = ReadKeyFile(Write(line, mode));
    ASSERT_EQ(key.status().code(), StatusCode::kFailedPrecondition) << std::oct << mode;
    EXPECT_NE(key.status().message().find("chmod 600"), std::string::npos);
  }
}

TEST_F(KeyFile, AnythingButOneLineOf64DigitsIsRefused) {
  const std::string digits(64, '7');
  EXPECT_TRUE(ReadKeyFile(Write(digits + "\n")).ok());
  for (const std::string& content :
       {std::string(), std::string("\n"), digits.substr(1), digits.substr(2), digits + "7",
        digits + "77", digits + "\n\n", digits + "\r\n", " " + digits, digits.substr(1) + "g",
        std::string(32, '\x01'), std::string(1 << 20, '7')}) {
    EXPECT_EQ(ReadKeyFile(Write(content)).status().code(), StatusCode::kInvalidArgument)
        << content.substr(0, 80);
  }
}

TEST_F(KeyFile, AMissingFileAndADirectoryAreRefused) {
  EXPECT_EQ(ReadKeyFile(dir_ / "none").status().code(), StatusCode::kNotFound);
  EXPECT_FALSE(ReadKeyFile(dir_).ok());
  EXPECT_EQ(WriteSecretFile(dir_ / "none" / "x", "x").code(), StatusCode::kNotFound);
}

TEST_F(KeyFile, ASecretComesBackWholeAndATooLongOneNotCut) {
  const std::string secret = std::string("one\ntwo\0three", 13);
  ASSERT_TRUE(WriteSecretFile(dir_ / "s", secret).ok());
  EXPECT_EQ(*ReadSecretFile(dir_ / "s", secret.size()), secret);
  EXPECT_EQ(ReadSecretFile(dir_ / "s", secret.size() - 1).status().code(),
            StatusCode::kInvalidArgument);
}

// As a file that grows: this one says that it has no bytes.
TEST_F(KeyFile, ASecretIsCutToTheSizeThatItsFileHad) {
  const auto read = ReadSecretFile("/proc/self/environ", 1 << 20);
  EXPECT_EQ(read.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(read.status().message().find("grew"), std::string::npos);
}

}  // namespace
}  // namespace cordon
