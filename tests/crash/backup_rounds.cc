#include "tests/crash/backup_rounds.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "engine/base/check.h"
#include "engine/verify_erased.h"
#include "engine/verify_store.h"

namespace cordon {
namespace {

namespace fs = std::filesystem;

constexpr int kKept = 3;                // backups
constexpr uint64_t kPause_us = 50'000;  // between two, at most
constexpr ptrdiff_t kSoughtWords = 10;
constexpr int kRefused = 1;  // exit code of a command that says why not, and not of one that dies

// The number that follows these words.
uint64_t NumberAfter(const std::string& words, const std::string& text) {
  const size_t at = text.find(words);
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + words.size(), nullptr, 10);
}

}  // namespace

void BackupRounds::Begin(uint64_t round) {
  left_ = (kEvery - round % kEvery) % kEvery;
  if (!HasBackups()) return;
  if (left_ == kWithBackups - 1) Remember();
  near_ = false;
  caller_ = std::thread([this] { Call(); });
}

void BackupRounds::Remember() {
  acknowledged_.clear();
  remembered_.clear();
  for (Client* client : store_.clients()) {
    remembered_.push_back(client->lane.state);
    client->lane.remembered.clear();
    client->lane.remembers = true;
  }
}

// One after the other until the server is gone.
void BackupRounds::Call() {
  v1::CreateBackupRequest request;
  request.set_keep(kKept);
  while (true) {
    v1::CreateBackupResponse response;
    under_way_ = true;
    const auto made =
        store_.stubs().admin->CreateBackup(Stubs::As(store_.admin()).get(), request, &response);
    under_way_ = false;
    if (!made.ok()) {
      if (!near_) problem_ = "a backup failed: " + made.error_message();
      return;
    }
    acknowledged_.push_back(response.backup());
    ++made_;
    std::this_thread::sleep_for(std::chrono::microseconds(random_.Below(kPause_us)));
  }
}

void BackupRounds::Join() {
  if (caller_.joinable()) caller_.join();
}

void BackupRounds::StopIsNear() {
  if (!HasBackups()) return;
  near_ = true;
  broken_off_ += under_way_.load();
}

void BackupRounds::Died() {
  if (!HasBackups()) return;
  Join();
  EXPECT_TRUE(problem_.empty()) << problem_;
  newest_ = 0;
  for (const Client* client : store_.clients()) {
    for (const auto& change : client->lane.acknowledged) {
      newest_ = std::max(newest_, change.revision);
    }
  }
  if (left_ == 0) KeepWitnesses();
}

// As the kill left them: what the store has beyond its journal the next start adds to that.
void BackupRounds::KeepWitnesses() {
  fs::create_directories(store_.path("trial"));
  for (const char* name : {"journal", "keys"}) {
    fs::copy(store_.path("data") + "/" + name, store_.path("trial") + "/" + name,
             fs::copy_options::recursive);
  }
}

void BackupRounds::Restarted() {
  if (!HasBackups()) return;
  const auto offered = CheckOffered();
  if (left_ > 0) return;
  // The newest that is whole, acknowledged or not; without one that was, the lanes remember too
  // little of what it holds.
  const v1::Backup* newest = nullptr;
  for (const auto& backup : offered.backups()) {
    if (backup.whole()) newest = &backup;
    if (!backup.whole()) CheckRefused(backup.id());
  }
  if (newest != nullptr && !acknowledged_.empty()) RestoreAndCheck(*newest);
  fs::remove_all(store_.path("trial"));
  for (Client* client : store_.clients()) {
    client->lane.remembers = false;
    client->lane.remembered.clear();
  }
}

// All that was acknowledged is there, but for what later ones have ended by `keep`.
v1::ListBackupsResponse BackupRounds::CheckOffered() {
  v1::ListBackupsRequest request;
  request.set_verify(left_ == 0);
  v1::ListBackupsResponse offered;
  if (acknowledged_.empty()) return offered;
  const auto asked =
      store_.stubs().admin->ListBackups(Stubs::As(store_.admin()).get(), request, &offered);
  EXPECT_TRUE(asked.ok()) << asked.error_message();
  const auto& backups = offered.backups();
  for (const auto& one : acknowledged_) {
    const bool ended = backups.size() >= kKept && one.id() < backups[0].id();
    const auto found = std::find_if(backups.begin(), backups.end(),
                                    [&](const auto& backup) { return backup.id() == one.id(); });
    EXPECT_TRUE(ended || found != backups.end()) << "backup " << one.id() << " is lost";
    if (found == backups.end()) continue;
    EXPECT_EQ(found->revision(), one.revision());
    EXPECT_TRUE(found->whole() || !request.verify()) << "backup " << one.id() << " is damaged";
  }
  return offered;
}

// What a kill left half-made.
void BackupRounds::CheckRefused(uint32_t backup) {
  std::string output;
  EXPECT_EQ(Restore(backup, &output), kRefused) << output;
}

void BackupRounds::RestoreAndCheck(const v1::Backup& backup) {
  std::string output;
  ASSERT_EQ(Restore(backup.id(), &output), 0) << output;
  const uint64_t held = NumberAfter("content up to revision ", output);
  const uint64_t told = NumberAfter("ends at revision ", output);
  EXPECT_GE(held, backup.revision()) << output;
  EXPECT_GE(told, newest_) << "the journal lacks what was acknowledged";
  std::vector<Lane> lanes = Expected(held, told);
  CheckFiles(lanes);
  CheckServed(std::move(lanes), told);
  ++restored_;
}

std::vector<Lane> BackupRounds::Expected(uint64_t held, uint64_t told) const {
  std::vector<Lane> lanes;
  for (size_t i = 0; i < remembered_.size(); ++i) {
    const Lane& now = store_.clients()[i]->lane;
    Lane& lane = lanes.emplace_back();
    lane.name = now.name;
    lane.state = remembered_[i];
    for (const auto& [change, answer] : now.remembered) {
      if (answer.revision <= held) {
        lane.state.Apply(change, answer);
      } else if (answer.revision <= told) {
        lane.state.Replay(change, answer);
      }
    }
  }
  return lanes;
}

// Before anybody opens the store: it is sound, and what was erased is nowhere in it.
void BackupRounds::CheckFiles(const std::vector<Lane>& lanes) const {
  const auto verified = VerifyStore(paths());
  ASSERT_TRUE(verified.ok()) << verified.status().ToString();
  for (const auto& damage : verified->damage) ADD_FAILURE() << damage.where << ": " << damage.what;
  std::vector<std::string> words;
  for (const Lane& lane : lanes) {
    const auto& erased = lane.state.erased;
    const ptrdiff_t last = std::min(kSoughtWords, std::ssize(erased));
    words.insert(words.end(), erased.end() - last, erased.end());
  }
  const auto searched = VerifyErased(paths(), words);
  ASSERT_TRUE(searched.ok()) << searched.status().ToString();
  for (const auto& found : searched->found) ADD_FAILURE() << found.file << ": " << found.where;
}

void BackupRounds::CheckServed(std::vector<Lane> lanes, uint64_t revision) const {
  const DataPaths at = paths();
  ServerProcess server(at.data_dir, store_.path("trial/log"),
                       {"--journal-dir", at.journal_dir, "--journal-key", at.journal_key,
                        "--keys-dir", at.keys_dir, "--master-key", at.master_key});
  ASSERT_TRUE(server.Start()) << server.Log();
  const Stubs stubs(server.address());
  const std::string& bearer = store_.clients()[0]->bearer;
  std::vector<Lane*> all;
  for (Lane& lane : lanes) all.push_back(&lane);
  for (const auto& problem : CheckHeld(all, stubs.AskedBy(bearer), revision)) {
    ADD_FAILURE() << "restored: " << problem;
  }
  for (const Lane& lane : lanes) CheckKeysWork(lane.state, stubs);
  CheckJournal(stubs, bearer);
}

int BackupRounds::Restore(uint32_t backup, std::string* output) const {
  const DataPaths at = paths();
  const std::string command = fmt::format(
      "'{}' restore --from '{}' --backup {} --data-dir '{}' --journal-dir '{}' --journal-key '{}' "
      "--keys-dir '{}' --master-key '{}' 2>&1",
      CORDON_SERVER_PATH, store_.path("backups"), backup, at.data_dir, at.journal_dir,
      at.journal_key, at.keys_dir, at.master_key);
  FILE* const said = popen(command.c_str(), "r");
  CORDON_CHECK(said != nullptr);
  std::array<char, 4096> some;
  while (const size_t count = std::fread(some.data(), 1, some.size(), said)) {
    output->append(some.data(), count);
  }
  const int status = pclose(said);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

DataPaths BackupRounds::paths() const {
  return {store_.path("trial/data"), store_.path("trial/journal"),
          store_.path("data/dev/journal.key"), store_.path("trial/keys"),
          store_.path("data/dev/master.key")};
}

}  // namespace cordon
