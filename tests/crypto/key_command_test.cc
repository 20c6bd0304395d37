// A key from a program that somebody else wrote, that says something else, or that never ends.
#include "engine/crypto/key_command.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

using std::chrono::milliseconds;

const std::string kDigits(64, 'a');

class KeyCommand : public testing::Test {
 protected:
  std::string Script(const std::string& lines, mode_t mode = 0700,
                     const std::string& shell = "#!/bin/sh\n") {
    const std::string path = scratch_ / "program";
    std::filesystem::remove(path);
    std::ofstream(path) << shell << lines;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
  // Why there is no key; "" if there is one.
  static std::string Refusal(const std::string& program, milliseconds most = milliseconds(20000)) {
    const auto key = ReadKeyFromCommand(program, most);
    if (key.ok()) return "";
    EXPECT_EQ(key.status().code(), StatusCode::kFailedPrecondition);
    EXPECT_EQ(key.status().field(), program);
    return std::string(key.status().message());
  }
  static bool Says(const std::string& refusal, const std::string& what) {
    return refusal.find(what) != std::string::npos;
  }

  ScratchDirectory scratch_;
};

TEST_F(KeyCommand, IsMisread) {
  const std::string bytes(32, static_cast<char>(0xaa));
  for (const char* end : {"", "\\n"}) {
    const auto key = ReadKeyFromCommand(Script("printf '" + kDigits + end + "'\n"));
    ASSERT_TRUE(key.ok()) << key.status().ToString();
    EXPECT_EQ(key->bytes(), bytes);
  }
  const auto slowly = ReadKeyFromCommand(
      Script("printf " + kDigits.substr(32) + "; sleep 0.2; printf " + kDigits.substr(32) + "\n"));
  EXPECT_TRUE(slowly.ok());
}

TEST_F(KeyCommand, SomethingElseIsTakenForAKey) {
  for (const std::string& said :
       {std::string(), kDigits.substr(1), kDigits + "0", kDigits + "\\n\\n",
        "x" + kDigits.substr(1), kDigits + "\\n" + kDigits, " " + kDigits}) {
    EXPECT_TRUE(Says(Refusal(Script("printf '" + said + "'\n")), "printed no key")) << said;
  }
  EXPECT_TRUE(Says(Refusal(Script("yes\n")), "no key"));
}

TEST_F(KeyCommand, AKeyIsTakenFromWhatFailed) {
  EXPECT_TRUE(Says(Refusal(Script("echo " + kDigits + "; exit 3\n")), "ended with 3"));
  EXPECT_TRUE(Says(Refusal(Script("echo " + kDigits + "; kill -9 $$\n")), "ended with 137"));
}

TEST_F(KeyCommand, AProgramOfOthersIsRun) {
  for (const mode_t mode : {0720, 0702, 0722}) {
    EXPECT_TRUE(Says(Refusal(Script("echo " + kDigits + "\n", mode)), "chmod go-w"));
  }
  EXPECT_TRUE(Says(Refusal("program"), "absolute"));
  EXPECT_TRUE(Says(Refusal("/bin/echo " + kDigits), "cannot be run"));
  EXPECT_TRUE(Says(Refusal(scratch_ / "absent"), "cannot be run"));
  EXPECT_TRUE(Says(Refusal(scratch_ / "."), "not a program"));
  EXPECT_TRUE(Says(Refusal(Script("echo " + kDigits + "\n", 0600)), "cannot be run"));
  EXPECT_TRUE(Says(Refusal(Script("echo " + kDigits + "\n", 0700, "")), "cannot be run"))
      << "by a shell";
}

TEST_F(KeyCommand, OneThatNeverEndsIsWaitedFor) {
  const std::string alive = scratch_ / "alive";
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(Says(Refusal(Script("sleep 600\n"), milliseconds(300)), "300 ms"));
  // It has closed its output, and left somebody behind.
  EXPECT_TRUE(Says(Refusal(Script("echo " + kDigits + "\n(while :; do touch " + alive +
                                  "; sleep 0.1; done) >&- &\nexec sleep 600 >&-\n"),
                           milliseconds(500)),
                   "500 ms"));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(60));
  std::filesystem::remove(alive);
  std::this_thread::sleep_for(milliseconds(600));
  EXPECT_FALSE(std::filesystem::exists(alive)) << "who was begun by it goes on";
}

}  // namespace
}  // namespace cordon
