// A disk that a test can fail, fill, hold and cut off from power, below the store and the journal.
//
// Files lie on the real disk, but nothing is really synced: the model remembers of each file how
// much was synced, and of the directory which changes were not. LosePower then leaves of the rest
// what a real loss might leave. A file that the model has not seen is durable as it is.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace cordon {

using Rng = std::mt19937_64;

// Whose files: each side counts its own I/O.
enum class Side { kStore, kJournal };

// What an I/O is, as far as faults differ.
enum class Io { kExamine, kRead, kAppend, kSync, kChange };

enum class FaultKind { kEio, kNoSpace, kShortWrite };

// What a loss of power does to what was not synced.
enum class Loss {
  kDropped,  // all of it is gone
  kTorn,     // a random part of it, from the front, is there
  kGarbled,  // sectors of it hold zeros or rubbish
};

// The result of one I/O: 0, or an errno.
struct IoResult {
  int error = 0;
  bool ok() const { return error == 0; }
};

// Thread-safe, but for LosePower.
class DiskModel {
 public:
  // `attic` is a directory for what was deleted and may come back.
  explicit DiskModel(std::string attic);

  // From the `n`-th I/O of a side on, counted from now: that one fails, or with `lasting` all.
  void FailAt(Side side, uint64_t n, FaultKind kind, bool lasting);
  // Whether that has happened; -1 beside what kind of I/O it was.
  bool failed() const { return failed_; }
  // The `n`-th modifying I/O of either side and all later ones do nothing and fail.
  void CutPowerAt(uint64_t n);
  bool off() const { return off_; }
  // Appends fail for lack of space, leaving a part of them behind.
  void SetFull(Side side, bool full);
  // Syncs wait while it is true.
  void Hold(Side side, bool hold);
  // Nothing fails any more; counts begin at 0.
  void Mend();
  uint64_t count(Side side) const;

  // Leaves on the disk what a loss of power leaves. No file may be open.
  void LosePower(Loss loss, Rng* rng);

  // What the file systems above do. `work` does it on the real disk and gives an errno or 0.
  using Work = std::function<int()>;
  IoResult Examine(Side side, const Work& work) { return Do(side, Io::kExamine, work); }
  IoResult Read(Side side, const Work& work) { return Do(side, Io::kRead, work); }
  // `work` creates the file, empty if it exists; `durable`: name and content are synced at once.
  IoResult Create(Side side, const std::string& path, bool durable, const Work& work);
  // `write(n)` appends the first n of `bytes`.
  IoResult Append(Side side, const std::string& path, size_t bytes,
                  const std::function<int(size_t)>& write);
  IoResult Sync(Side side, const std::string& path);
  IoResult Truncate(Side side, const std::string& path, uint64_t size, const Work& work);
  IoResult Rename(Side side, const std::string& from, const std::string& to, const Work& work);
  IoResult Delete(Side side, const std::string& path);
  IoResult SyncDirectory(Side side, const std::string& directory);

 private:
  struct File {
    uint64_t durable = 0;               // bytes from the front that are synced
    std::optional<std::string> before;  // the synced bytes, while a cut of them is not synced
  };
  // A change of a directory that is not synced.
  struct Change {
    enum Kind { kCreated, kRenamed, kDeleted } kind;
    std::string path;
    std::string from;   // of kRenamed
    std::string attic;  // what was deleted or written over lies here; may be empty
  };
  struct Plan {
    uint64_t count = 0;
    uint64_t fail_at = 0;  // 0: never
    FaultKind kind = FaultKind::kEio;
    bool lasting = false;
    bool full = false;
    bool hold = false;
  };

  IoResult Do(Side side, Io io, const Work& work);
  // Counts an I/O; 0 if it may be done, else the errno. Requires mutex_.
  int Begin(Side side, Io io);
  File& FileOf(const std::string& path);
  std::string ToAttic(const std::string& path);
  void Move(const std::string& from, const std::string& to);
  void Undo(const Change& change);
  void LoseContent(const std::string& path, const File& file, Loss loss, Rng* rng);
  Plan& plan(Side side) { return plans_[static_cast<size_t>(side)]; }

  const std::string attic_;
  mutable std::mutex mutex_;
  std::condition_variable released_;
  // Guarded by mutex_:
  Plan plans_[2];
  uint64_t power_left_ = 0;  // modifying I/Os; 0: no end
  bool short_ = false;       // the I/O that fails leaves half of itself
  std::map<std::string, File> files_;
  std::vector<Change> changes_;
  uint64_t stored_away_ = 0;

  std::atomic<bool> off_{false};
  std::atomic<bool> failed_{false};
};

}  // namespace cordon
