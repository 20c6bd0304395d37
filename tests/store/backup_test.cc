// Verifying backups that are larger than anybody waits for.
#include "engine/store/backup.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/store/scratch_directory.h"

namespace cordon {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A directory with one backup, of one file of `bytes` zeros that take no room on the disk.
void MakeLarge(const std::string& dir, uint64_t bytes) {
  std::filesystem::create_directories(dir + "/meta");
  std::filesystem::create_directories(dir + "/private/1");
  std::ofstream(dir + "/meta/1") << "1700000000\n1\n1\nprivate/1/large crc32 1\n";
  std::ofstream(dir + "/private/1/large") << 'x';
  std::filesystem::resize_file(dir + "/private/1/large", bytes);
}

TEST(ListBackups, VerifiesOnWhileTheServerStops) {
  const ScratchDirectory scratch;
  MakeLarge(scratch / "backups", uint64_t{8} << 30);  // seconds, on any machine
  BackupStop stop;
  const auto begun = steady_clock::now();
  std::thread stopping([&] {
    std::this_thread::sleep_for(milliseconds(200));
    stop.Stop();
  });
  const auto listed = ListBackups(scratch / "backups", /*verify=*/true, &stop);
  stopping.join();
  EXPECT_EQ(listed.status().code(), StatusCode::kUnavailable) << listed.status().ToString();
  EXPECT_GE(steady_clock::now() - begun, milliseconds(200)) << "there was nothing to verify";
  const auto unverified = ListBackups(scratch / "backups", /*verify=*/false, &stop);
  ASSERT_TRUE(unverified.ok()) << unverified.status().ToString();
  ASSERT_EQ(unverified->size(), 1u);
  EXPECT_FALSE(unverified->at(0).whole.has_value());
}

TEST(ListBackups, CallsADamagedBackupWhole) {
  const ScratchDirectory scratch;
  MakeLarge(scratch / "backups", 100);
  BackupStop stop;
  const auto listed = ListBackups(scratch / "backups", /*verify=*/true, &stop);
  ASSERT_TRUE(listed.ok()) << listed.status().ToString();
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ(listed->at(0).whole, false);
}

}  // namespace
}  // namespace cordon
