// A store that is backed up, restored and upgraded while something goes wrong, and what must be
// there afterwards, written down by hand: the store as it was acknowledged, backups that are whole
// or no backups, a restored store that is whole or refused, and nothing that was erased or revoked.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/upgrade.h"
#include "tests/crash/crash_run.h"
#include "tests/store/scratch_directory.h"

namespace cordon {

namespace fs = std::filesystem;

// Where things lie below one directory.
struct BackupPaths {
  explicit BackupPaths(const std::string& root)
      : root(root),
        backups(root + "/backups"),
        data(At("data")),
        restored(At("restored")),
        acknowledged(root + "/acknowledged") {}
  DataPaths At(const std::string& name) const {
    return {root + "/" + name, root + "/journal", root + "/journal.key", root + "/keys",
            root + "/master.key"};
  }

  std::string root;
  std::string backups;
  DataPaths data;
  DataPaths restored;        // with the same journal and keys
  std::string acknowledged;  // there once a script's work is
};

StatusOr<std::unique_ptr<Engine>> OpenWorld(const BackupPaths& paths, const DataPaths& data);

// What each user sees, a line a passage.
StatusOr<std::string> Seen(Engine* engine);
std::string SeenNow();       // in the store, and restored from a backup of now
std::string SeenRestored();  // from the first backup: older contents under newer access

// Writes a document anew as it is, so that there is something to back up.
Status Touch(Engine* engine);

// FORMAT says another, of two steps ago; what leads from there to today's. The second step has a
// place in its middle, "step.half".
void SetOldFormat(const DataPaths& data);
std::vector<UpgradeStep> PlantedSteps();

// What a process of its own does: "first" makes the first backup, "backup" another, which ends the
// one before, "restore" restores the newest, "upgrade" upgrades. It comes to "acknowledged" when
// that is done. Returns what went wrong.
std::string BackupScript(const ScriptRun& run);

class BackupWorld : public testing::Test {
 protected:
  // A store with one backup, after which lists, members and contents were changed, one document was
  // erased, one was deleted and one is new. Made once.
  static const std::string& Prepared();
  std::string root() const { return scratch_ / "root"; }
  BackupPaths paths() const { return BackupPaths(root()); }
  // root() is a copy of it.
  void Begin();

  // The store serves all, or has been given up: by a restore of which the journal has the note.
  void CheckStore();
  // No backup is half of one, or it is told as damaged if there may be such; the next one is made,
  // and is then the only one, with nothing beside it.
  void CheckBackups(bool may_be_damaged);
  // The newest backup is restored whole; what is no backup is refused.
  void CheckNewest();
  // What a restore of the first backup has left is whole, or refused with what to do, which works.
  void CheckRestored();
  // What an upgrade has left is whole, or refused with what to do, which works.
  void CheckUpgraded();
  // That the script's work was acknowledged.
  bool Acknowledged() const { return fs::exists(paths().acknowledged); }

 private:
  bool RestoreIsNoted() const;
  void CheckNothingBeside(uint32_t backup) const;
  void CheckWhole(const std::string& seen);
  void CheckErased() const;

  ScratchDirectory scratch_;
};

}  // namespace cordon
