// Named places at which a process dies as by kill -9.
//
// A crash can only show in what lies on disk and in what was answered. So the places are every
// change of a file (before it, after it, and halfway through a write), caught at the system calls
// that engine, RocksDB and the standard library make in this process, and RocksDB's own sync
// points, which Debian's build has. What happens between two of them leaves the same files behind.
//
// Names: "KIND.CALL.WHEN", such as "wal.sync.before" or "journal.write.half"; or a sync point's.
//
// Files of the index and of the keys, or of other directories that a test names, may meet with
// other things as well: the power goes off, and with it what of them was not synced, or their disk
// is full. And any call may fail, at a place or as the nth of all.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cordon {

enum class Mishap {
  kKilled,
  kPowerLost,  // what of these directories was not synced is gone or garbled; the rest is as it was
  kFails,      // the call says EIO, done or not, and what comes later works
  kDiskFull,   // nothing can be created or written in them any more, from then on
};

// What happens at the place that DieAt() names; kKilled if nothing was said. To be said before.
// `directories` below the root are the ones that lose power or are full; `seed` is what a loss of
// power draws by.
void HappensThere(Mishap mishap, std::vector<std::string> directories = {"index", "keys"},
                  uint64_t seed = 0);
// Whether it has happened, and where; empty if not.
bool HasHappened();
std::string HappenedAt();

// From now on the process dies when it comes to `name` for the `nth` time, from 1; an empty name
// only counts. `root` is the data directory whose files are watched.
void DieAt(const std::string& root, const std::string& name, uint64_t nth,
           const std::vector<std::string>& sync_points);

// How a call fails: it is not done, half of it is, or it is done and said to have failed.
enum class Failure { kEio, kNoSpace, kShortWrite, kDoneAndEio };

// From now on the `nth` of all calls that change files below `root`, from 1, fails so, and no
// other; 0 only counts them.
void FailNth(const std::string& root, uint64_t nth, Failure failure);
uint64_t CallsSeen();
// Nothing more happens, and nothing is watched.
void EndWatch();

// Comes to a place of the test's own.
void ComeTo(const std::string& name);

// How often each place was come to.
std::map<std::string, uint64_t> PlacesSeen();

// Appends to a file past the watch, in one piece: what a process says before it dies.
void AppendUnwatched(const std::string& file, const std::string& text);

}  // namespace cordon
