// Fears about formats: that a store of another one is opened, that an upgrade which broke off
// leaves a store that some server takes for whole, or that a backup brings an older one back.
#include "engine/upgrade.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "engine/format.h"
#include "engine/store/backup.h"
#include "tests/engine/erasing.h"

namespace cordon {
namespace {

// A store of two formats ago, as its name says, which is upgraded by planted steps.
class Upgrading : public Erasing {
 protected:
  void SetUp() override {
    Erasing::SetUp();
    Ingest("doc");
    engine_.reset();
    SetFormat("cordon 0");
  }

  void SetFormat(const std::string& text) {
    std::ofstream(paths().Format(), std::ios::trunc) << text << "\n";
  }
  std::string Format() const {
    std::ifstream file(paths().Format());
    std::string text;
    std::getline(file, text);
    return text;
  }
  // What a step has done leaves its name in a file.
  void Note(const std::string& name) const {
    std::ofstream(scratch_ / "done", std::ios::app) << name << " ";
  }
  std::string Done() const {
    std::ifstream file(scratch_ / "done");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<UpgradeStep> Steps(const std::function<Status()>& second) const {
    return {{"cordon 0", "cordon 1",
             [this](const DataPaths&) {
               Note("first");
               return OkStatus();
             }},
            {"cordon 1", kFormatVersion, [this, second](const DataPaths&) {
               Note("second");
               return second();
             }}};
  }
  StatusOr<std::string> Try(const std::function<Status()>& second = OkStatus) const {
    return Upgrade(paths(), Steps(second));
  }
  // What the servers say: this one, and one that knows the planted steps.
  std::string Refusal() const {
    const Status opened = Engine::Open(Options(paths())).status();
    const Status checked = CheckFormat(paths(), Steps(OkStatus));
    EXPECT_EQ(opened.code(), checked.code());
    EXPECT_EQ(VerifyStore(paths()).status().code(), checked.code());
    EXPECT_TRUE(checked.ok() || checked.field() == "data_dir") << checked.ToString();
    return std::string(checked.message());
  }
  // As if a backup had been made before there were notes.
  void DropNote(uint32_t id) const {
    const std::string path = scratch_ / "backups/meta/" + std::to_string(id);
    std::ifstream file(path);
    std::string line, kept;
    bool dropped = false;
    while (std::getline(file, line)) {
      const bool note = line.starts_with("metadata ");
      if (!note) kept += line + "\n";
      dropped |= note;
    }
    EXPECT_TRUE(dropped) << kept;
    std::ofstream(path, std::ios::trunc) << kept;
  }
  bool RefusalSays(const std::string& text) const { return Refusal().find(text) != text.npos; }
};

TEST_F(Upgrading, AnOlderStoreIsOpenedAsItIs) {
  EXPECT_TRUE(RefusalSays("run cordond upgrade")) << Refusal();
  const auto before = Try();
  ASSERT_TRUE(before.ok()) << before.status().ToString();
  EXPECT_EQ(*before, "cordon 0");
  EXPECT_EQ(Done(), "first second ");
  EXPECT_EQ(Format(), kFormatVersion);
  Open();
  EXPECT_TRUE(Sees("doc"));
  engine_.reset();
  EXPECT_EQ(*Try(), kFormatVersion) << "it is so already";
  EXPECT_EQ(Done(), "first second ");
}

TEST_F(Upgrading, AStepThatFailedLeavesAStoreForSomeServer) {
  const auto failed = Try([] { return Status(StatusCode::kUnavailable, "data_dir", "full"); });
  EXPECT_EQ(Outcome(failed), "UNAVAILABLE: data_dir");
  EXPECT_TRUE(RefusalSays("upgrade from 'cordon 1' to 'cordon 2' was interrupted")) << Refusal();
  ASSERT_TRUE(Try().ok());
  EXPECT_EQ(Done(), "first second second ") << "what was finished is not done again";
  Open();
  EXPECT_TRUE(Sees("doc"));
}

TEST_F(Upgrading, AProcessThatDiedInAStepLeavesAStoreForSomeServer) {
  EXPECT_EXIT((void)Try([]() -> Status { std::_Exit(7); }), testing::ExitedWithCode(7), "");
  EXPECT_EQ(Format(), "cordon 1 to cordon 2");
  EXPECT_TRUE(RefusalSays("was interrupted")) << Refusal();
  ASSERT_TRUE(Try().ok());
  Open();
  EXPECT_TRUE(Sees("doc"));
}

TEST_F(Upgrading, ANewerOrAnUnknownStoreIsUpgraded) {
  const std::pair<const char*, const char*> kinds[] = {
      {"cordon 3", "newer"},         {"cordon 99", "newer"}, {"cordon 2 to cordon 3", "wrote it"},
      {"cordon 1 beta", "wrote it"}, {"", "no format"},      {"x", "wrote it"}};
  for (const auto& [format, says] : kinds) {
    SetFormat(format);
    EXPECT_TRUE(RefusalSays(says)) << format << ": " << Refusal();
    EXPECT_EQ(Outcome(Try()), "FAILED_PRECONDITION: data_dir") << format;
    EXPECT_EQ(Format(), format);
  }
  EXPECT_EQ(Done(), "");
}

// Without steps that begin with it, as of this server.
TEST_F(Upgrading, AStoreOlderThanTheOldestIsUpgraded) {
  const auto refused = Upgrade(paths());
  EXPECT_EQ(Outcome(refused), "FAILED_PRECONDITION: data_dir");
  EXPECT_NE(refused.status().message().find("earlier server"), std::string_view::npos)
      << refused.status().ToString();
  EXPECT_EQ(Format(), "cordon 0");
}

TEST_F(Upgrading, AServedStoreIsUpgraded) {
  SetFormat(std::string(kFormatVersion));
  Open();
  SetFormat("cordon 1");
  EXPECT_EQ(Outcome(Try()), "FAILED_PRECONDITION: keys_dir");
  EXPECT_EQ(Format(), "cordon 1");
  EXPECT_EQ(Done(), "");
}

TEST_F(Upgrading, TwoUpgradesAreAtWorkAtOnce) {
  std::string other;
  const auto upgraded = Try([&] {
    other = Outcome(Try());
    return OkStatus();
  });
  ASSERT_TRUE(upgraded.ok()) << upgraded.status().ToString();
  EXPECT_EQ(other, "FAILED_PRECONDITION: data_dir");
  EXPECT_EQ(Done(), "first second ");
}

// The program that prints the master key runs after FORMAT is read, and before the keys are held.
TEST_F(Upgrading, AnUpgradeThatBeginsDuringAStartIsOverlooked) {
  SetFormat(std::string(kFormatVersion));
  const std::string program = scratch_ / "program";
  std::ofstream(program) << "#!/bin/sh\necho cordon 2 to cordon 3 > '" << paths().Format()
                         << "'\ncat '" << paths().MasterKey() << "'\n";
  fs::permissions(program, fs::perms::owner_all);
  DataPaths where = paths();
  where.master_key.clear();
  where.master_key_command = program;
  EXPECT_EQ(Outcome(Engine::Open(Options(where))), "FAILED_PRECONDITION: data_dir");
  EXPECT_EQ(Format(), "cordon 2 to cordon 3");
  SetFormat(std::string(kFormatVersion));
  Open();
  EXPECT_TRUE(Sees("doc"));
}

TEST_F(Upgrading, ThisServersStepsLeadSomewhereElse) {
  const auto steps = UpgradeSteps();
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].to, i + 1 < steps.size() ? steps[i + 1].from : kFormatVersion);
  }
}

TEST_F(Upgrading, ABackupOfAnotherFormatIsRestoredAsOneOfThis) {
  SetFormat(std::string(kFormatVersion));
  Open();
  const auto made = engine_->Backup(0);
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  EXPECT_EQ(made->format, kFormatVersion);
  engine_.reset();
  {
    const auto database = Database::Open(paths().Store(), /*create=*/false);
    ASSERT_TRUE(database.ok()) << database.status().ToString();
    BackupStop stop;
    ASSERT_TRUE(
        MakeBackup(**database, scratch_ / "backups", 2, "cordon 1", /*keep=*/0, &stop).ok());
  }
  const auto restored = [&](uint32_t id) {
    return Outcome(RestoreStore(scratch_ / "backups", id, paths("restored")));
  };
  for (const uint32_t id : {0, 2}) EXPECT_EQ(restored(id), "FAILED_PRECONDITION: backup") << id;
  EXPECT_FALSE(HoldsStore(paths("restored")));
  EXPECT_EQ(restored(1), "OK");
}

// "cordon 2" was the only one then.
TEST_F(Upgrading, ABackupThatDoesNotSayItsFormatIsOfAny) {
  SetFormat(std::string(kFormatVersion));
  Open();
  ASSERT_TRUE(engine_->Backup(0).ok());
  DropNote(1);
  const auto backups = engine_->Backups(/*verify=*/false);
  ASSERT_TRUE(backups.ok()) << backups.status().ToString();
  ASSERT_EQ(backups->size(), 1u);
  EXPECT_EQ(backups->at(0).revision, 0u) << "it has no note";
  EXPECT_TRUE(CheckBackupFormat(backups->at(0), "cordon 2").ok());
  const Status refused = CheckBackupFormat(backups->at(0), "cordon 3");
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition) << refused.ToString();
  EXPECT_EQ(refused.field(), "backup");
}

}  // namespace
}  // namespace cordon
